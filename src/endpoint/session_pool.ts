/**
 * The sessions to one endpoint, and which of them carries a call.
 *
 * @module
 */

import { formatAddress } from "../core/channel.ts";
import type { Clock } from "../core/clock.ts";
import { background, type CallContext } from "../core/context.ts";
import { type DeadlineEntry, type DeadlineQueue, deadlinesOf } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import { notify, type Observer } from "../core/observer.ts";
import type { Handler } from "../core/service.ts";
import type { Session, SessionTransport } from "../core/session.ts";
import { backoffMs } from "../util/backoff.ts";
import { WaiterLine } from "../util/waiters.ts";
import { WaitingCall } from "./waiting_call.ts";

/** Settings of a pool. */
export interface PoolSettings<Req, Res> {
  readonly min: number;
  readonly max: number;
  readonly callsPerConnection: number;
  readonly maxWaiting: number;
  readonly acquireTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxLifetimeMs: number;
  readonly waitForReady: boolean;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly handler: Handler<Req, Res> | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: Observer | undefined;
}

/** A session of the pool, and what the pool knows about it. */
interface Member<Req, Res> {
  readonly session: Session<Req, Res>;
  readonly openedAt: number;
  /** When it is to be replaced. */
  readonly retireAt: number;
  /** Calls it was chosen for; compared from look to look, since reading the clock at each call would cost more. */
  uses: number;
  usesSeen: number;
  /** Looks in a row that found it unused. */
  quietLooks: number;
}

/** An unused session is looked at this many times in its idle timeout. */
const looksPerIdleTimeout = 4;

/** The share of a lifetime that is drawn at random, so that sessions opened together are not replaced together. */
const lifetimeJitter = 0.2;

/** See the module. */
export class SessionPool<Req, Res> implements DeadlineEntry {
  readonly #transport: SessionTransport<Req, Res>;
  readonly #settings: PoolSettings<Req, Res>;
  readonly #deadlines: DeadlineQueue;
  /** Sessions that take calls. */
  readonly #members: Member<Req, Res>[] = [];
  /** Sessions that only finish the calls they carry. */
  readonly #leaving = new Set<Session<Req, Res>>();
  readonly #line = new WaiterLine<WaitingCall<Req, Res>>();
  readonly #ending = new AbortController();
  #dialling = 0;
  #failures = 0;
  #lastFailure: TransportError | undefined = undefined;
  #nextDialAt = 0;
  /** Before this time no session is replaced that nobody waits for. */
  #keepAt = 0;
  /** Calls that a session takes, as far as that is known. */
  #capacity = Infinity;
  #closed: Promise<void> | undefined = undefined;
  #over = false;
  #kept = false;

  // As an entry of the deadline queue the pool looks after its sessions: idle ones, old ones, missing ones.
  dueAt = Infinity;
  position = -1;
  readonly holds = false;

  constructor(transport: SessionTransport<Req, Res>, settings: PoolSettings<Req, Res>) {
    this.#transport = transport;
    this.#settings = settings;
    this.#deadlines = deadlinesOf(settings.clock);
  }

  /** Sessions that take calls. */
  get total(): number {
    return this.#members.length;
  }

  /** Sessions that only finish the calls they carry. */
  get draining(): number {
    return this.#leaving.size;
  }

  /** Sessions that carry calls now. */
  get active(): number {
    return this.#members.reduce((count, { session }) => session.load > 0 ? count + 1 : count, 0);
  }

  /** Sessions that are being opened. */
  get dialling(): number {
    return this.#dialling;
  }

  /** Calls that wait for a session. */
  get waiting(): number {
    return this.#line.size;
  }

  /** Opens the sessions that are to be there always. */
  keep(): void {
    this.#kept = true;
    this.#refill();
  }

  /** Sends a call on the session with the least to do, or waits for one. */
  call(request: Req, context: CallContext = background): Promise<Res> {
    // Those who wait came first.
    const member = this.#line.size === 0 ? this.#pick() : undefined;
    if (member !== undefined) {
      member.uses++;
      return member.session.call(request, context);
    }
    return this.#wait(request, context);
  }

  /** Lets calls in flight finish and closes all sessions. Those who wait are refused. */
  close(): Promise<void> {
    return this.#closed ??= this.#end();
  }

  expire(): void {
    const { clock, idleTimeoutMs, min } = this.#settings;
    const now = clock.now();
    for (const member of [...this.#members]) {
      const { load } = member.session;
      member.quietLooks = member.uses === member.usesSeen && load === 0 ? member.quietLooks + 1 : 0;
      // A session that carries a call now is one that was used since, when it is looked at next.
      member.usesSeen = load > 0 ? -1 : member.uses;
      const idle = idleTimeoutMs !== Infinity && member.quietLooks >= looksPerIdleTimeout && this.#members.length > min;
      if (idle || now >= member.retireAt) this.#retire(member);
    }
    this.#refill();
    if (this.#line.size > 0) this.#grow(this.#line.size);
    this.#look();
  }

  async #end(): Promise<void> {
    this.#over = true;
    const error = new TransportError("closed", "Call not sent: the client is closed");
    this.#ending.abort(error);
    this.#deadlines.remove(this);
    for (let waiter = this.#line.shift(); waiter !== undefined; waiter = this.#line.shift()) waiter.refuse(error);
    const sessions = [...this.#members.map(({ session }) => session), ...this.#leaving];
    await Promise.all(sessions.map((session) => session.close()));
    this.#deadlines.trim();
  }

  /** The open session with the fewest calls in flight that takes another; opens one more where all are busy. */
  #pick(): Member<Req, Res> | undefined {
    let best: Member<Req, Res> | undefined;
    let bestLoad = Infinity;
    for (const member of this.#members) {
      const { load } = member.session;
      if (load < bestLoad && member.session.state === "open" && load < member.session.capacity) {
        best = member;
        bestLoad = load;
      }
    }
    if (bestLoad >= this.#settings.callsPerConnection) this.#grow(1);
    return best;
  }

  #wait(request: Req, context: CallContext): Promise<Res> {
    const { clock, maxWaiting, acquireTimeoutMs, waitForReady } = this.#settings;
    if (this.#over) {
      return Promise.reject(new TransportError("closed", "Call not sent: the client is closed"));
    }
    const reason = context.cancellation?.reason;
    if (reason !== undefined) {
      return Promise.reject(new TransportError(reason.code, reason.message, { processed: "no", cause: reason }));
    }
    if (this.#line.size >= maxWaiting) {
      const why = `Call not sent: ${this.#line.size} calls wait for a connection already, ${maxWaiting} are allowed`;
      return Promise.reject(new TransportError("overloaded", why));
    }
    this.#grow(this.#line.size + 1);
    const now = clock.now();
    if (!waitForReady && this.#failures > 0 && this.#members.length === 0 && this.#dialling === 0) {
      return Promise.reject(this.#backingOff(now));
    }
    const call = new WaitingCall(request, context, this.#line, this.#deadlines, now + acquireTimeoutMs, () => {
      const why = `Call not sent: no connection was free within ${acquireTimeoutMs} ms`;
      return new TransportError("acquire-timeout", why, { cause: this.#lastFailure });
    });
    this.#look();
    return call.promise;
  }

  /** What a call hears while no connection can be made. */
  #backingOff(now: number): TransportError {
    const retryAfterMs = Math.max(0, this.#nextDialAt - now);
    const last = this.#lastFailure;
    const why = `${last?.message ?? "Cannot connect"}; the next attempt is in ${Math.ceil(retryAfterMs)} ms`;
    return new TransportError(last?.code ?? "connect-failed", why, { processed: "no", retryAfterMs, cause: last });
  }

  /** Whether there may be one more session. */
  get #room(): boolean {
    const { max } = this.#settings;
    return !this.#over && this.#members.length + this.#dialling < max && this.#leaving.size <= max;
  }

  #mayDial(): boolean {
    return this.#room &&
      (this.#failures === 0 || (this.#dialling === 0 && this.#settings.clock.now() >= this.#nextDialAt));
  }

  /** Opens as many sessions as `waiting` calls fit on, less those that are being opened. */
  #grow(waiting: number): void {
    if (!this.#kept && this.#settings.min > 0) this.keep();
    const wanted = Math.max(1, Math.ceil(waiting / Math.min(this.#settings.callsPerConnection, this.#capacity)));
    while (this.#dialling < wanted && this.#mayDial()) this.#dial();
  }

  /** Opens the sessions that are missing of those that are to be there always. */
  #refill(): void {
    if (!this.#kept || this.#settings.clock.now() < this.#keepAt) return;
    while (this.#members.length + this.#dialling < this.#settings.min && this.#mayDial()) this.#dial();
  }

  #dial(): void {
    this.#dialling++;
    const { handler } = this.#settings;
    let dialling: Promise<Session<Req, Res>>;
    try {
      dialling = this.#transport.dial({ signal: this.#ending.signal, handler });
    } catch (error) {
      dialling = Promise.reject(error);
    }
    dialling.then(
      (session) => this.#dialled(session),
      (error) => this.#dialFailed(TransportError.from(error, "connect-failed", { processed: "no" })),
    );
  }

  #dialled(session: Session<Req, Res>): void {
    if (this.#over) {
      this.#dialling--;
      return void session.close();
    }
    if (session.state !== "open") {
      const why = `Connection to ${formatAddress(session.remote)} lost: it was closed as soon as it was open`;
      return this.#dialFailed(new TransportError("connection-lost", why, { processed: "no" }));
    }
    this.#dialling--;
    this.#failures = 0;
    this.#capacity = Math.max(1, session.capacity);
    const { clock, maxLifetimeMs, random } = this.#settings;
    const openedAt = clock.now();
    const member = {
      session,
      openedAt,
      retireAt: openedAt + maxLifetimeMs * (1 - lifetimeJitter * random()),
      uses: 0,
      usesSeen: 0,
      quietLooks: 0,
    };
    this.#members.push(member);
    session.onChange = () => {
      if (session.state !== "open") this.#leave(member);
      this.#dispatch();
    };
    void session.finished.then(() => this.#finished(member));
    this.#refill();
    this.#dispatch();
    this.#look();
  }

  #dialFailed(error: TransportError): void {
    this.#dialling--;
    if (this.#over) return;
    this.#failures++;
    this.#lastFailure = error;
    const { initialBackoffMs, maxBackoffMs, clock, random, observer, waitForReady } = this.#settings;
    const waitMs = backoffMs(this.#failures, { initialMs: initialBackoffMs, maxMs: maxBackoffMs }, random);
    this.#nextDialAt = clock.now() + waitMs;
    if (observer !== undefined) {
      notify(observer, { type: "dial-failed", error, attempt: this.#failures, retryInMs: waitMs });
    }
    // Whoever waits for this attempt is told how it went, unless another session may still serve them.
    if (!waitForReady && this.#members.length === 0 && this.#dialling === 0) {
      const told = new TransportError(error.code, error.message, {
        processed: "no",
        retryAfterMs: waitMs,
        cause: error,
      });
      for (let waiter = this.#line.shift(); waiter !== undefined; waiter = this.#line.shift()) waiter.refuse(told);
    }
    this.#look();
  }

  /** Serves those who wait, in the order in which they came. */
  #dispatch(): void {
    while (this.#line.size > 0) {
      const member = this.#pick();
      if (member === undefined) return this.#grow(this.#line.size);
      member.uses++;
      this.#line.shift()!.serve(member.session);
    }
  }

  /** Takes a session out and lets it finish what it carries. */
  #retire(member: Member<Req, Res>): void {
    this.#leave(member);
    void member.session.close();
  }

  /** A session takes no more calls: another one may take its place while it finishes those it carries. */
  #leave(member: Member<Req, Res>): void {
    const { session, openedAt } = member;
    session.onChange = undefined;
    const index = this.#members.indexOf(member);
    if (index < 0) return;
    this.#members.splice(index, 1);
    this.#leaving.add(session);
    if (this.#over) return;
    // A far side that takes connections and drops them must not make this a busy loop.
    this.#keepAt = Math.max(this.#keepAt, openedAt + this.#settings.initialBackoffMs);
    this.#refill();
    this.#look();
  }

  #finished(member: Member<Req, Res>): void {
    this.#leave(member);
    this.#leaving.delete(member.session);
    if (this.#over) return;
    this.#refill();
    this.#dispatch();
    this.#look();
  }

  /** Sets the time of the next look, where there is anything to look after. */
  #look(): void {
    if (this.#over) return;
    const { clock, idleTimeoutMs, maxLifetimeMs, min } = this.#settings;
    const now = clock.now();
    let dueAt = Infinity;
    if (this.#members.length > 0) dueAt = now + Math.min(idleTimeoutMs / looksPerIdleTimeout, maxLifetimeMs / 10);
    if (this.#dialling === 0 && this.#room) {
      const dialAt = this.#failures > 0 ? this.#nextDialAt : -Infinity;
      if (this.#line.size > 0 && this.#failures > 0) dueAt = Math.min(dueAt, Math.max(now, dialAt));
      const keepAt = Math.max(dialAt, this.#keepAt);
      const missing = this.#kept && this.#members.length < min;
      if (missing && (this.#failures > 0 || keepAt > now)) dueAt = Math.min(dueAt, Math.max(now, keepAt));
    }
    if (this.position >= 0 && this.dueAt <= dueAt) return;
    this.#deadlines.remove(this);
    this.dueAt = dueAt;
    this.#deadlines.add(this);
  }
}
