/**
 * HTTP for an sse() client that a test answers by hand.
 *
 * @module
 */

import type { Address, Cancellation, Channel, Clock, SseChannelOptions } from "../../../mod.ts";
import { readOptions } from "../../../src/core/options.ts";
import type {
  SseCarrier,
  SseFieldLines,
  SsePost,
  SseReply,
  SseStream,
} from "../../../src/transport/sse/sse_carrier.ts";
import { dialSse } from "../../../src/transport/sse/sse_dial.ts";
import { completeSseSettings, sseRules } from "../../../src/transport/sse/sse_options.ts";

const encoder = new TextEncoder();

/** The id of the channel that the answers speak of. */
export const channelId = "A".repeat(24);

/** The first event, with terms that a test may change. */
export function openEvent(terms: Record<string, unknown> = {}): string {
  const usual = {
    channel: channelId,
    heartbeatMs: 1000,
    livenessMs: 400,
    resumeWindowMs: 5000,
    postTimeoutMs: 300,
    retryMs: 10,
    maxMessageBytes: 1_000_000,
    maxPostBytes: 2_000_000,
    ackBytes: 1000,
  };
  return `event: open\ndata: ${JSON.stringify({ ...usual, ...terms })}\n\n`;
}

/** A stream that a test writes. */
export class TestStream implements SseStream {
  readonly status: number;
  readonly type: string;
  cancelled = false;
  #chunks: (Uint8Array | null | Error)[] = [];
  #waiting: PromiseWithResolvers<Uint8Array | null> | undefined;

  constructor(status = 200, type = "text/event-stream") {
    this.status = status;
    this.type = type;
  }

  /** Writes; null ends it, an error breaks it. */
  write(chunk: string | Uint8Array | null | Error): this {
    this.#chunks.push(typeof chunk === "string" ? encoder.encode(chunk) : chunk);
    this.#go();
    return this;
  }

  read(): Promise<Uint8Array | null> {
    this.#waiting = Promise.withResolvers();
    const { promise } = this.#waiting;
    this.#go();
    return promise;
  }

  cancel(): void {
    this.cancelled = true;
    this.write(new Error("cancelled"));
  }

  #go(): void {
    if (this.#waiting === undefined || this.#chunks.length === 0) return;
    const chunk = this.#chunks.shift()!;
    if (chunk instanceof Error) this.#waiting.reject(chunk);
    else this.#waiting.resolve(chunk);
    this.#waiting = undefined;
  }
}

/** A request that was made. */
export interface SeenPost {
  readonly method: string;
  readonly fields: Record<string, string>;
  readonly body: Uint8Array | undefined;
}

/** Answers requests as a test says. */
export class TestCarrier implements SseCarrier {
  readonly local: Address = { transport: "test" };
  readonly remote: Address = { transport: "test", path: "the server" };
  /** The fields of each GET. */
  readonly gets: Record<string, string>[] = [];
  readonly posts: SeenPost[] = [];
  closed = 0;
  /** Answers a GET; undefined is for no answer. */
  onGet: (count: number) => SseStream | undefined | Promise<SseStream | undefined>;
  /** Answers anything else. */
  onPost: (post: SeenPost) => number | Promise<number> = () => 204;

  constructor(onGet: TestCarrier["onGet"]) {
    this.onGet = onGet;
  }

  async open(fields: SseFieldLines, signal: AbortSignal): Promise<SseStream> {
    this.gets.push(Object.fromEntries(fields));
    const stream = await Promise.race([this.onGet(this.gets.length), aborted(signal)]);
    if (stream === undefined) throw new Error("no answer");
    return stream;
  }

  async send({ method, fields, body }: SsePost, giveUp: Cancellation): Promise<SseReply> {
    const post = { method, fields: Object.fromEntries(fields), body };
    this.posts.push(post);
    const status = await Promise.race([this.onPost(post), aborted(giveUp.signal)]);
    if (status === 0) throw new Error("no answer");
    return { status, text: "" };
  }

  close(): void {
    this.closed++;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    if (signal.aborted) reject(signal.reason);
  });
}

/** Dials over it. */
export function dialTest(
  carrier: SseCarrier,
  clock: Clock,
  options: SseChannelOptions = {},
  signal?: AbortSignal,
): Promise<Channel> {
  const settings = completeSseSettings("test", readOptions("test", { clock, ...options }, sseRules));
  return dialSse(settings, carrier, { signal });
}
