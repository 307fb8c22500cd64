/**
 * Frames of mux() that wait for room on the channel, or for credit.
 *
 * @module
 */

import * as wire from "./mux_wire.ts";

/** A frame that waits. */
export interface HeldFrame {
  readonly head: Uint8Array;
  readonly body: Uint8Array;
  readonly isReply: boolean;
  /** Of the message on the channel. */
  readonly priority: number;
}

/** What a held frame costs beside its bytes: what keeps a flood of empty ones bounded, too. */
const heldFrameBytes = 64;

const nothing = new Uint8Array(0);
const sent: HeldFrame = { head: nothing, body: nothing, isReply: false, priority: 0 };

/** Two queues, the oldest first in each: the urgent frames go before all others. */
export class HeldFrames {
  /** What the frames that are not urgent come to. */
  bytes = 0;
  /** What replies among them come to. */
  replyBytes = 0;
  #frames: HeldFrame[] = [];
  #next = 0;
  #urgent: Uint8Array[] = [];

  get isEmpty(): boolean {
    return this.#next === this.#frames.length && this.#urgent.length === 0;
  }

  /** What is held for a peer that does not read: requests are not for it to read first. */
  get unreadBytes(): number {
    return this.replyBytes + this.#urgent.length * heldFrameBytes;
  }

  /** What a frame of so many bytes would come to. */
  static costOf(frameBytes: number): number {
    return frameBytes + heldFrameBytes;
  }

  /** Holds a frame. */
  push(frame: HeldFrame): void {
    const cost = costOf(frame);
    this.#frames.push(frame);
    this.bytes += cost;
    if (frame.isReply) this.replyBytes += cost;
  }

  /** Holds a frame that may overtake all that is not urgent. */
  pushUrgent(frame: Uint8Array): void {
    this.#urgent.push(frame);
  }

  /** Takes the next frame out; undefined where there is none, or none that may go without credit. */
  take(hasCredit: boolean): HeldFrame | undefined {
    const urgent = this.#urgent.shift();
    if (urgent !== undefined) return { head: urgent, body: nothing, isReply: false, priority: wire.priorityOf(urgent) };
    if (this.#next === this.#frames.length) return undefined;
    const frame = this.#frames[this.#next];
    if (!hasCredit && wire.isCounted(frame.head[0] & wire.kindMask)) return undefined;
    this.#frames[this.#next++] = sent;
    this.#uncount(frame);
    // The places are given back now and then: at once would cost a move of all the rest.
    if (this.#next === this.#frames.length || this.#next > 1024) {
      this.#frames.splice(0, this.#next);
      this.#next = 0;
    }
    return frame;
  }

  /** Takes the call of this number out; false where it is not held. */
  takeCall(id: number): boolean {
    const at = wire.findCall(this.#frames.map(({ head }) => head), id);
    if (at < 0) return false;
    this.#uncount(this.#frames[at]);
    this.#frames.splice(at, 1);
    return true;
  }

  #uncount(frame: HeldFrame): void {
    const cost = costOf(frame);
    this.bytes -= cost;
    if (frame.isReply) this.replyBytes -= cost;
  }
}

function costOf({ head, body }: HeldFrame): number {
  return HeldFrames.costOf(head.length + body.length);
}
