/**
 * Spends for calls, and lets those wait that come too early.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import type { CallContext } from "../../core/context.ts";
import { contextRefusal } from "../../core/context_refusal.ts";
import { type DeadlineQueue, deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import type { Observer } from "../../core/observer.ts";
import type { Service } from "../../core/service.ts";
import { cancelledBefore } from "../../core/waiting_call.ts";
import { RateQueue, type RateQueueOwner } from "./rate_queue.ts";
import type { RateStore, RateWindow } from "./rate_store.ts";
import { Rejections } from "../rejections.ts";

/** What a limiter goes by. */
export interface RateSettings {
  readonly windows: readonly Required<RateWindow>[];
  readonly store: RateStore;
  readonly maxWaitMs: number;
  readonly maxWaiting: number;
  readonly name: string;
  readonly clock: Clock;
  readonly observer: Observer | undefined;
}

/** See the module. */
export class RateLimiter implements RateQueueOwner {
  readonly deadlines: DeadlineQueue;
  settings: RateQueueOwner["settings"];
  /** Calls that wait. */
  waiting = 0;
  readonly rejections: Rejections;
  readonly #settings: RateSettings;
  readonly #queues = new Map<string, RateQueue>();

  constructor(settings: RateSettings) {
    this.#settings = settings;
    this.rejections = new Rejections(settings);
    this.deadlines = deadlinesOf(settings.clock);
    this.settings = this.#waitSettings();
  }

  /** The settings have changed: those whose turn has come by them go now. */
  changed(): void {
    this.settings = this.#waitSettings();
    for (const queue of [...this.#queues.values()]) queue.look();
  }

  /** Where the store says beforehand how long to wait, whoever waits at all gets its turn in time. */
  #waitSettings(): RateQueueOwner["settings"] {
    const { clock, store, maxWaitMs } = this.#settings;
    return { clock, acquireTimeoutMs: store.waitMs === undefined ? maxWaitMs : Infinity };
  }

  get #leastBurst(): number {
    return Math.min(...this.#settings.windows.map(({ burst }) => burst));
  }

  /** Makes a call, now or when its turn has come, or refuses it. */
  run<Req, Res>(
    inner: Service<Req, Res>,
    request: Req,
    context: CallContext,
    key: string,
    cost: number,
  ): Promise<Res> {
    if (typeof cost !== "number" || !(cost >= 0 && cost < Infinity)) return Promise.reject(this.#wrongCost(cost));
    const cancelled = context.cancellation === undefined ? undefined : cancelledBefore(context);
    // It must not spend what another call can use.
    if (cancelled !== undefined) return Promise.reject(cancelled);
    const queue = this.waiting === 0 ? undefined : this.#queues.get(key);
    const waitMs = queue === undefined ? this.take(key, cost) : this.#behind(queue, cost);
    if (waitMs === 0 && queue === undefined) return inner(request, context);
    const use = (): Promise<Res> => inner(request, context);
    if (typeof waitMs === "number") return this.#wait(context, use, key, cost, waitMs);
    return waitMs.then((waitMs) => {
      const cancelled = cancelledBefore(context);
      if (cancelled !== undefined) throw cancelled;
      return waitMs === 0 ? use() : this.#wait(context, use, key, cost, waitMs);
    });
  }

  take(key: string, cost: number): number | Promise<number> {
    const waitMs = this.#settings.store.take(key, cost, this.#settings.windows);
    return typeof waitMs === "object" ? waitMs.then(this.#checked) : this.#checked(waitMs);
  }

  timedOut(): TransportError {
    return this.rejections.reject("rate-limited", `${this.#settings.maxWaitMs} ms have passed`);
  }

  grown(by: 1 | -1): void {
    this.waiting += by;
  }

  ended(queue: RateQueue): void {
    this.#queues.delete(queue.key);
  }

  /** How long one waits behind those who wait already, as far as that can be said. */
  #behind(queue: RateQueue, cost: number): number {
    const { store, windows } = this.#settings;
    if (cost > this.#leastBurst) return Infinity;
    return store.waitMs?.(queue.key, queue.cost + cost, windows) ?? 0;
  }

  #wait<Res>(
    context: CallContext,
    use: () => Promise<Res>,
    key: string,
    cost: number,
    waitMs: number,
  ): Promise<Res> {
    const { clock, maxWaiting } = this.#settings;
    const now = clock.now();
    const refused = contextRefusal(context) ?? this.#refusal(waitMs, context.deadline - now);
    if (refused !== undefined) return Promise.reject(refused);
    if (this.waiting >= maxWaiting) {
      return Promise.reject(this.rejections.reject("rate-limited", `${maxWaiting} calls wait already`, waitMs));
    }
    let queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, queue = new RateQueue(this, key, now + waitMs));
    return queue.wait(context, use, cost);
  }

  #refusal(waitMs: number, leftMs: number): TransportError | undefined {
    const { maxWaitMs } = this.#settings;
    const inMs = `it can be made in ${Math.ceil(waitMs)} ms`;
    if (waitMs === Infinity) {
      return this.rejections.reject("rate-limited", `it costs more than a burst, ${this.#leastBurst}`);
    }
    if (waitMs > maxWaitMs) return this.rejections.reject("rate-limited", inMs, waitMs);
    return waitMs > leftMs ? this.rejections.reject("rate-limited", `${inMs}, after its deadline`, waitMs) : undefined;
  }

  /** What is no time could be waited for without an end. */
  readonly #checked = (waitMs: number): number => {
    if (waitMs >= 0) return waitMs;
    const why = `its store's answer is ${waitMs}, a time in milliseconds is allowed`;
    throw new TransportError("invalid-reply", `Call not run by ${this.#settings.name}: ${why}`, { processed: "no" });
  };

  #wrongCost(cost: unknown): TransportError {
    const given = typeof cost === "number" ? `${cost}` : `${String(cost)} (${typeof cost})`;
    const why = `Call not run by ${this.#settings.name}: its cost is ${given}, not a number of 0 or more`;
    return new TransportError("invalid-request", why);
  }
}
