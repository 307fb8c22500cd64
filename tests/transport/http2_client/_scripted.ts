/**
 * A server of HTTP/2 that says what a test wants, frame for frame, on a stream
 * in memory and a clock that the test moves.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type HttpOptions, ManualClock, type TransportEvent } from "../../../mod.ts";
import { HpackDecoder } from "../../../src/framing/http2/hpack_decoder.ts";
import { HpackEncoder } from "../../../src/framing/http2/hpack_encoder.ts";
import { frameName, Http2FrameReader, readUint32 } from "../../../src/framing/http2/http2_frame_reader.ts";
import { settingsFrame } from "../../../src/framing/http2/http2_frame_writer.ts";
import { readHttpOptions } from "../../../src/transport/http/http_options.ts";
import { openHttp2 } from "../../../src/transport/http2_client/http2_dial.ts";
import { Http2Session } from "../../../src/transport/http2_client/http2_session.ts";
import { bytesOf, frame, latin1, readBlock } from "../../framing/http2/_http2.ts";

export { bytesOf, frame, latin1 };

/** Where the server is. */
export const origin = "http://127.0.0.1:8000";

/** A frame that the client has sent. */
export interface Sent {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Uint8Array;
  /** The fields of a HEADERS frame. */
  readonly fields: string[];
  /** The number of a RST_STREAM or WINDOW_UPDATE frame. */
  readonly number: number;
}

/** Lets all that is under way go on: more turns than any chain of ours has. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await undefined;
}

/** So many calls that have gone out, or one with a request. */
export async function begun(server: Scripted, what: number | Request = 1): Promise<Promise<Response>[]> {
  const requests = typeof what === "number" ? Array.from({ length: what }, () => new Request(origin)) : [what];
  const calls = requests.map((request) => server.session.call(request));
  for (const call of calls) call.catch(() => {});
  await settle();
  server.told();
  return calls;
}

/** See the module. */
export class Scripted {
  readonly clock = new ManualClock();
  readonly events: TransportEvent[] = [];
  /** The client has closed its end. */
  closed = false;
  /** Writes are not taken, until `unstick()`. */
  stuck = false;
  /** Why writes fail. */
  failing: Error | undefined = undefined;
  /** Whether the client's reading keeps the process alive. */
  held = true;
  #unstick: (() => void) | undefined = undefined;
  session!: Http2Session;
  readonly #encoder = new HpackEncoder();
  readonly #decoder = new HpackDecoder();
  readonly #reader = new Http2FrameReader();
  readonly #incoming: (Uint8Array | null)[] = [];
  #waiting: { bytes: Uint8Array; promise: PromiseWithResolvers<number | null> } | undefined = undefined;
  #written: Uint8Array = new Uint8Array(0);
  #preface = true;

  /** The client's stream. */
  readonly stream = {
    read: (bytes: Uint8Array): Promise<number | null> => {
      const promise = Promise.withResolvers<number | null>();
      this.#waiting = { bytes, promise };
      this.#deliver();
      return promise.promise;
    },
    write: (bytes: Uint8Array): Promise<number> => {
      if (this.failing !== undefined) return Promise.reject(this.failing);
      this.#written = bytesOf(this.#written, bytes);
      if (!this.stuck) return Promise.resolve(bytes.length);
      return new Promise((resolve) => this.#unstick = () => resolve(bytes.length));
    },
    ref: () => void (this.held = true),
    unref: () => void (this.held = false),
    closeWrite: () => Promise.resolve(),
    close: (): void => {
      this.closed = true;
      this.#waiting?.promise.reject(new Error("closed here"));
      this.#waiting = undefined;
    },
  };

  /** Opens a session; the server's settings are those, or what `opening` has instead. */
  static async open(
    options: Partial<HttpOptions> = {},
    settings: [number, number][] = [[3, 100]],
    opening: Uint8Array = settingsFrame(settings),
  ): Promise<Scripted> {
    const server = new Scripted();
    const all = readHttpOptions({
      origin,
      protocol: "h2",
      clock: server.clock,
      observer: (event) => void server.events.push(event),
      ...options,
    });
    const [local, remote] = [1, 8000].map((port) => ({ transport: "tcp", hostname: "127.0.0.1", port }));
    server.#incoming.push(opening);
    const dialled = { stream: server.stream, local, remote, alpnProtocol: null };
    server.session = new Http2Session(origin, all, await openHttp2(dialled, false, all));
    await settle();
    server.sent();
    return server;
  }

  /** Takes writes again. */
  async unstick(): Promise<void> {
    this.stuck = false;
    this.#unstick?.();
    await settle();
  }

  /** Sends bytes; null ends the stream. */
  async send(...parts: (Uint8Array | null)[]): Promise<void> {
    for (const part of parts) {
      this.#incoming.push(part);
      this.#deliver();
      await settle();
    }
  }

  /** The head of a response, or trailers. */
  head(id: number, fields: [string, string][] = [[":status", "200"]], endStream = false): Uint8Array {
    this.#encoder.begin();
    for (const [name, value] of fields) this.#encoder.add(name, value);
    return frame(1, endStream ? 5 : 4, id, this.#encoder.finish());
  }

  /** Data. */
  data(id: number, data: string | Uint8Array, endStream = false): Uint8Array {
    return frame(0, endStream ? 1 : 0, id, typeof data === "string" ? latin1(data) : data);
  }

  /** A whole response, in one piece. */
  answer(id: number, text: string): Uint8Array {
    return bytesOf(this.head(id), this.data(id, text, true));
  }

  /** What the client has sent since this was called last. */
  sent(): Sent[] {
    let start = this.#preface ? 24 : 0;
    if (this.#preface) assert.match(String.fromCharCode(...this.#written.subarray(0, 24)), /^PRI \* HTTP\/2\.0\r\n/);
    this.#preface = false;
    const bytes = this.#written;
    const reader = this.#reader;
    const found: Sent[] = [];
    while (reader.next(bytes, start, bytes.length)) {
      const { type, flags, streamId: id, payloadStart, payloadEnd } = reader;
      const payload = bytes.slice(payloadStart, payloadEnd);
      const fields = type === 1 && (flags & 4) !== 0 ? readBlock(this.#decoder, payload) : [];
      found.push({ type, flags, id, payload, fields, number: readUint32(bytes, payloadStart) });
      start = reader.frameEnd;
    }
    assert.equal(start, bytes.length, "whole frames are sent");
    this.#written = new Uint8Array(0);
    return found;
  }

  /** The same in short: `HEADERS 1`, `DATA 1 5 end`, `RST_STREAM 3 CANCEL` … */
  told(): string[] {
    return this.sent().map(({ type, flags, id, payload, number }) => {
      const of = id === 0 ? "" : ` ${id}`;
      const what = type === 0 ? ` ${payload.length}` : type === 3 || type === 8 ? ` ${number}` : "";
      const code = type === 7 ? ` ${readUint32(payload, 4)}` : "";
      const mark = type < 2 ? (flags & 1 ? " end" : "") : type === 4 || type === 6 ? (flags & 1 ? " ack" : "") : "";
      return `${frameName(type)}${of}${what}${code}${mark}`;
    });
  }

  /** Checks that nothing is left behind. */
  async end(): Promise<void> {
    const closing = this.session.close({ graceMs: 10 });
    await this.clock.advance(20);
    await closing;
    assert.equal(this.session.state, "closed");
    assert.equal(this.session.load, 0);
    assert.ok(this.closed, "the connection is closed");
    assert.equal(this.clock.pending, 0, "no timer is left");
  }

  #deliver(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#incoming.length === 0) return;
    const part = this.#incoming.shift()!;
    this.#waiting = undefined;
    if (part === null) return waiting.promise.resolve(null);
    const count = Math.min(part.length, waiting.bytes.length);
    waiting.bytes.set(part.subarray(0, count));
    if (count < part.length) this.#incoming.unshift(part.subarray(count));
    waiting.promise.resolve(count);
    if (count < part.length) void Promise.resolve().then(() => this.#deliver());
  }
}
