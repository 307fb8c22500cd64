/**
 * Sessions over a listener of channels: keeps track of them, and ends them all
 * in order.
 *
 * @module
 */

import type { Address, Channel, ChannelCounters, ChannelTransport, Listener } from "../core/channel.ts";
import type { Clock } from "../core/clock.ts";
import { deadlinesOf } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import {
  type CallCounters,
  emptyCallCounters,
  type Session,
  type SessionListener,
  type ShutdownOptions,
} from "../core/session.ts";

/** What a session on the listening side is, beside a session. */
export interface AcceptedSession<Req, Res> extends Session<Req, Res> {
  /** Resolves when calls can come; rejects where the peer does not speak the protocol. */
  readonly ready: Promise<void>;
}

const defaultGraceMs = 30_000;

/** Listens on `transport` and makes a session of each channel. */
export async function listenSessions<Req, Res>(
  transport: ChannelTransport,
  clock: Clock,
  accept: (channel: Channel, calls: CallCounters) => AcceptedSession<Req, Res>,
  onSession: ((session: Session<Req, Res>) => void) | undefined,
): Promise<SessionListener> {
  const listener = new ChannelSessionListener<Req, Res>(clock, onSession);
  await listener.open(transport, accept);
  return listener;
}

class ChannelSessionListener<Req, Res> implements SessionListener {
  readonly calls: CallCounters = emptyCallCounters();
  readonly finished: Promise<void>;
  readonly #clock: Clock;
  readonly #onSession: ((session: Session<Req, Res>) => void) | undefined;
  readonly #sessions = new Set<AcceptedSession<Req, Res>>();
  readonly #finished = Promise.withResolvers<void>();
  #listener: Listener | undefined = undefined;
  #shutdown: Promise<void> | undefined = undefined;

  constructor(clock: Clock, onSession: ((session: Session<Req, Res>) => void) | undefined) {
    this.#clock = clock;
    this.#onSession = onSession;
    this.finished = this.#finished.promise;
    this.finished.catch(() => {});
  }

  async open(
    transport: ChannelTransport,
    accept: (channel: Channel, calls: CallCounters) => AcceptedSession<Req, Res>,
  ): Promise<void> {
    this.#listener = await transport.listen((channel) => this.#add(accept(channel, this.calls)));
    this.#listener.finished.then(
      () => this.#shutdown ?? this.shutdown(),
      (error) => this.#finished.reject(error),
    );
  }

  get addr(): Address {
    return this.#listener!.addr;
  }

  get channels(): ChannelCounters {
    return this.#listener!.counters;
  }

  shutdown({ graceMs = defaultGraceMs }: ShutdownOptions = {}): Promise<void> {
    return this.#shutdown ??= this.#end(graceMs);
  }

  #add(session: AcceptedSession<Req, Res>): void {
    this.#sessions.add(session);
    void session.finished.then(() => this.#sessions.delete(session));
    if (this.#onSession !== undefined) session.ready.then(() => this.#onSession!(session)).catch(() => {});
    if (this.#shutdown !== undefined) void session.close();
  }

  async #end(graceMs: number): Promise<void> {
    await this.#listener!.close();
    const cutOff = this.#clock.schedule(() => {
      for (const session of this.#sessions) {
        session.abort(
          new TransportError("closed", `Connection closed: the server ended, and its grace of ${graceMs} ms is over`, {
            processed: "maybe",
          }),
        );
      }
    }, graceMs);
    await Promise.all(Array.from(this.#sessions, (session) => session.close()));
    cutOff.cancel();
    deadlinesOf(this.#clock).trim();
    this.#finished.resolve();
  }
}
