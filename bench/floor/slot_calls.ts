/**
 * The floor for calls within the process: a slot table and one promise a call,
 * over two inboxes that are emptied in a microtask.
 *
 * @module
 */

import type { Call } from "./call_load.ts";
import { readUint32, view, writeLength } from "./frames.ts";

const REQUEST = 1;
const REPLY = 2;
/** A type byte and the call's number. */
const HEAD_BYTES = 5;
/** Frames share memory: one allocation for each costs more than all the rest of a call. */
const SLAB_BYTES = 8 * 1024;

/** Hands on in a later turn of the microtask queue what it was sent in this one. */
class Inbox {
  readonly #receive: (frame: Uint8Array) => void;
  readonly #run = (): void => this.#deliver();
  #frames: Uint8Array[] = [];
  #scheduled = false;

  constructor(receive: (frame: Uint8Array) => void) {
    this.#receive = receive;
  }

  send(frame: Uint8Array): void {
    this.#frames.push(frame);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#run);
  }

  #deliver(): void {
    this.#scheduled = false;
    const frames = this.#frames;
    this.#frames = [];
    for (const frame of frames) this.#receive(frame);
  }
}

/** A function that calls `handler` across two inboxes. */
export function slotCalls(handler: (payload: Uint8Array) => Uint8Array): Call {
  const waiting: (((reply: Uint8Array) => void) | undefined)[] = [];
  const free: number[] = [];
  const replies = new Inbox((frame) => {
    const id = readUint32(frame, 1);
    const resolve = waiting[id]!;
    waiting[id] = undefined;
    free.push(id);
    resolve(frame.subarray(HEAD_BYTES));
  });
  const requests = new Inbox((frame) => {
    replies.send(framed(REPLY, readUint32(frame, 1), handler(frame.subarray(HEAD_BYTES))));
  });
  return (payload) =>
    new Promise((resolve) => {
      const id = free.length > 0 ? free.pop()! : waiting.length;
      waiting[id] = resolve;
      requests.send(framed(REQUEST, id, payload));
    });
}

let slab = new Uint8Array(SLAB_BYTES);
let used = 0;

function framed(type: number, id: number, payload: Uint8Array): Uint8Array {
  const end = used + HEAD_BYTES + payload.length;
  if (end > slab.length) {
    slab = new Uint8Array(Math.max(SLAB_BYTES, end - used));
    used = 0;
    return framed(type, id, payload);
  }
  const frame = view(slab, used, end);
  used = end;
  frame[0] = type;
  writeLength(frame, 1, id);
  frame.set(payload, HEAD_BYTES);
  return frame;
}
