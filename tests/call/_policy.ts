/**
 * A policy around a scripted service, on a clock that the test moves.
 *
 * @module
 */

import {
  callContext,
  type CircuitBreaker,
  circuitBreaker,
  type CircuitBreakerOptions,
  type DeadlineQueue,
  deadlinesOf,
  ManualClock,
  type Observer,
  type Service,
  TransportError,
  type TransportEvent,
} from "../../mod.ts";
import { scripted, type ScriptedCall, settle, Watched } from "../support/calls.ts";

/** What every set-up has. */
export interface World<Req, Res> {
  readonly clock: ManualClock;
  readonly queue: DeadlineQueue;
  readonly service: Service<Req, Res>;
  /** The calls that reached the scripted service. */
  readonly calls: ScriptedCall<Req, Res>[];
  readonly events: TransportEvent[];
  /** What a policy is given: the clock, an observer of `events`, and random numbers that are all 1. */
  readonly common: { clock: ManualClock; observer: Observer; random: () => number };
}

/** A service under control, and what goes with it. */
export function world<Req = string, Res = string>(): World<Req, Res> {
  const clock = new ManualClock();
  const events: TransportEvent[] = [];
  const { service, calls } = scripted<Req, Res>();
  const common = { clock, observer: (event: TransportEvent) => void events.push(event), random: () => 1 };
  return { clock, queue: deadlinesOf(clock), service, calls, events, common };
}

/** An error of the peer. */
export function broken(): TransportError {
  return new TransportError("remote", "The script fails it", { remote: true });
}

/** A breaker around a scripted service; its random numbers are all 0, so that it is open for the whole time. */
export interface BreakerWorld extends World<string, string> {
  readonly breaker: CircuitBreaker;
  call(signal?: AbortSignal): Watched<string>;
  /** Makes a call that ends at once: with an error, or with a reply. */
  end(result?: unknown): Promise<Watched<string>>;
  /** Makes so many calls that fail. */
  fail(times: number): Promise<void>;
}

/** Sets a breaker up: 3 failures, 2 successes, open for 1000 ms. */
export function breakerWorld(options: CircuitBreakerOptions = {}): BreakerWorld {
  const made = world();
  const common = { ...made.common, random: () => 0 };
  const breaker = circuitBreaker({ failures: 3, successes: 2, openMs: 1000, ...common, ...options });
  const guarded = breaker(made.service);
  const call = (signal?: AbortSignal) => new Watched(guarded("question", callContext({ signal })));
  const end = async (result: unknown = "answer") => {
    const before = made.calls.length;
    const watched = call();
    if (made.calls.length > before) {
      const last = made.calls[before];
      if (typeof result === "string") last.resolve(result);
      else last.reject(result);
    }
    await settle(10);
    return watched;
  };
  const fail = async (times: number) => {
    for (let i = 0; i < times; i++) await end(broken());
  };
  return { ...made, breaker, call, end, fail };
}
