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

/** Who hears of a session's beginning and end. An interface and not promises: ten thousand idle sessions have one owner. */
export interface SessionOwner<Req, Res> {
  /** Calls can come; or the peer does not speak the protocol, and `error` says so. Called once. */
  sessionReady(session: Session<Req, Res>, error: TransportError | undefined): void;
  /** The session is over. Called once. */
  sessionEnded(session: Session<Req, Res>): void;
}

/** Makes the session of an accepted channel. */
export type AcceptSession<Req, Res> = (
  channel: Channel,
  calls: CallCounters,
  owner: SessionOwner<Req, Res>,
) => Session<Req, Res>;

const defaultGraceMs = 30_000;

/** Listens on `transport` and makes a session of each channel. */
export async function listenSessions<Req, Res>(
  transport: ChannelTransport,
  clock: Clock,
  accept: AcceptSession<Req, Res>,
  onSession: ((session: Session<Req, Res>) => void) | undefined,
): Promise<SessionListener> {
  const listener = new ChannelSessionListener<Req, Res>(clock, onSession);
  await listener.open(transport, accept);
  return listener;
}

/** The listener of a protocol whose calls are calls of `inner`: with the counts of its own. */
export function countingListener(inner: SessionListener, calls: CallCounters): SessionListener {
  const { addr, channels, finished } = inner;
  return { addr, channels, calls, finished, shutdown: (options) => inner.shutdown(options) };
}

class ChannelSessionListener<Req, Res> implements SessionListener, SessionOwner<Req, Res> {
  readonly calls: CallCounters = emptyCallCounters();
  readonly finished: Promise<void>;
  readonly #clock: Clock;
  readonly #onSession: ((session: Session<Req, Res>) => void) | undefined;
  readonly #sessions = new Set<Session<Req, Res>>();
  readonly #finished = Promise.withResolvers<void>();
  #listener: Listener | undefined = undefined;
  #shutdown: Promise<void> | undefined = undefined;

  constructor(clock: Clock, onSession: ((session: Session<Req, Res>) => void) | undefined) {
    this.#clock = clock;
    this.#onSession = onSession;
    this.finished = this.#finished.promise;
    this.finished.catch(() => {});
  }

  async open(transport: ChannelTransport, accept: AcceptSession<Req, Res>): Promise<void> {
    this.#listener = await transport.listen((channel) => this.#add(accept(channel, this.calls, this)));
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

  sessionReady(session: Session<Req, Res>, error: TransportError | undefined): void {
    if (error !== undefined || this.#onSession === undefined) return;
    try {
      this.#onSession(session);
    } catch {
      // A listener's own fault is not the connection's.
    }
  }

  sessionEnded(session: Session<Req, Res>): void {
    this.#sessions.delete(session);
  }

  #add(session: Session<Req, Res>): void {
    if (session.state === "closed") return;
    this.#sessions.add(session);
    if (this.#shutdown !== undefined) void session.close({ graceMs: Infinity });
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
    await Promise.all(Array.from(this.#sessions, (session) => session.close({ graceMs: Infinity })));
    cutOff.cancel();
    deadlinesOf(this.#clock).trim();
    this.#finished.resolve();
  }
}
