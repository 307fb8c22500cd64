/**
 * coalesce(): makes identical calls in flight one.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import { discardReply } from "../../core/completion.ts";
import { background, type CallContext } from "../../core/context.ts";
import { contextRefusal } from "../../core/context_refusal.ts";
import { type DeadlineQueue, deadlinesOf } from "../../core/deadline_queue.ts";
import { named, withFigures } from "../../core/describe.ts";
import { counted, current } from "../../core/figures.ts";
import { idempotent } from "../../core/idempotent.ts";
import { notify, type Observer } from "../../core/observer.ts";
import { given, integer, label, readOptions } from "../../core/options.ts";
import type { Service } from "../../core/service.ts";
import { plainPartsOf } from "../../core/plain_request.ts";
import { Streamed } from "../../core/streamed.ts";
import { cacheGeneration } from "./cache_log.ts";
import { httpKey, type KeyOf, valueKey } from "./request_key.ts";
export type { KeyOf } from "./request_key.ts";
import { SharedCall, type SharedCallOwner } from "./shared_call.ts";
import { passOn, passStreamOn, shareResponse } from "./shared_response.ts";
import { overBefore } from "../limits/waiting_caller.ts";

/**
 * Options of {@linkcode coalesce}.
 *
 * @example
 * ```ts
 * import { coalesce, type CoalesceOptions } from "@wireway/wireway";
 * const options: CoalesceOptions<string> = { key: (request) => request.startsWith("get ") ? request : undefined };
 * coalesce(options);
 * ```
 */
export interface CoalesceOptions<Req> {
  /**
   * What calls are the same in; `undefined` for a call that is not to be joined
   * with others.
   *
   * @default {text and bytes: themselves; HTTP: method, address and all fields, of GET and HEAD alone}
   */
  key?: KeyOf<Req>;
  /**
   * The largest HTTP body that is kept to give it to several callers, in bytes.
   * Of a larger one the first caller gets the response, and the others make
   * their calls themselves.
   *
   * @default {1_048_576}
   */
  maxBodyBytes?: number;
  /** Measures the callers' deadlines. @default {systemClock} */
  clock?: Clock;
  /** Hears `call-answered`, from `shared`, for each call that joined another. */
  observer?: Observer;
  /** What events call this policy. @default {"coalesce"} */
  name?: string;
}

/**
 * Makes identical calls that are in flight at the same time one call, whose
 * reply or error all of them get. Nothing is kept after its end: that is
 * {@linkcode cache}.
 *
 * Only calls that change nothing may be joined. Of HTTP these are GET and HEAD;
 * of text and bytes nobody can know, so that all are joined: give a `key` that
 * is `undefined` for those that do more than read. A call whose context says
 * that it is not {@linkcode idempotent} is never joined. The key is also all that
 * tells callers apart: where replies depend on who asks, on a tenant in the
 * metadata say, the key must contain it. Requests of other types need a key.
 *
 * Each caller keeps its own deadline, and may give up by itself. The inner call
 * has no deadline; it is cancelled when the last caller has left, and a
 * {@linkcode timeout} further in bounds it. It has the metadata and the priority
 * of the caller who came first. All get the same reply: do not change it.
 *
 * A `Response` that several wait for is read whole and given to each, if its
 * body is within `maxBodyBytes` and no event stream. It is passed on as it
 * comes where one caller waits; later ones do not join it. Cancel through the
 * context: the `signal` of a `Request` is heard only where the context can't be
 * cancelled.
 *
 * A streamed request is not joined with others. A streamed reply goes to the
 * caller who came first, and the others make their calls themselves.
 *
 * Place: outside retries. Inside a {@linkcode httpCache} it makes one of the
 * calls for what is not kept; a call that is made after an invalidation does not
 * join one from before it. {@linkcode cache} joins its loads itself.
 *
 * Errors: `deadline-exceeded`, `cancelled`, `unsupported` (a request without a
 * key), `invalid-option`, and those of the inner service.
 *
 * @example
 * ```ts
 * import { chain, coalesce, http, reconnect } from "@wireway/wireway";
 * await using call = chain(http({ origin: "https://example.com" }), reconnect(), coalesce());
 * ```
 */
export function coalesce<Req>(
  options: CoalesceOptions<Req> = {},
): <Same extends Req, Res>(inner: Service<Same, Res>) => Service<Same, Res> {
  const { key, maxBodyBytes, clock, observer, name } = readOptions("coalesce()", options, {
    key: given<KeyOf<Req> | undefined>(undefined, "a function"),
    maxBodyBytes: integer(1_048_576, 0, 2 ** 31),
    clock: given<Clock>(systemClock, "an object"),
    observer: given<Observer | undefined>(undefined, "a function"),
    name: label("coalesce"),
  });
  const now = (): number => clock.now();
  const deadlines = deadlinesOf(clock);
  return named("coalesce", { maxBodyBytes, key, name }, <Same extends Req, Res>(inner: Service<Same, Res>) => {
    const flights = new Flights<Same, Res>(inner, deadlines, maxBodyBytes);
    const counts = { calls: 0, joined: 0 };
    const joining = function coalesce(request: Same, context: CallContext = background): Promise<Res> {
      counts.calls++;
      // What is read once can't be sent for several.
      if (request instanceof Streamed) return inner(request, context);
      let shared: string | undefined;
      try {
        shared = key === undefined ? defaultKey(request) : key(request, context);
        if (context.get(idempotent) === false) shared = undefined;
      } catch (error) {
        return Promise.reject(contextRefusal(context) ?? error);
      }
      if (shared === undefined) return inner(request, context);
      const generation = context.get(cacheGeneration);
      if (generation !== 0) shared = `\0g${generation} ${shared}`;
      const own = withOwnSignal(request, context);
      const refusal = overBefore(own, now);
      if (refusal !== undefined) return Promise.reject(refusal);
      const joined = flights.join(shared, request, own);
      if (joined === undefined) return flights.begin(shared, request, own);
      counts.joined++;
      if (observer !== undefined) notify(observer, { type: "call-answered", policy: name, from: "shared" });
      return joined;
    };
    return withFigures(joining, () => [
      counted("calls", counts.calls),
      counted("joined", counts.joined),
      current("in flight", flights.size),
    ]);
  });
}

function defaultKey(request: unknown): string | undefined {
  return request instanceof Request ? httpKey(request) : valueKey("coalesce()", request);
}

/** A request that can be cancelled by itself alone. On a server the context can always be, and the signal costs much. */
function withOwnSignal(request: unknown, context: CallContext): CallContext {
  if (!(request instanceof Request) || context.cancellation !== undefined) return context;
  return context.with({ signal: request.signal });
}

/** The calls in flight. */
class Flights<Req, Res> implements SharedCallOwner<Req, Res> {
  readonly #inner: Service<Req, Res>;
  readonly #deadlines: DeadlineQueue;
  readonly #maxBodyBytes: number;
  readonly #calls = new Map<string, SharedCall<Req, Res>>();

  constructor(inner: Service<Req, Res>, deadlines: DeadlineQueue, maxBodyBytes: number) {
    this.#inner = inner;
    this.#deadlines = deadlines;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Calls that can be joined. */
  get size(): number {
    return this.#calls.size;
  }

  join(key: string, request: Req, context: CallContext): Promise<Res> | undefined {
    return this.#calls.get(key)?.join(request, context);
  }

  begin(key: string, request: Req, context: CallContext): Promise<Res> {
    const call = new SharedCall<Req, Res>(key, this.#deadlines, this);
    this.#calls.set(key, call);
    const promise = call.join(request, context);
    // The signal in one caller's request must not end the call of the others.
    const sent = request instanceof Request && plainPartsOf(request) === undefined
      ? new Request(request, { signal: null }) as Req & Request
      : request;
    const fail = (error: unknown): void => {
      this.#forget(call);
      call.reject(error);
    };
    try {
      this.#inner(sent, call.contextFor(context)).then((reply) => {
        this.#forget(call);
        if (reply instanceof Streamed) passStreamOn(call, reply, this.#inner);
        else if (!(reply instanceof Response)) call.resolve(reply);
        else if (call.over) discardReply(reply);
        else if (call.size === 1) passOn(call, reply);
        else void shareResponse(call, reply, this.#inner, this.#maxBodyBytes);
      }, fail);
    } catch (error) {
      fail(error);
    }
    return promise;
  }

  abandoned(call: SharedCall<Req, Res>): void {
    this.#forget(call);
  }

  #forget(call: SharedCall<Req, Res>): void {
    if (this.#calls.get(call.key) === call) this.#calls.delete(call.key);
  }
}
