/**
 * What all streams of a mux() session share: a window over the items of all of
 * them together, in each direction. See `mux.md` beside this file.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import * as wire from "./mux_wire.ts";

/** The number that stands for all streams in a WINDOW. */
export const allStreams = 0xffff_ffff;

/** The most credit that a stream may have. */
export const mostCredit = 0x7fff_ffff;

/** What an item takes of a window. */
export function costOf(item: Uint8Array): number {
  return item.length + wire.frameOverheadBytes;
}

/** More credit for one stream, or for all. */
export function windowFrame(flag: number, id: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(wire.callHeadBytes + 4);
  frame[0] = wire.Kind.window | flag;
  wire.writeU32(frame, 1, id);
  wire.writeU32(frame, wire.callHeadBytes, bytes);
  return frame;
}

/** The bytes that a WINDOW gives. Throws `protocol` for none. */
export function bytesOf(frame: Uint8Array): number {
  wire.need(frame, wire.callHeadBytes + 4);
  const bytes = wire.readU32(frame, wire.callHeadBytes);
  if (bytes === 0) throw new TransportError("protocol", "Frame refused: it gives a stream 0 bytes of credit");
  return bytes;
}

/** The error for credit that was not owed. */
export function notOwed(bytes: number): TransportError {
  return new TransportError(
    "protocol",
    `Frame refused: it gives streams ${bytes} bytes of credit, which were not owed`,
  );
}

/** The error for an item that came without credit. */
export function withoutCredit(owedBytes: number, windowBytes: number): TransportError {
  const why = `${owedBytes} bytes of items were sent without credit for more than ${windowBytes}`;
  return new TransportError("protocol", `Frame refused: ${why}`);
}

/** A stream that waits for credit. */
export interface WaitingStream {
  /** There may be credit. */
  resume(): void;
}

/** See the module. */
export class StreamPool {
  /** What one stream may have on its way, to this end and from it. */
  readonly windowBytes: number;
  readonly peerWindowBytes: number;
  /** What the window of a stream to this end may grow to. */
  readonly maxWindowBytes: number;
  readonly #allBytes: number;
  readonly #peerAllBytes: number;
  readonly #send: (frame: Uint8Array) => void;
  /** What may be sent still; one item may go below 0. */
  #left: number;
  readonly #waiting = new Set<WaitingStream>();
  /** What has come and was not given back, and that of it which was read or dropped. */
  #owedBytes = 0;
  #takenBytes = 0;

  constructor(
    own: { windowBytes: number; maxWindowBytes: number; allBytes: number },
    peer: { windowBytes: number; allBytes: number },
    send: (frame: Uint8Array) => void,
  ) {
    this.windowBytes = own.windowBytes;
    this.maxWindowBytes = Math.max(own.windowBytes, own.maxWindowBytes);
    this.peerWindowBytes = peer.windowBytes;
    this.#allBytes = own.allBytes;
    this.#left = this.#peerAllBytes = peer.allBytes;
    this.#send = send;
  }

  /** Whether an item may be sent; a stream that may not is resumed when it may. */
  admits(stream: WaitingStream): boolean {
    if (this.#left > 0) return true;
    this.#waiting.add(stream);
    return false;
  }

  /** An item was sent. */
  spend(bytes: number): void {
    this.#left -= bytes;
  }

  /** Nobody waits for this stream any more. */
  forget(stream: WaitingStream): void {
    this.#waiting.delete(stream);
  }

  /** The peer has read some. Throws `protocol` for more than was sent. */
  granted(bytes: number): void {
    if (this.#left + bytes > this.#peerAllBytes) throw notOwed(bytes);
    this.#left += bytes;
    // Whoever finds nothing left waits again, behind those that were not asked yet.
    for (const stream of [...this.#waiting]) {
      if (this.#left <= 0) return;
      this.#waiting.delete(stream);
      stream.resume();
    }
  }

  /** An item has come. Throws `protocol` where there was no credit for it. */
  received(bytes: number): void {
    if (this.#owedBytes >= this.#allBytes) throw withoutCredit(this.#owedBytes, this.#allBytes);
    this.#owedBytes += bytes;
  }

  /** Items were read, or dropped. */
  taken(bytes: number): void {
    this.#takenBytes += bytes;
    // By halves of what is not waiting for slow readers: these must not keep the others from their credit.
    const freeBytes = this.#allBytes - this.#owedBytes + this.#takenBytes;
    if (2 * this.#takenBytes < freeBytes) return;
    const given = this.#takenBytes;
    this.#takenBytes = 0;
    this.#owedBytes -= given;
    this.#send(windowFrame(0, allStreams, given));
  }
}
