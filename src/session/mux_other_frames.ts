/**
 * The frames of mux() that take more to tell apart than a look at their kind:
 * those of streams, and calls with whatever flags.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import type { MuxAnswers } from "./mux_answers.ts";
import type { MuxCalls } from "./mux_calls.ts";
import type { MuxLink } from "./mux_link.ts";
import { unknownKind } from "./mux_refusals.ts";
import { allStreams, bytesOf } from "./mux_stream_pool.ts";
import * as wire from "./mux_wire.ts";

const { Kind } = wire;

/** Who has the calls of both ends: what is not there yet is made when it is asked for. */
interface CallsOfBoth {
  readonly calls: MuxCalls;
  readonly answers: MuxAnswers;
}

/** Takes such a frame. Throws `protocol` for one that breaks the rules, and for a call where none may be made. */
export function takeOther(frame: Uint8Array, link: MuxLink, of: CallsOfBoth, mayCall: boolean): void {
  const { streams } = link;
  let known = wire.knownFlags;
  if (streams !== undefined) {
    switch (frame[0]) {
      case Kind.reply | wire.Flag.stream:
      case Kind.item | wire.answering:
      case Kind.end | wire.answering:
      case Kind.stop | wire.answering:
      case Kind.window | wire.answering:
      case Kind.done | wire.answering:
        return of.calls.streamed(frame);
      case Kind.window:
        if (wire.callOf(frame) === allStreams) return streams.granted(bytesOf(frame));
        return of.answers.streamed(frame);
      case Kind.item:
      case Kind.end:
        return of.answers.streamed(frame);
    }
    known |= wire.Flag.stream;
  }
  // The kind is the low half; a flag that is not known makes it no kind at all.
  switch (frame[0] & ~known) {
    case Kind.call:
      if (!mayCall) throw new TransportError("protocol", "Frame refused: a call after GOAWAY");
      return of.answers.serve(frame);
    case Kind.send:
      if (frame[0] < wire.Flag.stream) return of.answers.serveOneWay(frame);
  }
  throw unknownKind(frame);
}
