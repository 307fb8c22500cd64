/**
 * The endpoints of balance(), and which of them carries a call.
 *
 * @module
 */

import { closeAll } from "../core/close_all.ts";
import { whenComplete } from "../core/completion.ts";
import type { CallContext } from "../core/context.ts";
import { type DeadlineQueue, deadlinesOf } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import type { CloseOptions } from "../core/session.ts";
import { notify } from "../core/observer.ts";
import { type Outcome, outcomeIn, outcomeOfReply } from "../core/outcome.ts";
import { leave, Streamed } from "../core/streamed.ts";
import { affinity, hashOf } from "../util/rendezvous.ts";
import { WaiterLine } from "../util/waiters.ts";
import { decideAvailable, isLeft, refusesForMs } from "./availability.ts";
import type { BalanceSettings } from "./balance_options.ts";
import { Closings } from "./closings.ts";
import { BalancedEndpoint, type EndpointStats } from "./balanced_endpoint.ts";
import { OutlierEjection } from "./outlier_ejection.ts";
import { closedBefore } from "./pool_errors.ts";
import { type Strategy, strategyOf } from "./strategy.ts";
import { cancelledBefore, type Waiting, WaitingCall, type WaitingRoom } from "../core/waiting_call.ts";

/** The age at which an endpoint counts as old for `adaptive`: endpoints do not wear out, so ages hardly differ. */
const oldMs = 30 * 86_400_000;

/** How often others are asked whether an endpoint is well. */
const askEveryMs = 100;

/** See the module. */
export class Balancer<Endpoint, Req, Res> implements WaitingRoom<void> {
  readonly settings: BalanceSettings<Endpoint, Req, Res>;
  readonly line: WaiterLine<Waiting<void>> = new WaiterLine();
  readonly deadlines: DeadlineQueue;
  readonly #strategy: Strategy | undefined;
  readonly #ejection: OutlierEjection<BalancedEndpoint<Req, Res>> | undefined;
  #endpoints: BalancedEndpoint<Req, Res>[] = [];
  readonly #leaving = new Set<BalancedEndpoint<Req, Res>>();
  readonly #closings = new Closings();
  #growing = false;
  /** When an endpoint that refused calls may take them again. */
  #lookAgainAt = Infinity;
  /** When to ask again whether endpoints are well. */
  #askAt = -Infinity;
  /** Whether there has been a list of endpoints. */
  #known = false;
  #discovery: AsyncIterator<readonly Endpoint[]> | undefined = undefined;
  #closed: Promise<void> | undefined = undefined;

  constructor(settings: BalanceSettings<Endpoint, Req, Res>) {
    this.settings = settings;
    const { strategy, clock, random, weights, ejection, endpoints } = settings;
    this.deadlines = deadlinesOf(clock);
    if (strategy !== "consistent-hash") {
      this.#strategy = strategyOf(strategy, { random, spread: true, now: () => clock.now(), oldMs, weights });
    }
    if (ejection !== undefined) {
      this.#ejection = new OutlierEjection(
        ejection,
        clock.now(),
        ({ endpoint, forMs, reason }) => this.#ejected(endpoint.name, forMs, reason),
        (endpoint) => this.#readmitted(endpoint),
      );
    }
    if (Symbol.asyncIterator in endpoints) void this.#discover(endpoints);
    else this.#replace(endpoints);
  }

  call(request: Req, context: CallContext): Promise<Res> {
    let endpoint: BalancedEndpoint<Req, Res> | undefined;
    try {
      endpoint = this.#pick(request, context);
    } catch (error) {
      return Promise.reject(error);
    }
    return endpoint === undefined ? this.#wait(request, context) : this.#send(endpoint, request, context);
  }

  stats(): EndpointStats[] {
    const now = this.settings.clock.now();
    return this.#endpoints.map((endpoint) => endpoint.stats(now));
  }

  close(options?: CloseOptions): Promise<void> {
    return this.#closed ??= this.#end(options);
  }

  timedOut(): TransportError {
    const why = `Call not sent: no endpoint was known within ${this.settings.acquireTimeoutMs} ms`;
    return new TransportError("acquire-timeout", why);
  }

  #pick(request: Req, context: CallContext): BalancedEndpoint<Req, Res> | undefined {
    if (this.#closed !== undefined) return undefined;
    const endpoints = this.#endpoints;
    const looks = this.#growing || this.#lookAgainAt < Infinity;
    if (looks || this.#ejection !== undefined || this.settings.isHealthy !== undefined) {
      const now = this.settings.clock.now();
      if (now >= this.#lookAgainAt) this.#refresh();
      if (now >= this.#askAt) this.#ask(now);
      if (this.#ejection?.isDue(now)) this.#ejection.look(endpoints, now);
      if (this.#growing) this.#grow(now);
    }
    return this.#strategy === undefined ? this.#byKey(request, context) : this.#strategy.pick(endpoints);
  }

  /** The endpoint that the call's key belongs to, of those that carry calls. */
  #byKey(request: Req, context: CallContext): BalancedEndpoint<Req, Res> | undefined {
    const key = hashOf(this.settings.hashKey!(request, context));
    let best: BalancedEndpoint<Req, Res> | undefined;
    let highest = -1;
    for (const endpoint of this.#endpoints) {
      const close = affinity(key, endpoint.hash);
      if (close > highest && endpoint.available) {
        best = endpoint;
        highest = close;
      }
    }
    return best;
  }

  #send(endpoint: BalancedEndpoint<Req, Res>, request: Req, context: CallContext): Promise<Res> {
    const { clock } = this.settings;
    const startedAt = this.#strategy?.measures ? clock.now() : 0;
    endpoint.load++;
    const finish = (): void => {
      endpoint.load--;
      if (endpoint.gone) this.#left(endpoint);
    };
    let call: Promise<Res>;
    try {
      call = endpoint.service(request, context);
    } catch (error) {
      call = Promise.reject(error);
    }
    return call.then((reply) => {
      if (!(reply instanceof Streamed)) {
        this.#note(endpoint, outcomeOfReply(reply), startedAt);
        return whenComplete(reply, finish);
      }
      // Its latency is that of the first word; whether it failed is known at its end.
      const latencyMs = clock.now() - startedAt;
      reply.whenEnded((error) => {
        if (error === undefined) this.#note(endpoint, "success", clock.now() - latencyMs);
        else this.#note(endpoint, outcomeIn(context, request, error), startedAt);
        finish();
      });
      return reply;
    }, (error) => {
      this.#note(endpoint, outcomeIn(context, request, error), startedAt);
      // It refuses calls: others carry them while it does.
      if (endpoint.refuses(refusesForMs(error), clock)) this.#refresh();
      finish();
      throw error;
    });
  }

  #note(endpoint: BalancedEndpoint<Req, Res>, outcome: Outcome, startedAt: number): void {
    const now = this.settings.clock.now();
    if (this.#strategy?.measures) endpoint.record.add(outcome, now - startedAt, now);
    if (!endpoint.gone) this.#ejection?.add(endpoint, outcome, this.#endpoints, now);
  }

  #wait(request: Req, context: CallContext): Promise<Res> {
    const { maxWaiting } = this.settings;
    const refused = this.#closed !== undefined
      ? closedBefore()
      : this.#known
      ? new TransportError("connect-failed", "Call not sent: there is no endpoint")
      : this.line.size >= maxWaiting
      ? new TransportError("overloaded", `Call not sent: ${maxWaiting} calls wait for an endpoint already`)
      : cancelledBefore(context);
    if (refused !== undefined) return Promise.reject(refused);
    return new WaitingCall(this, context, () => this.call(request, context)).wait();
  }

  /** Takes each list of endpoints in place of the one before, to the end of the lists. */
  async #discover(lists: AsyncIterable<readonly Endpoint[]>): Promise<void> {
    try {
      this.#discovery = lists[Symbol.asyncIterator]();
      while (this.#closed === undefined) {
        const { done, value } = await this.#discovery.next();
        if (done || this.#closed !== undefined) break;
        this.#replace(value);
      }
    } catch (cause) {
      const { observer } = this.settings;
      const error = TransportError.from(cause, "connect-failed");
      if (observer !== undefined) notify(observer, { type: "dial-failed", error, attempt: 1, retryInMs: undefined });
    }
    // Whoever waited for a list that does not come would wait in vain.
    this.#known = true;
    this.#serveWaiting();
  }

  /** Asks whether the endpoints are well, and tells of those that are not any more, or are again. */
  #ask(now: number): void {
    const { isHealthy } = this.settings;
    this.#askAt = isHealthy === undefined ? Infinity : now + askEveryMs;
    for (const endpoint of isHealthy === undefined ? [] : this.#endpoints) {
      let healthy = true;
      try {
        healthy = isHealthy!(endpoint.name);
      } catch {
        // Whoever can't tell has nothing against it.
      }
      if (healthy === endpoint.healthy) continue;
      endpoint.healthy = healthy;
      if (healthy) this.#readmitted(endpoint);
      else this.#ejected(endpoint.name, Infinity, "it is not healthy");
    }
  }

  #replace(list: readonly Endpoint[]): void {
    const { nameOf, connect, clock } = this.settings;
    const now = clock.now();
    const before = new Map(this.#endpoints.map((endpoint) => [endpoint.name, endpoint]));
    const first = !this.#known;
    const after = new Map<string, BalancedEndpoint<Req, Res>>();
    for (const given of list) {
      const name = nameOf(given);
      if (after.has(name)) continue;
      const endpoint = before.get(name) ?? new BalancedEndpoint(name, connect(given), now);
      // Those of the first list are all new: none of them needs to hold back.
      if (first) endpoint.admittedAt = -Infinity;
      after.set(name, endpoint);
    }
    this.#endpoints = [...after.values()];
    this.#known = true;
    for (const endpoint of before.values()) {
      if (after.has(endpoint.name)) continue;
      endpoint.gone = true;
      this.#ejection?.forget(endpoint);
      this.#leaving.add(endpoint);
      this.#left(endpoint);
    }
    this.#growing = true;
    this.#grow(now);
    this.#refresh();
    this.#serveWaiting();
  }

  #serveWaiting(): void {
    for (let waiting = this.line.shift(); waiting !== undefined; waiting = this.line.shift()) waiting.serve();
  }

  #grow(now: number): void {
    this.#growing = false;
    for (const endpoint of this.#endpoints) {
      if (endpoint.grow(now, this.settings.slowStartMs)) this.#growing = true;
    }
  }

  #refresh(): void {
    const { panicThreshold, clock } = this.settings;
    this.#lookAgainAt = decideAvailable(this.#endpoints, panicThreshold, clock.now());
  }

  #ejected(endpoint: string, forMs: number, reason: string): void {
    this.#refresh();
    const { observer, name } = this.settings;
    if (observer !== undefined) notify(observer, { type: "endpoint-ejected", policy: name, endpoint, forMs, reason });
  }

  #readmitted(endpoint: BalancedEndpoint<Req, Res>): void {
    const { observer, name, clock } = this.settings;
    endpoint.admittedAt = clock.now();
    this.#growing = true;
    this.#refresh();
    // Back from one of two reasons to be left out is not back.
    if (observer !== undefined && isLeft(endpoint)) {
      notify(observer, { type: "endpoint-readmitted", policy: name, endpoint: endpoint.name });
    }
  }

  #left(endpoint: BalancedEndpoint<Req, Res>): void {
    const closing = endpoint.closeIfDone();
    if (endpoint.load === 0) this.#leaving.delete(endpoint);
    if (closing !== undefined) this.#closings.add(closing.catch(() => {}));
  }

  async #end(options?: CloseOptions): Promise<void> {
    const error = closedBefore();
    for (let waiting = this.line.shift(); waiting !== undefined; waiting = this.line.shift()) waiting.refuse(error);
    // What the lists say of being left matters to nobody any more.
    if (this.#discovery !== undefined) leave(this.#discovery)?.catch(() => {});
    try {
      await closeAll([...this.#endpoints, ...this.#leaving].map(({ service }) => service), options);
    } finally {
      await this.#closings.ended();
      this.deadlines.trim();
    }
  }
}
