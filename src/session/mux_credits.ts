/**
 * Credits of a mux() session, for channels that can't stop their peer: each end
 * says how much may be on its way to it, and gives more as it takes frames up.
 * See `mux.md` beside this file.
 *
 * What carries the work of others back (replies, credits, signs of life) is
 * always taken up at once. Only requests wait, while replies of this end lack
 * credit. So two ends can't wait for each other: a reply is never held up by
 * its receiver.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import * as wire from "./mux_wire.ts";

const { Kind } = wire;

/** What is done with frames, and how credits get to the peer. */
export interface CreditsOwner {
  /** Takes a frame up. Throws `protocol` for one that breaks the rules. */
  take(frame: Uint8Array): void;
  /** The caller has given up a call that was not taken up yet; of its request stream the end had come where `ended`. */
  cancelledBefore(call: Uint8Array, ended: boolean): void;
  /** Whether replies of this end wait for credit or room. */
  readonly repliesHeld: boolean;
  /** Gives the peer more credit. */
  grant(bytes: number): void;
  /** The peer has broken the rules. */
  abort(reason: TransportError): void;
}

/** See the module. */
export class MuxCredits {
  /** What may be sent still. One frame may go below 0, so that no frame is too large for a window. */
  left: number;
  readonly #peerWindowBytes: number;
  readonly #windowBytes: number;
  readonly #owner: CreditsOwner;
  #room: PromiseWithResolvers<void> | undefined = undefined;
  /** What has come and was not given back. */
  #owedBytes = 0;
  /** That of it which was taken up. */
  #takenBytes = 0;
  /** Requests that were not taken up yet, and at most one GOAWAY after them. */
  #waiting: Uint8Array[] = [];
  #goawayWaits = false;

  constructor(windowBytes: number, peerWindowBytes: number, owner: CreditsOwner) {
    this.#windowBytes = windowBytes;
    this.#peerWindowBytes = peerWindowBytes;
    this.left = peerWindowBytes;
    this.#owner = owner;
  }

  /** Whether requests wait to be taken up. */
  get waiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when there is credit again. */
  get room(): Promise<void> {
    return (this.#room ??= Promise.withResolvers<void>()).promise;
  }

  /** A frame was sent. */
  spend(frameBytes: number): void {
    this.left -= frameBytes + wire.frameOverheadBytes;
  }

  /** The peer sends no more, credits neither: what it still reads is sent without. */
  lift(): void {
    this.left = Infinity;
    this.#letGo();
  }

  /** A frame has come. Throws `protocol` for one that breaks the rules. */
  received(frame: Uint8Array): void {
    const kind = frame[0] & wire.kindMask;
    if (kind === Kind.credit) return this.#granted(frame);
    if (wire.isCounted(kind)) {
      if (this.#owedBytes >= this.#windowBytes) {
        const why =
          `Frame refused: ${this.#owedBytes} bytes were sent without credit for more than ${this.#windowBytes}`;
        throw new TransportError("protocol", why);
      }
      this.#owedBytes += frame.length + wire.frameOverheadBytes;
    }
    if (this.waiting || this.#owner.repliesHeld) {
      if (kind === Kind.call || kind === Kind.send) return void this.#waiting.push(frame);
      if (this.waiting && kind === Kind.goaway) return this.#waitWithGoaway(frame);
      if (kind === Kind.cancel && this.#cancelWaiting(frame)) return;
      if (wire.isOfRequest(frame) && this.#awaitsCall(frame)) return void this.#waiting.push(frame);
    }
    this.#takeUp(frame, kind);
  }

  /** Replies have gone out: takes up the requests that have waited for that. */
  resume(): void {
    try {
      while (this.waiting && !this.#owner.repliesHeld) {
        const frame = this.#waiting.shift()!;
        this.#takeUp(frame, frame[0] & wire.kindMask);
      }
    } catch (error) {
      this.#owner.abort(TransportError.from(error, "protocol"));
    }
  }

  /** The connection is gone. */
  drop(): void {
    this.#waiting = [];
    this.#letGo();
  }

  #takeUp(frame: Uint8Array, kind: number): void {
    this.#owner.take(frame);
    if (wire.isCounted(kind)) this.#taken(frame.length);
  }

  #taken(frameBytes: number): void {
    this.#takenBytes += frameBytes + wire.frameOverheadBytes;
    // By halves of a window: for each frame it would double their number, for whole windows the peer would stand still.
    if (2 * this.#takenBytes < this.#windowBytes) return;
    const bytes = this.#takenBytes;
    this.#takenBytes = 0;
    this.#owedBytes -= bytes;
    this.#owner.grant(bytes);
  }

  #granted(frame: Uint8Array): void {
    const bytes = frame.length === 5 ? wire.readU32(frame, 1) : 0;
    if (bytes === 0 || this.left + bytes > this.#peerWindowBytes) {
      throw new TransportError("protocol", `Frame refused: it gives ${bytes} bytes of credit, which were not owed`);
    }
    this.left += bytes;
    if (this.left > 0) this.#letGo();
  }

  #letGo(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #waitWithGoaway(frame: Uint8Array): void {
    if (this.#goawayWaits) throw new TransportError("protocol", "Frame refused: a second GOAWAY");
    this.#goawayWaits = true;
    this.#waiting.push(frame);
  }

  /** Whether it belongs to a call that was not taken up yet. */
  #awaitsCall(frame: Uint8Array): boolean {
    return frame.length >= wire.callHeadBytes && wire.findCall(this.#waiting, wire.readU32(frame, 1)) >= 0;
  }

  /** Whether the call that is cancelled had not been taken up: then it never is, nor what has come of its request. */
  #cancelWaiting(frame: Uint8Array): boolean {
    if (frame.length < wire.callHeadBytes) return false;
    const id = wire.readU32(frame, 1);
    const at = wire.findCall(this.#waiting, id);
    if (at < 0) return false;
    const [call] = this.#waiting.splice(at, 1);
    let ended = false;
    let bytes = call.length;
    if (call[0] >= wire.Flag.stream) {
      this.#waiting = this.#waiting.filter((other) => {
        if (!wire.isOfRequest(other) || wire.readU32(other, 1) !== id) return true;
        ended ||= other[0] === Kind.end;
        bytes += other.length + wire.frameOverheadBytes;
        return false;
      });
    }
    this.#owner.cancelledBefore(call, ended);
    this.#taken(bytes);
    return true;
  }
}
