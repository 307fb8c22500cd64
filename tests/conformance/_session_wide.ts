/**
 * Many sessions as one, for transports whose sessions carry one call at a time:
 * so that the tests of calls in flight together are made with them, too.
 *
 * @module
 */

import {
  background,
  type CallContext,
  type Session,
  type SessionTransport,
  type ShutdownOptions,
  TransportError,
} from "../../mod.ts";

type Bytes = Uint8Array;

/** A transport whose sessions are as many of `inner` as they have calls in flight, `capacity` at the most. */
export function wide(inner: SessionTransport<Bytes, Bytes>, capacity: number): SessionTransport<Bytes, Bytes> {
  return {
    dial: async (options) => new WideSession(inner, await inner.dial(options), capacity),
    listen: (handler, options) => inner.listen(handler, options),
  };
}

class WideSession implements Session<Bytes, Bytes> {
  readonly capacity: number;
  onChange: (() => void) | undefined = undefined;
  state: Session<Bytes, Bytes>["state"] = "open";
  load = 0;
  readonly #transport: SessionTransport<Bytes, Bytes>;
  readonly #first: Session<Bytes, Bytes>;
  readonly #sessions: Set<Session<Bytes, Bytes>>;
  readonly #free: Session<Bytes, Bytes>[];
  readonly #finished = Promise.withResolvers<TransportError | undefined>();
  #reason: TransportError | undefined = undefined;

  constructor(transport: SessionTransport<Bytes, Bytes>, first: Session<Bytes, Bytes>, capacity: number) {
    this.#transport = transport;
    this.capacity = capacity;
    this.#first = first;
    this.#sessions = new Set([first]);
    this.#free = [first];
  }

  get local(): Session<Bytes, Bytes>["local"] {
    return this.#first.local;
  }

  get remote(): Session<Bytes, Bytes>["remote"] {
    return this.#first.remote;
  }

  get finished(): Promise<TransportError | undefined> {
    return this.#finished.promise;
  }

  async call(request: Bytes, context: CallContext = background): Promise<Bytes> {
    if (this.state !== "open") throw new TransportError("closed", "Cannot call: the session is closed");
    if (this.load >= this.capacity) throw new TransportError("too-many-calls", "Call refused: too many");
    this.load++;
    try {
      return await (await this.#take()).call(request, context);
    } finally {
      this.load--;
      this.onChange?.();
      this.#endIfDone();
    }
  }

  send(request: Bytes, context?: CallContext): void | Promise<void> {
    return this.#first.send(request, context);
  }

  ping(): Promise<number> {
    return this.#first.ping();
  }

  async close(options?: ShutdownOptions): Promise<void> {
    this.#drain();
    await Promise.all([...this.#sessions].map((session) => session.close(options)));
    await this.finished;
  }

  abort(reason: TransportError): void {
    this.#reason = reason;
    this.#drain();
    for (const session of this.#sessions) session.abort(reason);
  }

  async #take(): Promise<Session<Bytes, Bytes>> {
    for (let session = this.#free.pop(); session !== undefined; session = this.#free.pop()) {
      if (session.state === "open") return this.#lend(session);
    }
    const session = await this.#transport.dial();
    this.#sessions.add(session);
    void session.finished.then(() => this.#sessions.delete(session));
    if (this.#reason !== undefined) session.abort(this.#reason);
    return this.#lend(session);
  }

  /** It comes back when its call is over. */
  #lend(session: Session<Bytes, Bytes>): Session<Bytes, Bytes> {
    session.onChange = () => {
      if (session.load > 0) return;
      session.onChange = undefined;
      this.#free.push(session);
    };
    return session;
  }

  #drain(): void {
    if (this.state === "open") this.state = "draining";
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.state !== "draining" || this.load > 0) return;
    this.state = "closed";
    this.#finished.resolve(this.#reason);
  }
}
