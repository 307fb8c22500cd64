/**
 * Feeds bytes to a decoder through a receive buffer, as a connection does, and
 * watches over both while it does.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { FrameDecoder, Framing } from "../../mod.ts";
import { ReceiveBuffer } from "../../src/framing/receive_buffer.ts";

/** What a frame gets that only says it is large. */
const claimedBytes = 64 * 1024;

/** A decoder, its buffer, and what came out of them. */
export class Feed {
  /** Views of the buffers, as handed out. */
  readonly messages: Uint8Array[] = [];
  readonly buffer = new ReceiveBuffer();
  readonly decoder: FrameDecoder;
  readonly #maxBytes: number;
  readonly #copies: Uint8Array[] = [];
  #received = 0;

  constructor(framing: Framing) {
    this.decoder = framing.decoder();
    this.#maxBytes = framing.maxBytes;
  }

  /** Receives bytes; throws what the decoder throws. */
  push(bytes: Uint8Array): void {
    const { buffer, decoder } = this;
    let at = 0;
    while (at < bytes.length) {
      const pending = buffer.end - buffer.start;
      const space = buffer.space(decoder.needed);
      // Plain ifs: this runs a million times, and a message for each check would be most of the work.
      if (space.length === 0) assert.fail("there is no room to read into");
      if (decoder.needed <= pending) assert.fail(`the decoder wants ${decoder.needed} bytes and has ${pending}`);
      if (buffer.bytes.length > Math.max(claimedBytes, 4 * this.#received + 256)) {
        assert.fail(`the buffer has ${buffer.bytes.length} bytes after ${this.#received} were received`);
      }
      const count = Math.min(space.length, bytes.length - at);
      space.set(bytes.subarray(at, at + count));
      buffer.filled(count);
      at += count;
      this.#received += count;
      while (decoder.next(buffer.bytes, buffer.start, buffer.end)) this.#take();
    }
  }

  /** Checks that what was handed out is as it was then. */
  checkUnchanged(): void {
    for (let i = 0; i < this.messages.length; i++) {
      if (!equal(this.messages[i], this.#copies[i])) assert.fail(`message ${i} was written over`);
    }
  }

  #take(): void {
    const { buffer, decoder } = this;
    const { messageStart, messageEnd, frameEnd } = decoder;
    if (
      messageStart < buffer.start || messageEnd < messageStart || frameEnd < messageEnd || frameEnd > buffer.end ||
      frameEnd <= buffer.start
    ) {
      assert.fail(`the decoder found ${messageStart}..${messageEnd}..${frameEnd} in ${buffer.start}..${buffer.end}`);
    }
    if (messageEnd - messageStart > this.#maxBytes) assert.fail("a message over the limit was handed out");
    const message = buffer.bytes.subarray(messageStart, messageEnd);
    this.messages.push(message);
    this.#copies.push(message.slice());
    buffer.start = frameEnd;
  }
}

/** Whether both have the same bytes. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Messages as a stream of frames. */
export function frames(framing: Framing, messages: readonly Uint8Array[]): Uint8Array {
  const { headBytes, tailBytes } = framing;
  const stream = new Uint8Array(messages.reduce((sum, { length }) => sum + headBytes + length + tailBytes, 0));
  let at = 0;
  for (const message of messages) {
    framing.writeHead(stream, at, message.length);
    stream.set(message, at += headBytes);
    framing.writeTail(stream, at += message.length);
    at += tailBytes;
  }
  return stream;
}

/** Checks that a stream gives these messages: in one piece, a byte at a time, and cut in two anywhere. */
export function checkEverySplit(framing: Framing, stream: Uint8Array, expected: readonly Uint8Array[]): void {
  const check = (pieces: Uint8Array[], how: string): void => {
    const feed = new Feed(framing);
    for (const piece of pieces) feed.push(piece);
    assert.deepEqual(feed.messages.map((message) => [...message]), expected.map((message) => [...message]), how);
    assert.equal(feed.buffer.start, feed.buffer.end, `${how}: nothing is left over`);
    feed.checkUnchanged();
  };
  check([stream], "in one piece");
  check([...stream].map((byte) => Uint8Array.of(byte)), "a byte at a time");
  for (let at = 1; at < stream.length; at++) check([stream.subarray(0, at), stream.subarray(at)], `cut at ${at}`);
}
