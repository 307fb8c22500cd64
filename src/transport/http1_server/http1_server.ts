/**
 * A small HTTP/1.1 server on our own sockets, for what lives on long answers:
 * event streams and what is built on them. It does not replace `Deno.serve`.
 *
 * Requests are read by the strict codec of framing/, with limits on time and
 * size of everything; a client that breaks one is told so and loses its
 * connection, and nobody else's suffers.
 *
 * @module
 */

import type { Address, ChannelCounters, Listener } from "../../core/channel.ts";
import type { TransportError } from "../../core/errors.ts";
import { Http1Connection, type Http1Host } from "./http1_server_connection.ts";
import type { Http1Exchange } from "./http1_server_exchange.ts";
import type { Http1ServerSettings } from "./http1_server_options.ts";
import { listenStreams } from "../tcp/tcp_listen.ts";

export { Http1Exchange, type ResponseFields } from "./http1_server_exchange.ts";
export {
  type Http1ServerOptions,
  http1ServerRules,
  type Http1ServerSettings,
  http1ServerSettings,
} from "./http1_server_options.ts";
export { Http1Stream } from "./http1_server_stream.ts";

/**
 * Answers a request: by `respond()` or `stream()`, before the promise that it
 * returns has settled. What it throws is answered with `details.status` of a
 * TransportError, with the status that its code stands for, or else with 500.
 */
export type Http1Handler = (exchange: Http1Exchange) => void | Promise<void>;

/** A running server. */
export interface Http1Listener extends Listener {
  /** Resolves when the last connection has ended, after `close()`. */
  readonly ended: Promise<void>;
  /**
   * Stops accepting and closes connections that wait for a request; others end
   * with their answer. Long-lived answers go on: end them. Resolves when
   * nothing is accepted any more.
   */
  close(): Promise<void>;
  /** Ends all connections at once. */
  abort(reason: TransportError): void;
}

/** Listens, and has `handler` answer the requests. Rejects with `address-in-use`, say. */
export async function listenHttp1(settings: Http1ServerSettings, handler: Http1Handler): Promise<Http1Listener> {
  const server = new Http1Server(settings, handler);
  server.listener = await listenStreams<Http1Connection>(
    settings.listen,
    (connection) => server.take(connection),
    (conn, place, remote) => new Http1Connection(conn, server, place, remote),
  );
  return server;
}

class Http1Server implements Http1Listener, Http1Host {
  listener!: Listener;
  ending = false;
  readonly settings: Http1ServerSettings;
  readonly answer: Http1Handler;
  readonly ended: Promise<void>;
  readonly #ended = Promise.withResolvers<void>();
  readonly #connections = new Set<Http1Connection>();

  constructor(settings: Http1ServerSettings, handler: Http1Handler) {
    this.settings = settings;
    this.answer = handler;
    this.ended = this.#ended.promise;
  }

  get addr(): Address {
    return this.listener.addr;
  }

  get counters(): ChannelCounters {
    return this.listener.counters;
  }

  get finished(): Promise<void> {
    return this.listener.finished;
  }

  async close(): Promise<void> {
    this.ending = true;
    await this.listener.close();
    for (const connection of this.#connections) connection.retire();
    this.#check();
  }

  abort(reason: TransportError): void {
    for (const connection of this.#connections) connection.abort(reason);
  }

  take(connection: Http1Connection): void {
    this.#connections.add(connection);
    connection.begin();
  }

  gone(connection: Http1Connection): void {
    this.#connections.delete(connection);
    this.#check();
  }

  #check(): void {
    if (this.ending && this.#connections.size === 0) this.#ended.resolve();
  }
}
