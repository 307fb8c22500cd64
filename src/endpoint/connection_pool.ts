/**
 * The connections to one endpoint: which of them carries the next piece of
 * work, and who waits for one.
 *
 * @module
 */

import type { CallContext } from "../core/context.ts";
import { type DeadlineQueue, deadlinesOf } from "../core/deadline_queue.ts";
import type { TransportError } from "../core/errors.ts";
import type { CloseOptions } from "../core/session.ts";
import { LatencyWindow } from "../util/latency_window.ts";
import { WaiterLine } from "../util/waiters.ts";
import { Closings } from "./closings.ts";
import { ConnectionCheck } from "./connection_check.ts";
import { Dialler } from "./dialler.ts";
import { closedAtOnce, closedBefore, noneFree, notConnected, tooManyWait } from "./pool_errors.ts";
import { type Poolable, PoolMember } from "./pool_member.ts";
import type { ConnectionPoolSettings } from "./pool_options.ts";
import type { Strategy } from "./strategy.ts";
import { nextOf, refuseAll } from "./waiting_line.ts";
import { type GrowingPool, PoolGrowth } from "./pool_growth.ts";
import { type KeptPool, Upkeep } from "./upkeep.ts";
import { cancelledBefore, type Waiting, WaitingCall, type WaitingRoom } from "../core/waiting_call.ts";

/** How old a wait may be to count for the percentiles, in milliseconds. */
const waitsWindowMs = 60_000;

/** See the module. */
export class ConnectionPool<P extends Poolable> implements GrowingPool<P>, KeptPool<P>, WaitingRoom<PoolMember<P>> {
  readonly settings: ConnectionPoolSettings;
  readonly deadlines: DeadlineQueue;
  readonly line: WaiterLine<Waiting<PoolMember<P>>> = new WaiterLine();
  readonly dialler: Dialler<P>;
  /** How long those waited of late who had to. */
  readonly waits: LatencyWindow = new LatencyWindow(waitsWindowMs);
  /** Pieces of work that were given a connection. */
  acquired = 0;
  /** Those who waited for too long. */
  timeouts = 0;
  /** Connections that were stale and are being asked. */
  checking = 0;
  readonly #strategy: Strategy;
  /** Connections that take work. */
  readonly #members: PoolMember<P>[] = [];
  /** Connections that only finish what they carry. */
  readonly #leaving = new Set<PoolMember<P>>();
  /** Ends of connections that are over, or came too late, and have yet to let go of all that they had. */
  readonly #closings = new Closings();
  #closed: Promise<void> | undefined = undefined;
  #over = false;
  readonly #growth: PoolGrowth<P>;
  readonly #upkeep: Upkeep<P>;
  /** Work ran out of time on a connection: it may be dead without anybody having said so. */
  readonly #onDoubt = (member: PoolMember<P>): void => {
    if (this.#over || member.checking || member.poolable.state !== "open") return;
    member.doubted = true;
    this.check(member);
  };

  constructor(settings: ConnectionPoolSettings, strategy: Strategy, open: (signal: AbortSignal) => Promise<P>) {
    this.settings = settings;
    this.#strategy = strategy;
    this.deadlines = deadlinesOf(settings.clock);
    this.#upkeep = new Upkeep(this, settings, this.deadlines);
    this.dialler = new Dialler(
      settings,
      open,
      (poolable) => this.#opened(poolable),
      (error, retryInMs) => this.#dialFailed(error, retryInMs),
    );
    this.#growth = new PoolGrowth(this, settings, this.dialler);
  }

  /** Connections that take work. */
  get members(): readonly PoolMember<P>[] {
    return this.#members;
  }

  /** How many only finish what they carry. */
  get draining(): number {
    return this.#leaving.size;
  }

  /** Pieces of work in flight. */
  get load(): number {
    let load = 0;
    for (const member of this.#members) load += member.load;
    for (const member of this.#leaving) load += member.load;
    return load;
  }

  /** Opens the connections that are to be there always. */
  keep(): void {
    this.#growth.keep();
  }

  /** A connection that takes one more piece of work; undefined where one must wait. */
  take(): PoolMember<P> | undefined {
    // Those who wait came first.
    const member = this.line.size === 0 ? this.#pick() : undefined;
    if (member !== undefined) {
      member.uses++;
      this.acquired++;
    }
    return member;
  }

  /** Waits for a connection and uses it. */
  whenFree<Res>(context: CallContext, use: (member: PoolMember<P>) => Res | Promise<Res>): Promise<Res> {
    const refused = cancelledBefore(context) ?? this.#refusal();
    if (refused !== undefined) return Promise.reject(refused);
    const reply = new WaitingCall(this, context, use).wait();
    this.#upkeep.plan();
    return reply;
  }

  timedOut(): TransportError {
    this.timeouts++;
    const { dialling, lastFailure } = this.dialler;
    return noneFree(this.settings.acquireTimeoutMs, dialling, lastFailure);
  }

  /** Lets work in flight finish within a grace, and closes all connections. Those who wait are refused. */
  close(options?: CloseOptions): Promise<void> {
    return this.#closed ??= this.#end(options);
  }

  nextDialAt(now: number): number {
    return this.#growth.nextDialAt(now);
  }

  /** Opens what is missing: for those who wait, and of what is to be there always. */
  fill(): void {
    this.#growth.fill();
    this.#upkeep.plan();
  }

  retire(member: PoolMember<P>): void {
    this.#leave(member);
    void member.poolable.close();
  }

  /** Work failed on one: it must show that it is still good before it is used again. */
  suspect(isIt: (member: PoolMember<P>) => boolean): void {
    const member = this.#members.find(isIt);
    if (member === undefined) return;
    member.stale = true;
    this.check(member);
  }

  /** Until it has answered, one that is stale carries only what it carried before. */
  check(member: PoolMember<P>): void {
    if (member.checking) return;
    const { clock, validateTimeoutMs } = this.settings;
    const { stale } = member;
    member.checking = true;
    if (stale) this.checking++;
    new ConnectionCheck(member.poolable, this.deadlines, clock.now(), validateTimeoutMs, (error) => {
      member.checking = false;
      member.doubted = false;
      if (stale) this.checking--;
      if (error === undefined) {
        member.stale = false;
        // To answer is to be in use.
        member.uses++;
      } else if (member.poolable.state !== "closed") {
        this.#leave(member);
        member.poolable.abort(error);
      }
      if (this.#over) return;
      this.#dispatch();
      this.fill();
    });
  }

  async #end(options?: CloseOptions): Promise<void> {
    this.#over = true;
    const error = closedBefore();
    const dialled = this.dialler.end(error);
    this.#growth.end();
    this.#upkeep.end();
    refuseAll(this.line, error);
    const members = [...this.#members, ...this.#leaving];
    await Promise.all([dialled, ...members.map(({ poolable }) => poolable.close(options))]);
    await this.#closings.ended();
    this.deadlines.trim();
  }

  /** Sees to a connection for one more who is to wait; an error where waiting is no use. */
  #refusal(): TransportError | undefined {
    const { maxWaiting, waitForReady, clock } = this.settings;
    const { line, dialler } = this;
    if (this.#over) return closedBefore();
    if (line.size >= maxWaiting) return tooManyWait(line.size, maxWaiting);
    this.#growth.grow(line.size + 1);
    const hopeless = dialler.failures > 0 && this.#members.length === 0 && dialler.dialling === 0;
    return hopeless && !waitForReady ? dialler.backingOff(clock.now()) : undefined;
  }

  /** One that takes more, as the strategy has it; opens one more where all are busy. */
  #pick(): PoolMember<P> | undefined {
    const best = this.#strategy.pick(this.#members);
    if (best === undefined || best.doubted || best.load >= this.settings.callsPerConnection) this.#growth.grow(1);
    return best;
  }

  #opened(poolable: P): void {
    if (this.#over) {
      this.settings.limit?.release();
      return this.#closings.add(poolable.close());
    }
    if (poolable.state !== "open") {
      this.#closings.add(poolable.close());
      return this.dialler.fail(closedAtOnce());
    }
    this.dialler.succeed();
    this.#growth.opened(poolable);
    const member = new PoolMember(poolable, this.settings, this.#onDoubt);
    this.#members.push(member);
    poolable.onChange = () => {
      if (poolable.state !== "open") this.#leave(member);
      this.#dispatch();
    };
    void poolable.finished.then(() => this.#finished(member));
    this.#dispatch();
    this.fill();
  }

  #dialFailed(error: TransportError, retryInMs: number): void {
    this.settings.limit?.release();
    if (this.#over) return;
    const { line, dialler } = this;
    // Whoever waits for this attempt is told how it went, unless another connection may still serve them.
    if (!this.settings.waitForReady && this.#members.length === 0 && dialler.dialling === 0) {
      refuseAll(line, notConnected(error, retryInMs));
    }
    this.#upkeep.plan();
  }

  /** Serves those who wait. */
  #dispatch(): void {
    const { line, settings } = this;
    while (line.size > 0) {
      const member = this.#pick();
      if (member === undefined) return this.#growth.grow(line.size);
      member.uses++;
      this.acquired++;
      const waiter = nextOf(line, settings)!;
      const now = settings.clock.now();
      this.waits.record(now, now - waiter.since);
      waiter.serve(member);
    }
  }

  /** A connection takes no more work: another one may take its place while it finishes what it carries. */
  #leave(member: PoolMember<P>): void {
    member.poolable.onChange = undefined;
    const index = this.#members.indexOf(member);
    if (index < 0) return;
    this.#members.splice(index, 1);
    this.#leaving.add(member);
    if (this.#over) return;
    this.#growth.left(member);
    this.fill();
  }

  #finished(member: PoolMember<P>): void {
    this.#leave(member);
    this.#leaving.delete(member);
    this.#closings.add(member.poolable.close());
    this.settings.limit?.release();
    if (this.#over) return;
    this.#dispatch();
    this.fill();
  }
}
