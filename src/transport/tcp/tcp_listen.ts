/**
 * Listening over TCP, TLS and unix sockets.
 *
 * @module
 */

import {
  type Address,
  type Channel,
  type ChannelCounters,
  emptyCounters,
  formatAddress,
  type Listener,
} from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { notify } from "../../core/observer.ts";
import { invalidOption } from "../../core/options.ts";
import type { StreamPlace } from "../stream/byte_stream.ts";
import { closeQuietly } from "./tcp_dial.ts";
import { type TcpSettings, toAddress } from "./tcp_options.ts";
import { needDeno } from "../need_deno.ts";

/** How long accepting rests when the system has no descriptors left, in milliseconds. */
const exhaustedPauseMs = 100;

/** What listening needs to know. */
export type ListenSettings = Pick<
  TcpSettings,
  | "hostname"
  | "port"
  | "path"
  | "tls"
  | "backlog"
  | "noDelay"
  | "keepAlive"
  | "maxConnections"
  | "connectTimeoutMs"
  | "clock"
  | "observer"
>;

/** What is made of an accepted connection: a channel, most often. */
export interface Opened {
  /** Ends it at once. */
  abort(reason: TransportError): void;
}

/** Makes something of an accepted connection; by a promise where there is something to agree on first. */
export type OpenStream<T extends Opened> = (
  conn: Deno.Conn,
  place: StreamPlace,
  remote: Address,
  alpnProtocol: string | null,
) => T | Promise<T>;

/** Makes a channel of an accepted connection. */
export type OpenChannel = OpenStream<Channel>;

/** Listens, makes a channel of each connection, or what else `openStream` makes, and gives it to `accept`. */
export function listenStreams<T extends Opened>(
  settings: ListenSettings,
  accept: (opened: T) => void,
  openStream: OpenStream<T>,
): Promise<Listener> {
  try {
    return Promise.resolve(new StreamListener(settings, open(settings), accept, openStream));
  } catch (error) {
    return Promise.reject(error);
  }
}

type AnyListener = Deno.Listener<Deno.Conn, Deno.Addr>;

function open(settings: ListenSettings): AnyListener {
  const { hostname, port, path, tls, backlog } = settings;
  needDeno(`Cannot listen on ${path ?? `${hostname}:${port}`}`);
  try {
    if (path !== undefined) return Deno.listen({ transport: "unix", path });
    const where = { hostname, port: port!, tcpBacklog: backlog };
    if (tls === undefined) return Deno.listen(where);
    if (tls.cert === undefined || tls.key === undefined) {
      throw invalidOption("tcp()", "tls", "without cert and key", "cert and key, to listen");
    }
    return Deno.listenTls({ ...where, cert: tls.cert, key: tls.key, alpnProtocols: tls.alpnProtocols });
  } catch (error) {
    throw listenError(path ?? `${hostname}:${port}`, error);
  }
}

/** The error for a place that can't be listened on. */
export function listenError(where: string, error: unknown): TransportError {
  if (error instanceof Deno.errors.AddrInUse) {
    return new TransportError("address-in-use", `Cannot listen on ${where}: another program does`, { cause: error });
  }
  if (error instanceof TransportError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new TransportError("connect-failed", `Cannot listen on ${where}: ${why}`, { cause: error });
}

/**
 * Whether accepting failed because a peer was gone before it was accepted: the
 * check of a load balancer, a scanner. That says nothing of the system, and
 * resting for it would let anybody slow down the accepting of all others.
 */
function isLostConnection(error: unknown): boolean {
  const { NotConnected, ConnectionReset, ConnectionAborted, BrokenPipe } = Deno.errors;
  return [NotConnected, ConnectionReset, ConnectionAborted, BrokenPipe].some((kind) => error instanceof kind);
}

class StreamListener<T extends Opened> implements Listener {
  readonly addr: Address;
  readonly counters: ChannelCounters = emptyCounters();
  readonly finished: Promise<void>;
  readonly #settings: ListenSettings;
  readonly #listener: AnyListener;
  readonly #place: StreamPlace;
  readonly #accept: (opened: T) => void;
  readonly #open: OpenStream<T>;
  /** Connections that are being opened, and how each is given up. */
  readonly #handshaking = new Map<Deno.Conn, (why: string) => void>();
  #closed = false;
  #resume: (() => void) | undefined = undefined;

  constructor(
    settings: ListenSettings,
    listener: AnyListener,
    accept: (opened: T) => void,
    openStream: OpenStream<T>,
  ) {
    this.#settings = settings;
    this.#listener = listener;
    this.#accept = accept;
    this.#open = openStream;
    this.addr = toAddress(listener.addr);
    this.#place = { side: "server", local: this.addr, counters: this.counters };
    this.finished = this.#run();
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      closeQuietly(this.#listener);
      for (const giveUp of this.#handshaking.values()) giveUp("the listener is closed");
      this.#resume?.();
    }
    return this.finished;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#take(await this.#listener.accept());
      } catch (error) {
        if (this.#closed) return;
        this.#refused(undefined, TransportError.from(error, "connect-failed"));
        if (!isLostConnection(error)) await this.#rest();
      }
    }
  }

  /** Rests, so that running out of descriptors does not become a busy loop. */
  #rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#settings.clock.schedule(resolve, exhaustedPauseMs);
      this.#resume = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #take(conn: Deno.Conn): void {
    const remote = toAddress(conn.remoteAddr);
    const open = this.counters.connectionsOpen + this.#handshaking.size;
    if (open >= this.#settings.maxConnections) {
      closeQuietly(conn);
      const why = `Connection from ${
        formatAddress(remote)
      } refused: ${open} are open, ${this.#settings.maxConnections} are allowed`;
      return this.#refused(remote, new TransportError("overloaded", why));
    }
    if ("setNoDelay" in conn) {
      try {
        if (this.#settings.noDelay) (conn as Deno.TcpConn).setNoDelay(true);
        if (this.#settings.keepAlive) (conn as Deno.TcpConn).setKeepAlive(true);
      } catch (error) {
        // Some systems refuse options on a connection that its peer has reset by now.
        closeQuietly(conn);
        return this.#refused(remote, TransportError.from(error, "connection-lost"));
      }
    }
    if ("handshake" in conn) return void this.#agree(conn, remote, this.#secured(conn as Deno.TlsConn, remote));
    let opened: T | Promise<T>;
    try {
      opened = this.#open(conn, this.#place, remote, null);
    } catch (error) {
      closeQuietly(conn);
      return this.#refused(remote, TransportError.from(error, "protocol"));
    }
    if (opened instanceof Promise) void this.#agree(conn, remote, opened);
    else this.#give(opened);
  }

  async #secured(conn: Deno.TlsConn, remote: Address): Promise<T> {
    let alpnProtocol: string | null;
    try {
      alpnProtocol = (await conn.handshake()).alpnProtocol;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new TransportError("protocol", `TLS handshake failed: ${why}`, { cause: error });
    }
    return await this.#open(conn, this.#place, remote, alpnProtocol);
  }

  /** Waits for the opening handshakes to be over, with a limit on their time. */
  async #agree(conn: Deno.Conn, remote: Address, opening: Promise<T>): Promise<void> {
    const givenUp = Promise.withResolvers<never>();
    // Whoever is asked whether to let it in may never answer: the connection has its place no longer than this.
    const giveUp = (why: string): void => {
      closeQuietly(conn);
      givenUp.reject(new Error(why));
      opening.then((opened) => opened.abort(new TransportError("closed", `Connection closed: ${why}`)), () => {});
    };
    this.#handshaking.set(conn, giveUp);
    const { clock, connectTimeoutMs } = this.#settings;
    const timer = connectTimeoutMs === Infinity
      ? undefined
      : clock.schedule(() => giveUp(`it was not open after ${connectTimeoutMs} ms`), connectTimeoutMs);
    timer?.hold(false);
    try {
      const opened = await Promise.race([opening, givenUp.promise]);
      this.#handshaking.delete(conn);
      if (this.#closed) opened.abort(new TransportError("closed", "Connection closed: the listener is closed"));
      else this.#give(opened);
    } catch (error) {
      this.#handshaking.delete(conn);
      closeQuietly(conn);
      const why = error instanceof Error ? error.message : String(error);
      const refusal = `Connection from ${formatAddress(remote)} refused: ${why}`;
      this.#refused(remote, new TransportError("protocol", refusal, { cause: error }));
    } finally {
      timer?.cancel();
    }
  }

  #give(opened: T): void {
    this.counters.connectionsAccepted++;
    try {
      this.#accept(opened);
    } catch (error) {
      opened.abort(TransportError.from(error, "protocol"));
    }
  }

  #refused(remote: Address | undefined, error: TransportError): void {
    this.counters.connectionsRefused++;
    const { observer } = this.#settings;
    if (observer !== undefined) notify(observer, { type: "connection-refused", remote, error });
  }
}
