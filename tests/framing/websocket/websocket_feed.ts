/**
 * Makes WebSocket frames, and feeds them to a decoder through a receive buffer,
 * as a connection does, watching over both while it does.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../mod.ts";
import { ReceiveBuffer } from "../../../src/framing/receive_buffer.ts";
import { writeFrameHead } from "../../../src/framing/websocket/websocket_frames.ts";
import {
  type ControlReceiver,
  type DecoderSettings,
  WebSocketDecoder,
} from "../../../src/framing/websocket/websocket_messages.ts";
import { equal } from "../_feed.ts";

const encoder = new TextEncoder();

/** Text as UTF-8. */
export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** Bytes as hexadecimal digits. */
export const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

/** Bytes from hexadecimal digits. */
export function unhex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/[0-9a-f]{2}/g) ?? [], (byte) => parseInt(byte, 16));
}

/** Pieces one after the other. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** A frame, masked by the plainest of means where there is a mask. `first` is its first byte. */
export function frame(first: number, payload: Uint8Array | string, mask?: number): Uint8Array {
  const bytes = typeof payload === "string" ? utf8(payload) : payload;
  const head = new Uint8Array(14);
  const headLength = writeFrameHead(head, 0, first, bytes.length, mask);
  const masked = mask === undefined ? bytes : bytes.map((byte, i) => byte ^ (mask >>> (8 * (i % 4))));
  return join(head.subarray(0, headLength), masked);
}

/** What came out of a decoder. */
export type Found = string;

/** What a message or control frame looks like in a list. */
export function found(kind: "text" | "binary" | "ping" | "pong", content: string | Uint8Array): Found {
  return `${kind} ${typeof content === "string" ? content : hex(content)}`;
}

/** A decoder, its buffer, and what came out of them. */
export class WebSocketFeed implements ControlReceiver {
  readonly found: Found[] = [];
  readonly buffer = new ReceiveBuffer();
  readonly decoder: WebSocketDecoder;
  readonly #handedOut: { view: Uint8Array; copy: Uint8Array }[] = [];

  constructor(settings: Partial<DecoderSettings> = {}) {
    this.buffer.reuses = true;
    this.decoder = new WebSocketDecoder({ side: "client", maxMessageBytes: 1 << 20, ...settings }, this);
  }

  ping(payload: Uint8Array): void {
    this.#take("ping", payload);
  }

  pong(payload: Uint8Array): void {
    this.#take("pong", payload);
  }

  close(code: number, reason: string): void {
    this.found.push(`close ${code} ${reason}`);
  }

  /** Receives bytes; throws what the decoder throws. */
  push(bytes: Uint8Array): void {
    const { buffer, decoder } = this;
    for (let at = 0; at < bytes.length;) {
      const space = buffer.space(decoder.needed);
      if (space.length === 0) assert.fail("there is no room to read into");
      const count = Math.min(space.length, bytes.length - at);
      space.set(bytes.subarray(at, at + count));
      buffer.filled(count);
      at += count;
      for (let more = true; more;) {
        const { start, end } = buffer;
        more = decoder.next(buffer.bytes, start, end);
        const { frameEnd, needed } = decoder;
        if (frameEnd < start || frameEnd > end) assert.fail(`frameEnd is ${frameEnd}, not in ${start}..${end}`);
        buffer.start = frameEnd;
        if (more) {
          const { message } = decoder;
          this.#take(typeof message === "string" ? "text" : "binary", message);
        } else if (needed <= end - frameEnd) {
          assert.fail(`the decoder wants ${needed} bytes and has ${end - frameEnd}`);
        }
      }
      if (decoder.lends) buffer.lent = true;
      else if (buffer.start === buffer.end) buffer.rewind();
      decoder.lends = false;
    }
  }

  /** Receives bytes and returns the error that they lead to. */
  refusal(...pieces: Uint8Array[]): TransportError {
    try {
      for (const piece of pieces) this.push(piece);
    } catch (error) {
      assert.ok(error instanceof TransportError, String(error));
      return error;
    }
    assert.fail(`nothing was refused, found was ${JSON.stringify(this.found)}`);
  }

  /** Checks that what was handed out is as it was then. */
  checkUnchanged(): void {
    for (const { view, copy } of this.#handedOut) if (!equal(view, copy)) assert.fail("a message was written over");
  }

  #take(kind: "text" | "binary" | "ping" | "pong", content: string | Uint8Array): void {
    if (typeof content !== "string") this.#handedOut.push({ view: content, copy: content.slice() });
    this.found.push(found(kind, content));
  }
}

/** Checks that a stream gives this: in one piece, a byte at a time, and cut in two anywhere. */
export function checkEverySplit(settings: () => Partial<DecoderSettings>, stream: Uint8Array, expected: Found[]): void {
  const check = (pieces: Uint8Array[], how: string): void => {
    const feed = new WebSocketFeed(settings());
    for (const piece of pieces) feed.push(piece);
    assert.deepEqual(feed.found, expected, how);
    assert.equal(feed.buffer.start, feed.buffer.end, `${how}: nothing is left over`);
    assert.equal(feed.decoder.unfinished, false, how);
    feed.checkUnchanged();
  };
  check([stream], "in one piece");
  check([...stream].map((byte) => Uint8Array.of(byte)), "a byte at a time");
  for (let at = 1; at < stream.length; at++) check([stream.subarray(0, at), stream.subarray(at)], `cut at ${at}`);
}
