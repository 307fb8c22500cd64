/**
 * Lets so many calls through at once, and the others wait.
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
import { cancelledBefore, WaitingCall, type WaitingRoom } from "../../core/waiting_call.ts";
import { type CallLine, callLine, type CallQueue } from "./call_line.ts";
import { HeldCalls } from "./held_calls.ts";
import { Rejections } from "../rejections.ts";

/** What a gate goes by. */
export interface GateSettings {
  readonly maxWaiting: number;
  readonly acquireTimeoutMs: number;
  readonly queue: CallQueue;
  readonly name: string;
  readonly clock: Clock;
  readonly observer: Observer | undefined;
}

/** See the module. Where calls wait, as many are in flight as may be. */
export class CallGate extends HeldCalls implements WaitingRoom<void> {
  /** Calls that may be in flight. Above a limit that has fallen, those that are there stay. */
  limit: number;
  readonly settings: GateSettings;
  readonly deadlines: DeadlineQueue;
  readonly line: CallLine;
  readonly rejections: Rejections;
  #serving = false;

  constructor(limit: number, settings: GateSettings) {
    super();
    this.limit = limit;
    this.settings = settings;
    this.deadlines = deadlinesOf(settings.clock);
    this.rejections = new Rejections(settings);
    this.line = callLine(settings);
  }

  /** Makes a call once there is a place for it. For when there was none. */
  wait<Req, Res>(inner: Service<Req, Res>, request: Req, context: CallContext): Promise<Res> {
    const refused = cancelledBefore(context) ?? this.#refusal(context);
    if (refused !== undefined) return Promise.reject(refused);
    return new WaitingCall<void, Res>(this, context, () => this.run(inner, request, context)).wait();
  }

  timedOut(): TransportError {
    const { acquireTimeoutMs } = this.settings;
    return this.rejections.reject("acquire-timeout", `${this.limit} calls were in flight for ${acquireTimeoutMs} ms`);
  }

  /** How long the call has waited that has waited longest, in milliseconds. */
  delayMs(): number {
    return this.line.size === 0 ? 0 : this.settings.clock.now() - this.line.oldest;
  }

  /** Changes the limit, and serves those who wait where it has grown. */
  setLimit(limit: number): void {
    const { observer, name } = this.settings;
    if (limit === this.limit) return;
    const from = this.limit;
    this.limit = limit;
    if (observer !== undefined) notify(observer, { type: "limit-changed", policy: name, from, to: limit });
    this.freed();
  }

  protected freed(): void {
    // One that is served may end at once: the loop that is running serves the next.
    if (this.#serving || this.line.size === 0) return;
    this.#serving = true;
    while (this.inFlight < this.limit) {
      const next = this.line.next();
      if (next === undefined) break;
      next.serve();
    }
    this.#serving = false;
  }

  #refusal(context: CallContext): TransportError | undefined {
    const { maxWaiting, clock } = this.settings;
    if (context.deadline <= clock.now()) return expiredBefore();
    if (maxWaiting === 0) return this.rejections.reject("too-many-calls", `${this.inFlight} calls are in flight`);
    if (this.line.size < maxWaiting) return undefined;
    const why = `${maxWaiting} calls wait already`;
    const last = this.line.below(context.priority);
    const error = this.rejections.reject("overloaded", last === undefined ? why : `${why}, and a more urgent one came`);
    last?.refuse(error);
    return last === undefined ? error : undefined;
  }
}
