/**
 * batchCalls(): makes many calls one call with a list.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import { background, type CallContext } from "../../core/context.ts";
import { deadlinesOf } from "../../core/deadline_queue.ts";
import { named, withFigures } from "../../core/describe.ts";
import { TransportError } from "../../core/errors.ts";
import { duration, given, integer, label, readOptions } from "../../core/options.ts";
import type { Client, Service } from "../../core/service.ts";
import type { CloseOptions } from "../../core/session.ts";
import { Streamed } from "../../core/streamed.ts";
import { Batcher } from "./batcher.ts";

/**
 * Options of {@linkcode batchCalls}.
 *
 * @example
 * ```ts
 * import { batchCalls, type BatchCallsOptions } from "@wireway/wireway";
 * const options: BatchCallsOptions<string, string> = { maxBatch: 50, key: (id) => id };
 * batchCalls(options);
 * ```
 */
export interface BatchCallsOptions<Req, Res, Answer = Res | Error> {
  /** How many requests go in one batch at most. @default {100} */
  maxBatch?: number;
  /** How many bytes they may have together, as `sizeOf` says; a larger one goes alone. @default {no limit} */
  maxBytes?: number;
  /** How many bytes a request counts for. @default {text: two a character; bytes: their length; else a guess from all fields} */
  sizeOf?: (request: Req) => number;
  /**
   * How long the first call waits for others, in milliseconds. With 0 a batch is
   * what comes together without anybody waiting: it goes as soon as a round of
   * promise reactions has brought no further call.
   *
   * @default {0}
   */
  lingerMs?: number;
  /** Requests of one key stand in a batch once, and share its answer. @default {each stands for itself} */
  key?: (request: Req) => string;
  /** Makes a reply of an item's answer, or throws. @default {an `Error` is thrown, all else is the reply} */
  read?: (answer: Answer) => Res;
  /** Measures the linger and the deadlines. @default {systemClock} */
  clock?: Clock;
  /** What errors call it. @default {"batchCalls"} */
  name?: string;
}

/**
 * A service that batches its calls.
 *
 * @example
 * ```ts
 * import { batchCalls, type BatchedClient } from "@wireway/wireway";
 * const inner = (ids: readonly string[]) => Promise.resolve(ids.map((id) => `user ${id}`));
 * const call: BatchedClient<string, string> = batchCalls<string, string>()(inner);
 * const user = call("7");
 * call.flush();
 * console.log(await user);
 * ```
 */
export interface BatchedClient<Req, Res> extends Client<Req, Res> {
  /** Sends now what waits. */
  flush(): void;
}

/**
 * Makes calls that come together one call with a list of requests, which is
 * answered with a list of as many answers in the same order. An answer that is
 * an `Error` fails its own call alone; a batch that fails fails all its calls.
 *
 * - A batch goes when it is full, when its linger is over, on `flush()`, and
 *   with `lingerMs: 0` as soon as no more calls come. The most urgent stand
 *   first, and where there are more than fit they go first. A call of priority
 *   0 does not linger.
 * - Each call keeps its own deadline and may give up by itself. One that does so
 *   before the batch goes is not in it, and hears `processed: "no"`; the batch is cancelled when all its
 *   calls have given up. It has the latest of their deadlines and the highest
 *   of their priorities; metadata only where all have the very same.
 * - Nothing is remembered: a call that is made again is sent again. That is
 *   {@linkcode cache}'s.
 *
 * `close()` sends what waits, waits for all batches within its grace, and closes
 * what is inside.
 *
 * Place: around a client of a service that takes lists; inside a
 * {@linkcode cache}, outside retries, which then repeat whole batches.
 *
 * Errors: `invalid-reply` (not a list, or of another length), `unsupported` (a
 * request with a stream), `closed`,
 * `cancelled`, `deadline-exceeded`, `invalid-option`, and those of the inner
 * service and of the answers.
 *
 * @example
 * ```ts
 * import { batchCalls, chain } from "@wireway/wireway";
 * const users = new Map([["7", "Ada"]]);
 * const find = (ids: readonly string[]) => ids.map((id) => users.get(id) ?? new Error(`no user ${id}`));
 * await using call = chain(find, batchCalls<string, string>({ maxBatch: 50 }));
 * console.log(await call("7"));
 * ```
 */
export function batchCalls<Req, Res, Answer = Res | Error>(
  options: BatchCallsOptions<Req, Res, Answer> = {},
): (inner: Service<readonly Req[], readonly Answer[]>) => BatchedClient<Req, Res> {
  const settings = readOptions("batchCalls()", options, {
    maxBatch: integer(100, 1, 1_000_000),
    maxBytes: integer(undefined, 1, Number.MAX_SAFE_INTEGER),
    sizeOf: given<((request: Req) => number) | undefined>(undefined, "a function"),
    lingerMs: duration(0, 0),
    key: given<((request: Req) => string) | undefined>(undefined, "a function"),
    read: given<((answer: Answer) => Res) | undefined>(undefined, "a function"),
    clock: given<Clock>(systemClock, "an object"),
    name: label("batchCalls"),
  });
  const { maxBatch, maxBytes, lingerMs, name, clock } = settings;
  const deadlines = deadlinesOf(clock);
  return named("batchCalls", { maxBatch, maxBytes, lingerMs, name }, (
    inner: Service<readonly Req[], readonly Answer[]>,
  ): BatchedClient<Req, Res> => {
    const batcher = new Batcher<Req, Res, Answer>(inner, settings, deadlines);
    const close = (options?: CloseOptions): Promise<void> => batcher.close(options);
    const client = Object.defineProperties(
      function batchCalls(request: Req, context: CallContext = background): Promise<Res> {
        if (request instanceof Streamed) return Promise.reject(noStreams(name));
        return batcher.add(request, context);
      },
      {
        flush: { value: () => batcher.flush() },
        close: { value: close },
        [Symbol.asyncDispose]: { value: close },
      },
    ) as BatchedClient<Req, Res>;
    return withFigures(client, batcher.figures);
  });
}

function noStreams(name: string): TransportError {
  return new TransportError("unsupported", `Call not sent: ${name} makes lists of requests, and this one is a stream`, {
    processed: "no",
  });
}
