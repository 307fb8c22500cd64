/**
 * Decides which calls are refused so that a delay stays short.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import type { CallContext } from "../../core/context.ts";
import type { TransportError } from "../../core/errors.ts";
import type { Observer } from "../../core/observer.ts";
import { Codel } from "../../util/codel.ts";
import { HeldCalls } from "./held_calls.ts";
import { Rejections } from "../rejections.ts";

/**
 * Says how long calls are delayed now.
 *
 * @example Shed by how long messages stand in a queue of one's own
 * ```ts
 * import { type DelaySource, loadShed } from "@wireway/wireway";
 * const queue: { since: number }[] = [];
 * const delay: DelaySource = { delayMs: () => queue.length === 0 ? 0 : performance.now() - queue[0].since };
 * loadShed({ delay });
 * ```
 */
export interface DelaySource {
  /** The delay, in milliseconds. */
  delayMs(): number;
}

/** What a shedder goes by. */
export interface ShedSettings {
  readonly delay: DelaySource;
  readonly targetMs: number;
  readonly intervalMs: number;
  readonly maxDelayMs: number;
  readonly maxInFlight: number;
  readonly reserve: number;
  readonly name: string;
  readonly clock: Clock;
  readonly observer: Observer | undefined;
}

/** The priorities that there are, and the least urgent one. */
const priorities = 8;
const leastUrgent = priorities - 1;

/** See the module. It counts calls in flight, where that is asked for. */
export class Shedder extends HeldCalls {
  readonly rejections: Rejections;
  readonly #settings: ShedSettings;
  readonly #codel: Codel;
  /** Calls to be refused, as soon as some come that are the least urgent. */
  #owed = 0;
  /** Calls by priority, in this interval and in the one before. */
  #now = new Uint32Array(priorities);
  #before = new Uint32Array(priorities);
  #turnAt = 0;

  constructor(settings: ShedSettings) {
    super();
    this.#settings = settings;
    this.rejections = new Rejections(settings);
    this.#codel = new Codel(settings);
  }

  /** Whether the delay has been too long for a while. */
  get shedding(): boolean {
    return this.#codel.dropping;
  }

  /** The error for a call that is to be refused; undefined for one that may go on. */
  refusal(context: CallContext): TransportError | undefined {
    const { delay, targetMs, intervalMs, maxInFlight, reserve } = this.#settings;
    const { priority } = context;
    if (this.inFlight >= maxInFlight * (1 - reserve * priority / leastUrgent)) {
      return this.rejections.reject("overloaded", `${this.inFlight} calls are in flight`, intervalMs);
    }
    const delayMs = delay.delayMs();
    if (delayMs < targetMs) {
      this.#owed = 0;
      this.#codel.clear();
      return undefined;
    }
    if (!this.#tooLate(delayMs, priority)) return undefined;
    return this.rejections.reject("overloaded", `calls wait for ${Math.round(delayMs)} ms`, intervalMs);
  }

  protected freed(): void {}

  #tooLate(delayMs: number, priority: number): boolean {
    const { clock, maxDelayMs } = this.#settings;
    const now = clock.now();
    this.#count(priority, now);
    if (this.#codel.drop(delayMs, now)) this.#owed++;
    const beyond = delayMs >= maxDelayMs && priority > 0;
    if (!beyond && this.#owed <= this.#lessUrgent(priority)) return false;
    this.#owed = Math.max(0, this.#owed - 1);
    return true;
  }

  #count(priority: number, now: number): void {
    const { intervalMs } = this.#settings;
    if (now >= this.#turnAt) {
      const fresh = now >= this.#turnAt + intervalMs;
      [this.#now, this.#before] = [this.#before.fill(0), this.#now];
      if (fresh) this.#before.fill(0);
      this.#turnAt = now + intervalMs;
    }
    this.#now[priority]++;
  }

  /** How many less urgent calls came of late: as many are to come again, and can be refused in the place of this one. */
  #lessUrgent(priority: number): number {
    let calls = 0;
    for (let less = priority + 1; less < priorities; less++) calls += this.#now[less] + this.#before[less];
    return calls;
  }
}
