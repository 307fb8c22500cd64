/**
 * circuitBreakers(): a circuit breaker for each endpoint, tenant or route.
 *
 * @module
 */

import type { BreakerState } from "./breaker_state.ts";
import { current } from "../../core/figures.ts";
import { background, type CallContext } from "../../core/context.ts";
import { named } from "../../core/describe.ts";
import { integer, invalidOption, readOptions } from "../../core/options.ts";
import type { Service } from "../../core/service.ts";
import { Breaker, type BreakerSettings } from "./breaker.ts";
import { type Guard, guarding } from "./breaker_calls.ts";
import { type CircuitBreaker, controlled } from "./breaker_controls.ts";
import { type BreakerPlan, readBreaker } from "./breaker_settings.ts";
import type { CircuitBreakerOptions } from "./circuit_breaker.ts";

/**
 * Options of {@linkcode circuitBreakers}: those of each breaker, and what tells
 * them apart.
 *
 * @example
 * ```ts
 * import { circuitBreakers, type CircuitBreakersOptions } from "@wireway/wireway";
 * const options: CircuitBreakersOptions = {
 *   key: (request) => request instanceof Request ? new URL(request.url).host : "all",
 *   failures: 10,
 * };
 * circuitBreakers(options);
 * ```
 */
export interface CircuitBreakersOptions extends CircuitBreakerOptions {
  /** Which breaker a call goes through. The call is rejected with what it throws. */
  key: (request: unknown, context: CallContext) => string;
  /** Breakers that are kept; beyond it the one that was not used for longest is forgotten, a closed one first. @default {1000} */
  maxKeys?: number;
}

/**
 * Circuit breakers by key: a middleware, and what gives access to each.
 *
 * @example
 * ```ts
 * import { type CircuitBreakers, circuitBreakers } from "@wireway/wireway";
 * const breakers: CircuitBreakers = circuitBreakers({ key: (request) => `${request}` });
 * breakers.get("orders").isolate("maintenance");
 * ```
 */
export interface CircuitBreakers {
  /** Puts them around a service. */
  <Req, Res>(inner: Service<Req, Res>): Service<Req, Res>;
  /** How many there are. */
  readonly size: number;
  /** The keys of those there are, the one that was not used for longest first. */
  keys(): string[];
  /** The breaker of a key; made where there is none. */
  get(key: string): CircuitBreaker;
}

/** How many of the oldest breakers are looked at for one that is closed. */
const oldestSeen = 16;

/** One breaker, and how calls go through it. */
interface Member {
  readonly breaker: Breaker;
  readonly guard: Guard;
  readonly controls: CircuitBreaker;
}

/**
 * Gives each key a {@linkcode circuitBreaker} of its own, so that one endpoint,
 * tenant or route that fails does not stop the others. In events and errors
 * each is called by its name and key.
 *
 * At most `maxKeys` are kept. The one that is forgotten for a new one was not
 * used for longest; a closed one, where there is one among the 16 oldest, since
 * that loses least.
 *
 * The numbers, times and shares of all of them, windows too, can be changed at once while they work
 * ({@linkcode adjustablesOf}).
 *
 * Place and errors: as for {@linkcode circuitBreaker}.
 *
 * @example
 * ```ts
 * import { chain, circuitBreakers } from "@wireway/wireway";
 * const breakers = circuitBreakers({ key: (request) => new URL((request as Request).url).host });
 * const call = chain((request: Request) => fetch(request), breakers);
 * ```
 */
export function circuitBreakers(options: CircuitBreakersOptions): CircuitBreakers {
  const owner = "circuitBreakers()";
  const { key, maxKeys: maxGiven, ...rest } = options ?? {};
  if (typeof key !== "function") throw invalidOption(owner, "key", key, "a function");
  const { maxKeys } = readOptions(owner, { maxKeys: maxGiven }, { maxKeys: integer(1000, 1, 1_000_000) });
  const { name = "circuitBreakers", ...each } = rest;
  const plan = readBreaker(owner, { ...each, name });
  const members = new Members(plan, maxKeys);
  const middleware = <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> =>
    function circuitBreakers(request: Req, context: CallContext = background): Promise<Res> {
      try {
        return members.get(key(request, context)).guard(inner, request, context);
      } catch (error) {
        return Promise.reject(error);
      }
    };
  const controls = { keys: () => [...members.all.keys()], get: (key: string) => members.get(key).controls };
  const part = Object.defineProperty(Object.assign(middleware, controls), "size", { get: () => members.all.size });
  const inState = (state: BreakerState): number =>
    Array.from(members.all.values()).filter(({ breaker }) => breaker.state === state).length;
  return named(
    "circuitBreakers",
    { ...plan.shown, maxKeys },
    part as typeof part & { readonly size: number },
    () => [
      current("keys", members.all.size),
      current("open", inState("open")),
      current("half open", inState("half-open")),
      current("isolated", inState("isolated")),
    ],
    plan.adjustable,
  );
}

class Members {
  /** In the order of their use. */
  readonly all = new Map<string, Member>();
  readonly #plan: BreakerPlan;
  readonly #max: number;
  #latest: string | undefined = undefined;

  constructor(plan: BreakerPlan, max: number) {
    this.#plan = plan;
    this.#max = max;
  }

  get(key: string): Member {
    const known = this.all.get(key);
    // Many calls in a row for one key leave the order as it is.
    if (known !== undefined && key === this.#latest) return known;
    const member = known ?? this.#make(key);
    if (known !== undefined) this.all.delete(key);
    else if (this.all.size >= this.#max) this.#forgetOne();
    this.all.set(key, member);
    this.#latest = key;
    return member;
  }

  #make(key: string): Member {
    const { settings, windows } = this.#plan;
    // Not a copy: what is changed while they work holds for all of them.
    const own: BreakerSettings = Object.create(settings, { name: { value: `${settings.name} ${key}` } });
    const breaker = new Breaker(own, windows());
    const guard = guarding(breaker);
    return { breaker, guard, controls: controlled(breaker, guard) };
  }

  #forgetOne(): void {
    let oldest: string | undefined;
    let seen = 0;
    for (const [key, { breaker }] of this.all) {
      oldest ??= key;
      if (breaker.passing !== undefined) {
        oldest = key;
        break;
      }
      if (++seen === oldestSeen) break;
    }
    if (oldest !== undefined) this.all.delete(oldest);
  }
}
