/**
 * Spreads calls evenly over sessions, in turn.
 *
 * A load generator wants every connection used alike, and no policy of its own
 * in between: pool() prefers some connections and queues calls.
 *
 * @module
 */

import { callContext, type Session, TransportError } from "../../mod.ts";
import type { CallTransport } from "./transports.ts";

/** Dials that are under way at once. */
const dialling = 64;

/** Time before a lost session is dialled again, in milliseconds. */
const redialMs = 250;

type CallSession = Session<Uint8Array, Uint8Array>;

/** Sessions of one or several transports to the same server. */
export class Spread {
  /** Sessions that were lost and dialled again. */
  reconnects = 0;
  readonly #transports: CallTransport[];
  readonly #sessions: CallSession[] = [];
  readonly #payload: Uint8Array;
  readonly #timeoutMs: number;
  readonly #sameSize: boolean;
  #next = 0;
  #closed = false;

  /** Calls send `payload` and take `timeoutMs` at the most; where `echo` is set, a reply of another size is an error. */
  constructor(transports: CallTransport[], payload: Uint8Array, timeoutMs: number, echo: boolean) {
    this.#transports = transports;
    this.#payload = payload;
    this.#timeoutMs = timeoutMs;
    this.#sameSize = echo;
  }

  /** Sessions that take calls. */
  get open(): number {
    return this.#sessions.filter(({ state }) => state === "open").length;
  }

  /** Calls that fit on all sessions at once. */
  get capacity(): number {
    return this.#sessions.reduce((sum, { capacity }) => sum + capacity, 0);
  }

  /** Opens `count` more sessions; gives up with the first that fails. */
  async dial(count: number): Promise<void> {
    let left = count;
    const dialler = async (): Promise<void> => {
      while (left > 0) await this.#dialOne(left--);
    };
    await Promise.all(Array.from({ length: Math.min(dialling, count) }, dialler));
  }

  /** Makes one call on the next session that has room. */
  readonly call = (): Promise<Uint8Array> => {
    const session = this.#pick();
    if (session === undefined) return Promise.reject(noRoom);
    const reply = session.call(this.#payload, callContext({ timeoutMs: this.#timeoutMs }));
    return this.#sameSize ? reply.then(this.#checked) : reply;
  };

  /** Closes all sessions. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#sessions.map((session) => session.close({ graceMs: 1000 }).catch(() => {})));
  }

  readonly #checked = (reply: Uint8Array): Uint8Array => {
    if (reply.length === this.#payload.length) return reply;
    throw new TransportError("invalid-reply", `Cannot use a reply of ${reply.length} bytes: it is no echo`);
  };

  #pick(): CallSession | undefined {
    const sessions = this.#sessions;
    for (let tried = 0; tried < sessions.length; tried++) {
      if (++this.#next >= sessions.length) this.#next = 0;
      const session = sessions[this.#next];
      if (session.state === "open" && session.load < session.capacity) return session;
    }
    return undefined;
  }

  async #dialOne(number: number): Promise<void> {
    const session = await this.#transports[number % this.#transports.length].dial();
    if (this.#closed) return void session.close({ graceMs: 0 });
    const place = this.#sessions.push(session) - 1;
    this.#watch(session, place, number);
  }

  #watch(session: CallSession, place: number, number: number): void {
    void session.finished.then(async () => {
      while (!this.#closed) {
        await new Promise((resolve) => Deno.unrefTimer(setTimeout(resolve, redialMs)));
        if (this.#closed) return;
        try {
          const again = await this.#transports[number % this.#transports.length].dial();
          this.reconnects++;
          this.#sessions[place] = again;
          if (this.#closed) return void again.close({ graceMs: 0 });
          return this.#watch(again, place, number);
        } catch {
          // The server is not back yet.
        }
      }
    });
  }
}

/** One for all: making an error costs more than a call. */
const noRoom = new TransportError("too-many-calls", "Cannot make a call: no session has room for it");
