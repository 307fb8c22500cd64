/**
 * A transport of calls under the test's control: dials succeed and fail, calls
 * end and sessions die when the test says so.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type Address,
  background,
  type CallContext,
  type Handler,
  type Session,
  type SessionDialOptions,
  type SessionListener,
  type SessionState,
  type SessionTransport,
  TransportError,
} from "../../mod.ts";

const address: Address = { transport: "script", path: "script" };

/** A call on a session, until it ends. */
export interface SessionCall {
  readonly request: number;
  readonly context: CallContext;
  readonly session: ScriptedSession;
  /** Answers it with its own request. */
  reply(): void;
  fail(error: TransportError): void;
}

/** See the module. */
export class ScriptedSession implements Session<number, number> {
  readonly local = address;
  readonly remote = address;
  readonly finished: Promise<TransportError | undefined>;
  onChange: (() => void) | undefined = undefined;
  state: SessionState = "open";
  /** Calls in flight, in the order in which they came. */
  readonly calls: SessionCall[] = [];
  /** How often `close()` was called before it was over. */
  closes = 0;
  /** When it has let go of all that it had: `close()` waits for that, too. */
  letGo: Promise<void> = Promise.resolve();
  readonly capacity: number;
  readonly #transport: ScriptedTransport;
  readonly #finished = Promise.withResolvers<TransportError | undefined>();

  constructor(transport: ScriptedTransport, capacity: number) {
    this.#transport = transport;
    this.capacity = capacity;
    this.finished = this.#finished.promise;
  }

  get load(): number {
    return this.calls.length;
  }

  call(request: number, context: CallContext = background): Promise<number> {
    assert.equal(this.state, "open", "only an open session is given calls");
    assert.ok(this.load < this.capacity, "a session is given no more calls than it takes");
    this.#transport.received.push(request);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const listener = { cancelled: (reason: TransportError) => call.fail(reason) };
    const end = (settle: () => void): void => {
      const index = this.calls.indexOf(call);
      if (index < 0) return;
      this.calls.splice(index, 1);
      context.cancellation?.unsubscribe(listener);
      settle();
      this.onChange?.();
      if (this.state === "draining" && this.load === 0) this.#end(undefined);
    };
    const call: SessionCall = {
      request,
      context,
      session: this,
      reply: () => end(() => resolve(request)),
      fail: (error) => end(() => reject(error)),
    };
    this.calls.push(call);
    context.cancellation?.subscribe(listener);
    return promise;
  }

  send(): never {
    throw new TransportError("unsupported", "Cannot send one way: the script has no such thing");
  }

  ping(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    if (this.state !== "closed") this.closes++;
    this.drain();
    return this.finished.then(() => this.letGo);
  }

  abort(reason: TransportError): void {
    this.lose(reason);
  }

  /** The far side says goodbye: calls in flight may finish. */
  drain(): void {
    if (this.state !== "open") return;
    this.state = "draining";
    this.onChange?.();
    if (this.load === 0) this.#end(undefined);
  }

  /** The connection breaks. */
  lose(error = new TransportError("connection-lost", "Call lost: the script cut the connection")): void {
    if (this.state === "closed") return;
    this.state = "closed";
    for (const call of [...this.calls]) call.fail(error);
    this.#end(error);
  }

  #end(error: TransportError | undefined): void {
    this.state = "closed";
    this.onChange?.();
    this.#finished.resolve(error);
  }
}

/** A dial that has not ended. */
export interface Dial {
  readonly signal: AbortSignal | undefined;
  readonly handler: Handler<number, number> | undefined;
  /** Ends it well, with a session that takes so many calls. */
  succeed(capacity?: number): ScriptedSession;
  fail(error?: TransportError): void;
}

/** See the module. */
export class ScriptedTransport implements SessionTransport<number, number> {
  /** Dials that have not ended, the oldest first. */
  readonly dials: Dial[] = [];
  /** How many dials there were. */
  dialled = 0;
  /** All sessions, the ended ones too. */
  readonly sessions: ScriptedSession[] = [];
  /** The requests that reached sessions, in order. */
  readonly received: number[] = [];
  /** Whether an aborted dial ends at once, as it should; else the test ends it. */
  heedsAbort = true;

  dial({ signal, handler }: SessionDialOptions<number, number> = {}): Promise<ScriptedSession> {
    this.dialled++;
    const { promise, resolve, reject } = Promise.withResolvers<ScriptedSession>();
    const end = (settle: () => void): void => {
      const index = this.dials.indexOf(dial);
      if (index < 0) return;
      this.dials.splice(index, 1);
      settle();
    };
    const dial: Dial = {
      signal,
      handler,
      succeed: (capacity = 100) => {
        const session = new ScriptedSession(this, capacity);
        this.sessions.push(session);
        end(() => resolve(session));
        return session;
      },
      fail: (error = new TransportError("connect-failed", "Cannot connect: the script says no")) => {
        end(() => reject(error));
      },
    };
    this.dials.push(dial);
    signal?.addEventListener("abort", () => this.heedsAbort && end(() => reject(signal.reason)), { once: true });
    return promise;
  }

  listen(): Promise<SessionListener> {
    return Promise.reject(new TransportError("unsupported", "Cannot listen: this is a script for the calling end"));
  }

  /** Sessions that have not ended. */
  get alive(): ScriptedSession[] {
    return this.sessions.filter(({ state }) => state !== "closed");
  }

  /** Sessions that take calls. */
  get open(): ScriptedSession[] {
    return this.sessions.filter(({ state }) => state === "open");
  }
}

/** Holds the pings of a session until the test answers them. */
export function holdPings(session: ScriptedSession): PromiseWithResolvers<number>[] {
  const pings: PromiseWithResolvers<number>[] = [];
  session.ping = () => {
    const ping = Promise.withResolvers<number>();
    pings.push(ping);
    return ping.promise;
  };
  return pings;
}
