/**
 * Streams to send and to read, whose asking and leaving a test can count.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  chain,
  deadlinesOf,
  type Handler,
  ManualClock,
  type Session,
  type SessionListener,
  Streamed,
} from "../../src/core/mod.ts";
import { mux, type StreamedBytes, type StreamingMuxOptions } from "../../src/session/mux.ts";
import { memory, type MemoryOptions } from "../../src/transport/memory/memory.ts";
import { settle, standing } from "./_settle.ts";

/** A session of streams. */
export type StreamSession = Session<StreamedBytes, StreamedBytes>;

/** A server, and a session that has dialled it, with streams. */
export interface JoinedStreams {
  readonly clock: ManualClock;
  readonly server: SessionListener;
  readonly session: StreamSession;
  readonly accepted: StreamSession;
}

/** Serves and dials. */
export async function joinedStreams(
  handler: Handler<StreamedBytes, StreamedBytes>,
  options: Partial<StreamingMuxOptions> & { memory?: MemoryOptions } = {},
): Promise<JoinedStreams> {
  const clock = new ManualClock();
  const { memory: memoryOptions, ...muxOptions } = options;
  const wire = chain(memory({ ...memoryOptions, clock }), mux({ ...muxOptions, streams: true, clock }));
  const { promise, resolve } = Promise.withResolvers<StreamSession>();
  const server = await wire.listen(handler, { onSession: resolve });
  const session = await wire.dial();
  return { clock, server, session, accepted: await promise };
}

/** A source of `count` items of one size, the first byte of each its number. */
export class Source implements AsyncIterable<Uint8Array> {
  /** How many items were asked for. */
  asked = 0;
  /** How often it was left. */
  left = 0;
  /** Whether it has given its last item. */
  ended = false;
  readonly #count: number;
  readonly #bytes: number;
  readonly #failure: unknown;

  constructor(count: number, bytes = 1, failure?: unknown) {
    this.#count = count;
    this.#bytes = bytes;
    this.#failure = failure;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => {
        if (this.asked === this.#count) {
          this.ended = true;
          return this.#failure === undefined
            ? Promise.resolve({ done: true, value: undefined })
            : Promise.reject(this.#failure);
        }
        return Promise.resolve({ done: false, value: new Uint8Array(this.#bytes).fill(this.asked++) });
      },
      return: () => {
        this.left++;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}

/** Bytes with a stream behind them. */
export function streamed(items: AsyncIterable<Uint8Array>, ...head: number[]): Streamed<Uint8Array> {
  return new Streamed(new Uint8Array(head), items);
}

/** The first bytes of the items of a stream. */
export async function firsts(stream: StreamedBytes): Promise<number[]> {
  const numbers: number[] = [];
  for await (const item of asStream(stream)) numbers.push(item[0]);
  return numbers;
}

/** A reply or a request that must be a stream. */
export function asStream(stream: StreamedBytes): Streamed<Uint8Array> {
  if (!(stream instanceof Streamed)) throw new TypeError("It is no stream");
  return stream;
}

/** The numbers from 0 on. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Checks that nothing of a call is left on either end. */
export async function idle({ session, server, clock }: JoinedStreams): Promise<void> {
  await settle();
  assert.equal(session.load, 0, "no call in flight at the caller");
  assert.equal(server.calls.inFlight, 0, "nor at the server");
  assert.equal(deadlinesOf(clock).size, 0);
  const closing = session.close();
  await settle();
  assert.equal((await standing(closing)).state, "resolved", "a session with nothing in flight ends at once");
  assert.equal(await session.finished, undefined, "and in order: neither end has broken a rule");
}
