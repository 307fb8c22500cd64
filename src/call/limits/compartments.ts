/**
 * The compartments of a bulkhead, one for each key.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import type { CallContext } from "../../core/context.ts";
import { type DeadlineQueue, deadlinesOf } from "../../core/deadline_queue.ts";
import { expiredBefore } from "../../core/enforce.ts";
import type { TransportError } from "../../core/errors.ts";
import { notify, type Observer } from "../../core/observer.ts";
import type { Service } from "../../core/service.ts";
import { cancelledBefore, type Waiting, WaitingCall, type WaitingRoom } from "../../core/waiting_call.ts";
import { type Line, type Waiter, WaiterLine } from "../../util/waiters.ts";
import type { BulkheadStats } from "./bulkhead.ts";
import { HeldCalls } from "./held_calls.ts";
import { Rejections } from "../rejections.ts";

/** What a bulkhead goes by. */
export interface CompartmentSettings {
  readonly maxPerKey: number;
  readonly max: number;
  readonly maxWaitingPerKey: number;
  readonly maxWaiting: number;
  readonly acquireTimeoutMs: number;
  readonly maxKeys: number;
  readonly name: string;
  readonly clock: Clock;
  readonly observer: Observer | undefined;
}

/** All of them, and the line of those of which a call could go. */
export class Compartments {
  readonly settings: CompartmentSettings;
  readonly deadlines: DeadlineQueue;
  /** Calls in flight, of all keys. */
  inFlight = 0;
  /** Calls that wait, of all keys. */
  waiting = 0;
  max: number;
  maxPerKey: number;
  readonly rejections: Rejections;
  readonly #byKey = new Map<string, Compartment>();
  /** Compartments with calls that wait, and a place of their own for them. */
  readonly #turns = new WaiterLine<Compartment>();
  /** Compartments without calls: kept for the next one. A compartment stands in one of the two lines at most. */
  readonly #idle = new WaiterLine<Compartment>();
  #serving = false;

  constructor(settings: CompartmentSettings) {
    this.settings = settings;
    this.rejections = new Rejections(settings);
    this.deadlines = deadlinesOf(settings.clock);
    this.max = settings.max;
    this.maxPerKey = settings.maxPerKey;
  }

  call<Req, Res>(key: string, inner: Service<Req, Res>, request: Req, context: CallContext): Promise<Res> {
    const compartment = this.#byKey.get(key) ?? this.#made(key);
    if (compartment === undefined) {
      const why = `${this.settings.maxKeys} keys have calls already`;
      return Promise.reject(this.rejections.reject("too-many-calls", why));
    }
    // Where calls of another key wait, all places are taken.
    if (this.inFlight < this.max && compartment.inFlight < this.maxPerKey) {
      return compartment.run(inner, request, context);
    }
    return compartment.wait(inner, request, context);
  }

  stats(key: string | undefined): BulkheadStats {
    if (key === undefined) {
      const { max, inFlight, waiting } = this;
      return {
        limit: max,
        inFlight,
        waiting,
        rejected: this.rejections.count,
        keys: this.#byKey.size - this.#idle.size,
      };
    }
    const compartment = this.#byKey.get(key);
    const limit = this.maxPerKey;
    if (compartment === undefined) return { limit, inFlight: 0, waiting: 0, rejected: 0, keys: 0 };
    const { inFlight, size, rejected, idle } = compartment;
    return { limit, inFlight, waiting: size, rejected, keys: idle ? 0 : 1 };
  }

  setMax(max: number): void {
    this.#changed(this.max, max);
    this.max = max;
    this.serve();
  }

  setMaxPerKey(max: number): void {
    this.#changed(this.maxPerKey, max);
    this.maxPerKey = max;
    for (const compartment of this.#byKey.values()) this.update(compartment);
    this.serve();
  }

  /** A compartment gets a call. */
  wake(compartment: Compartment): void {
    if (!compartment.idle) return;
    compartment.idle = false;
    this.#idle.leave(compartment);
  }

  /** Something has changed in a compartment: whether a call of it could go, or whether it has none any more. */
  update(compartment: Compartment): void {
    const { idle, size, inFlight, waiting } = compartment;
    if (idle) return;
    const ready = size > 0 && inFlight < this.maxPerKey;
    if (ready && !waiting) this.#turns.join(compartment);
    if (!ready) this.#turns.leave(compartment);
    if (size > 0 || inFlight > 0) return;
    compartment.idle = true;
    this.#idle.join(compartment);
  }

  /** Gives places that are free to those that wait, one compartment after the other. */
  serve(): void {
    if (this.#serving) return;
    this.#serving = true;
    while (this.inFlight < this.max) {
      const compartment = this.#turns.shift();
      if (compartment === undefined) break;
      compartment.first!.serve();
      this.update(compartment);
    }
    this.#serving = false;
  }

  /** A new compartment, where need be in the place of one that has no calls. */
  #made(key: string): Compartment | undefined {
    // More than one where the limit has fallen.
    while (this.#byKey.size >= this.settings.maxKeys) {
      const oldest = this.#idle.shift();
      if (oldest === undefined) return undefined;
      this.#byKey.delete(oldest.key);
    }
    const made = new Compartment(this, key);
    this.#byKey.set(key, made);
    return made;
  }

  #changed(from: number, to: number): void {
    const { observer, name } = this.settings;
    if (observer !== undefined && from !== to) notify(observer, { type: "limit-changed", policy: name, from, to });
  }
}

/** The calls of one key. It is a waiter itself, in the line of compartments. */
class Compartment extends HeldCalls implements WaitingRoom<void>, Line<Waiting<void>>, Waiter {
  readonly key: string;
  readonly settings: CompartmentSettings;
  readonly deadlines: DeadlineQueue;
  readonly line = this;
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  waiting = false;
  /** Whether it has no calls. */
  idle = false;
  /** Calls refused, since it was made. */
  rejected = 0;
  readonly #all: Compartments;
  readonly #line = new WaiterLine<Waiting<void>>();

  constructor(all: Compartments, key: string) {
    super();
    this.#all = all;
    this.key = key;
    this.settings = all.settings;
    this.deadlines = all.deadlines;
  }

  /** How many wait. */
  get size(): number {
    return this.#line.size;
  }

  /** The one who has waited longest. */
  get first(): Waiting<void> | undefined {
    return this.#line.first;
  }

  override run<Req, Res>(inner: Service<Req, Res>, request: Req, context: CallContext): Promise<Res> {
    this.#all.wake(this);
    this.#all.inFlight++;
    return super.run(inner, request, context);
  }

  wait<Req, Res>(inner: Service<Req, Res>, request: Req, context: CallContext): Promise<Res> {
    const refused = cancelledBefore(context) ?? this.#refusal(context);
    if (refused === undefined) {
      return new WaitingCall<void, Res>(this, context, () => this.run(inner, request, context)).wait();
    }
    this.#all.update(this);
    return Promise.reject(refused);
  }

  join(call: Waiting<void>): void {
    this.#all.wake(this);
    this.#line.join(call);
    this.#all.waiting++;
    this.#all.update(this);
  }

  leave(call: Waiting<void>): void {
    if (!call.waiting) return;
    this.#line.leave(call);
    this.#all.waiting--;
    this.#all.update(this);
  }

  timedOut(): TransportError {
    const { acquireTimeoutMs } = this.settings;
    return this.#rejected("acquire-timeout", `no place became free within ${acquireTimeoutMs} ms`);
  }

  protected freed(): void {
    this.#all.inFlight--;
    this.#all.update(this);
    this.#all.serve();
  }

  #refusal(context: CallContext): TransportError | undefined {
    const { maxWaitingPerKey, maxWaiting, clock } = this.settings;
    if (context.deadline <= clock.now()) return expiredBefore();
    if (maxWaitingPerKey === 0 || maxWaiting === 0) {
      return this.#rejected("too-many-calls", `${this.inFlight} calls of its key are in flight`);
    }
    if (this.size >= maxWaitingPerKey) {
      return this.#rejected("overloaded", `${maxWaitingPerKey} calls of its key wait already`);
    }
    return this.#all.waiting < maxWaiting
      ? undefined
      : this.#rejected("overloaded", `${maxWaiting} calls wait already`);
  }
  #rejected(code: "too-many-calls" | "overloaded" | "acquire-timeout", why: string): TransportError {
    this.rejected++;
    return this.#all.rejections.reject(code, why);
  }
}
