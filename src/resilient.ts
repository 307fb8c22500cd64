/**
 * resilient(): the recommended chain from a transport to a caller.
 *
 * @module
 */

import { type AdaptiveTimeout, adaptiveTimeout } from "./call/timeout/adaptive_timeout.ts";
import { type BreakerState, type CircuitBreaker, circuitBreaker } from "./call/breaker/circuit_breaker.ts";
import { idempotence } from "./call/retry/idempotence.ts";
import { retry } from "./call/retry/retry.ts";
import { timeout } from "./call/timeout/timeout.ts";
import { attempt } from "./core/attempt.ts";
import { chain } from "./core/chain.ts";
import { type Clock, systemClock } from "./core/clock.ts";
import { background, type CallContext } from "./core/context.ts";
import { named, stagesOf } from "./core/describe.ts";
import { type Idempotence, isIdempotent } from "./core/idempotent.ts";
import type { Observer } from "./core/observer.ts";
import { fraction, given, integer, label, readOptions } from "./core/options.ts";
import { RetryBudget } from "./core/retry_budget.ts";
import type { CallMiddleware, Client, Handler, Service } from "./core/service.ts";
import type { SessionTransport } from "./core/session.ts";
import { pool, type PooledClient, type PoolStats } from "./endpoint/pool.ts";

/**
 * Options of {@linkcode resilient}: what only you can know.
 *
 * @example
 * ```ts
 * import { http, resilient, type ResilientOptions } from "@wireway/wireway";
 * const options: ResilientOptions<Request, Response> = { timeoutMs: 2000, maxConnections: 4, name: "orders" };
 * await using orders = resilient(http({ origin: "https://orders.example" }), options);
 * ```
 */
export interface ResilientOptions<Req, Res> {
  /** How long a call may take with all its attempts, in milliseconds. All other times follow from it. @default {10000} */
  timeoutMs?: number;
  /** Connections at the most. Over HTTP/1.1 that is also how many calls are sent at once. @default {10} */
  maxConnections?: number;
  /**
   * Whether calls may be made more than once, where their context does not say.
   * Default: HTTP methods say it, and other calls may not.
   */
  idempotent?: Idempotence;
  /** What the far side is called in events and errors. Default: each member goes by its own name. */
  name?: string;
  /** Answers calls that the far side makes on these connections. */
  handler?: Handler<Req, Res>;
  /** Hears of failed connects, retries, refusals and changes of state. */
  observer?: Observer;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Draws what is random, from 0 to 1. @default {Math.random} */
  random?: () => number;
}

/**
 * What a {@linkcode ResilientClient} does at this moment.
 *
 * @example
 * ```ts
 * import type { ResilientStats } from "@wireway/wireway";
 * const isWell = ({ breaker, pool }: ResilientStats): boolean => breaker === "closed" && pool.waiting === 0;
 * ```
 */
export interface ResilientStats {
  /** The connections. */
  pool: PoolStats;
  /** The state of the circuit breaker. */
  breaker: BreakerState;
  /** How long an attempt that may be followed by another one is waited for, in milliseconds. */
  attemptTimeoutMs: number;
  /** How many retries could be paid for now. */
  retriesLeft: number;
}

/**
 * A service that keeps connections, and says how it is.
 *
 * @example
 * ```ts
 * import { chain, mux, resilient, type ResilientClient, tcp, text } from "@wireway/wireway";
 * const call: ResilientClient<string, string> = resilient(chain(tcp({ port: 9000 }), mux(), text()));
 * console.log(call.stats().breaker);
 * ```
 */
export type ResilientClient<Req, Res> = Client<Req, Res> & {
  /** What it does at this moment. */
  stats(): ResilientStats;
};

/** Attempts for a call: a lost connection and one failed try after it are survived; more is seldom worth its load. */
const maxAttempts = 3;

/**
 * The recommended client over any transport of calls, for those who do not want
 * to choose. From the caller to the wire, what it is made of and why:
 *
 * 1. `timeout`: a call has `timeoutMs`, all attempts and pauses together, so that
 *    its caller knows when it ends. An earlier deadline of the call's own stays.
 * 2. `retry`: up to 3 attempts where that is safe (the far side certainly did
 *    not work on the call, or the call may be made more than once), at most a
 *    fifth more load and 10 a second, so that trouble is not multiplied.
 * 3. `circuitBreaker`: hears of every attempt. It opens when half of the last
 *    10 seconds' attempts failed (20 at the least) or 100 in a row did: more
 *    than the 64 that one lost connection carries away at once. It is open for a
 *    third of `timeoutMs` first, so that what it refuses can be retried in time,
 *    and for 30 s at the most; it closes after 2 good probes.
 * 4. `adaptiveTimeout`: cuts an attempt short that takes twice as long as 99 of
 *    100 take, between a tenth and a third of `timeoutMs`, so that there is time
 *    for another. Only where another one may follow: the last attempt, and a
 *    call that may not be made again, have all the time that is left.
 * 5. `pool`: up to `maxConnections`, opened when all carry 64 calls or as many
 *    as they take; up to 1024 calls wait for a place, a third of `timeoutMs` at
 *    the longest. It is the limit on calls in flight. A connection on which a
 *    call ran out of time is asked by a ping, and replaced where it is dead.
 *
 * There is no loop on latency but the adaptive timeout: an adaptive limit or
 * hedging would act on the same signal. Several endpoints: one of these for
 * each, in `balance()`. Put caches and `coalesce()` around it. Whoever wants
 * other settings writes the five lines down: `describe()` prints them.
 *
 * There is no such thing for servers: what a handler can bear only its author
 * knows, and with that known it is the three lines of the last example, whose
 * limit is better at hand, to be read and changed, than hidden.
 *
 * Errors: `deadline-exceeded`; `circuit-open`; those of {@linkcode pool} and of
 * the transport, of the last attempt; `invalid-option`.
 *
 * @example
 * ```ts
 * import { callContext, chain, describe, idempotent, mux, resilient, tcp, text } from "@wireway/wireway";
 * await using call = resilient(chain(tcp({ port: 9000 }), mux(), text()), { timeoutMs: 2000 });
 * console.log(describe(call));
 * await call("pay 5"); // sent once
 * await call("balance", callContext().set(idempotent, true)); // sent again where that may help
 * ```
 *
 * @example The other end
 * ```ts
 * import { chain, concurrencyLimit, deadline, loadShed, mux, serve, tcp, text } from "@wireway/wireway";
 * const limit = concurrencyLimit({ max: 100 });
 * const handler = chain(
 *   (request: string) => `hello ${request}`,
 *   limit, // what the handler can bear
 *   loadShed({ delay: limit }), // calls that would wait for too long are refused, so that the others are in time
 *   deadline({ maxMs: 10_000 }), // no work that nobody waits for
 * );
 * await serve(chain(tcp({ port: 9000 }), mux(), text()), handler);
 * ```
 */
export function resilient<Req, Res>(
  transport: SessionTransport<Req, Res>,
  options: ResilientOptions<Req, Res> = {},
): ResilientClient<Req, Res> {
  const { timeoutMs, maxConnections, name, handler, idempotent, ...common } = readOptions("resilient()", options, {
    timeoutMs: fraction(10_000, 1, 86_400_000),
    maxConnections: integer(10, 1, 100_000),
    idempotent: idempotence,
    name: label(undefined),
    handler: given<Handler<Req, Res> | undefined>(undefined, "a function"),
    observer: given<Observer | undefined>(undefined, "a function"),
    clock: given<Clock>(systemClock, "an object"),
    random: given<() => number>(Math.random, "a function"),
  });
  const { clock, observer } = common;
  const called = (policy: string): string => name === undefined ? policy : `${name} ${policy}`;
  const attemptMs = Math.ceil(timeoutMs / maxAttempts);

  const budget = new RetryBudget({ clock });
  const connections = pool<Req, Res>({ max: maxConnections, acquireTimeoutMs: attemptMs, handler, budget, ...common });
  const patience = adaptiveTimeout({
    initialMs: attemptMs,
    minMs: timeoutMs / 10,
    maxMs: attemptMs,
    name: called("adaptiveTimeout"),
    clock,
    observer,
  });
  const breaker = circuitBreaker({
    failures: 100,
    windows: [{ failureRate: 0.5, windowMs: 10_000, minCalls: 20 }],
    openMs: attemptMs,
    maxOpenMs: Math.max(30_000, attemptMs),
    name: called("circuitBreaker"),
    ...common,
  });
  const again = retry({ maxAttempts, idempotent, budget, name: called("retry"), ...common });

  let pooled: PooledClient<Req, Res>;
  const keeping = named("pool", stagesOf(connections)[0].settings, (inner: SessionTransport<Req, Res>) => {
    return pooled = connections(inner);
  });
  const client = chain(
    transport as SessionTransport<unknown, unknown>,
    keeping as (inner: SessionTransport<unknown, unknown>) => PooledClient<unknown, unknown>,
    whereAnotherMayFollow(patience, idempotent),
    breaker,
    again,
    timeout({ ms: timeoutMs, clock }),
  ) as Client<Req, Res>;
  const stats = (): ResilientStats => statsOf(pooled, breaker, patience, budget);
  return Object.assign(client, { stats });
}

/** Applies the timeout to attempts that a retry may follow. The others have all the time that is left. */
function whereAnotherMayFollow(
  patience: AdaptiveTimeout<unknown>,
  idempotent: Idempotence | undefined,
): CallMiddleware {
  return named(
    "adaptiveTimeout",
    stagesOf(patience)[0].settings,
    <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> => {
      const bounded = patience(inner);
      return function attemptTimeout(request: Req, context: CallContext = background): Promise<Res> {
        try {
          const mayFollow = context.get(attempt) < maxAttempts && isIdempotent(request, context, idempotent);
          return mayFollow ? bounded(request, context) : inner(request, context);
        } catch (error) {
          return Promise.reject(error);
        }
      };
    },
    stagesOf(patience)[0].figures,
  );
}

function statsOf(
  pooled: PooledClient<never, unknown>,
  breaker: CircuitBreaker,
  patience: AdaptiveTimeout<unknown>,
  budget: RetryBudget,
): ResilientStats {
  return {
    pool: pooled.stats(),
    breaker: breaker.state,
    attemptTimeoutMs: patience.stats().timeoutMs,
    retriesLeft: budget.balance,
  };
}
