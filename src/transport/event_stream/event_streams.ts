/**
 * eventStreams(): streams of server-sent events on a port of their own.
 *
 * @module
 */

import type { Address, ChannelCounters } from "../../core/channel.ts";
import { named } from "../../core/describe.ts";
import { TransportError } from "../../core/errors.ts";
import { current } from "../../core/figures.ts";
import { duration, readOptions } from "../../core/options.ts";
import type { ShutdownOptions } from "../../core/session.ts";
import type { EventStream } from "./event_stream_options.ts";
import { EventStreamSocket } from "./event_stream_socket.ts";
import { admitReader } from "./event_streams_admission.ts";
import {
  type EventStreamRequest,
  type EventStreamsOptions,
  type EventStreamsSettings,
  readEventStreamsOptions,
} from "./event_streams_options.ts";
import { TransportCounters } from "../transport_figures.ts";
import { type Http1Exchange, type Http1Listener, listenHttp1 } from "../http1_server/http1_server.ts";

export type { EventStreamRequest, EventStreamsOptions } from "./event_streams_options.ts";
export type { Http1ServerOptions } from "../http1_server/http1_server_options.ts";

/**
 * Called with each reader's stream, as the `start` of {@linkcode eventStream}
 * is, and with what is known of the reader.
 *
 * @example
 * ```ts
 * import { eventStreams, type EventStreamsStart } from "@wireway/wireway";
 * const start: EventStreamsStart = (events, { target }) => void events.send({ data: target });
 * const listener = await eventStreams({ port: 0 }).listen(start);
 * await listener.shutdown();
 * ```
 */
export type EventStreamsStart = (
  events: EventStream,
  request: EventStreamRequest,
) => void | Disposable | Promise<void>;

/**
 * A place where readers get events. `await using` ends it in order.
 *
 * @example
 * ```ts
 * import { type EventStreamsListener, eventStreams, formatAddress } from "@wireway/wireway";
 * await using listener: EventStreamsListener = await eventStreams({ port: 0 }).listen(() => {});
 * console.log(formatAddress(listener.addr), listener.readers);
 * ```
 */
export interface EventStreamsListener extends AsyncDisposable {
  /** Where it listens, with the port that the system chose where it was left to it. */
  readonly addr: Address;
  /** Live counters of connections, bytes and, as messages, requests. */
  readonly counters: ChannelCounters;
  /** How many readers there are now. */
  readonly readers: number;
  /** Resolves when it has stopped accepting; rejects where it had to. */
  readonly finished: Promise<void>;
  /**
   * Stops accepting, ends all streams behind what was sent, and cuts off after
   * the grace whoever has not taken it by then. Readers come back by
   * themselves: to the server that has taken over by then.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/**
 * What {@linkcode eventStreams} makes.
 *
 * @example
 * ```ts
 * import { type EventStreams, eventStreams } from "@wireway/wireway";
 * const wire: EventStreams = eventStreams({ port: 8080 });
 * ```
 */
export interface EventStreams {
  /** Listens, and calls `start` with each reader's stream. Rejects with `address-in-use`, say. */
  listen(start: EventStreamsStart): Promise<EventStreamsListener>;
}

/**
 * Streams of server-sent events on a port of their own, for thousands of
 * readers: the same streams as those of {@linkcode eventStream}, on our own
 * sockets. An event that goes to many readers is encoded and marked off once,
 * each reader gets one write a turn, and an idle one costs little memory.
 *
 * `start` is called with each stream, and what it returns says how long that
 * lives, as for {@linkcode eventStream}. Where it throws, the reader is answered
 * with `details.status` of a {@linkcode TransportError}, or the status that its
 * code stands for, or else 500. With 204 a reader does not come back.
 *
 * GET and HEAD are served on `path`; other paths are answered 404, other
 * methods 405. A page of another origin is refused unless `origins` lists it.
 * Slow and oversized requests are cut off. A reader that is slow keeps at most
 * `maxBufferedBytes` waiting, and one that is stuck is cut off after
 * `stallTimeoutMs`.
 *
 * Errors: `invalid-option`; out of `listen()` `address-in-use`.
 *
 * @example
 * ```ts
 * import { eventEncoding, eventStreams, Topic } from "@wireway/wireway";
 * const encodings = { events: eventEncoding((euros: number) => ({ event: "price", data: `${euros}` })) };
 * const prices = new Topic({ encodings, replay: true });
 * const listener = await eventStreams({ port: 8080, path: "/prices", origins: ["https://shop.example"] })
 *   .listen((events) => prices.subscribe("events", events.send, { after: events.lastEventId, closed: events.close }));
 * prices.publish(17);
 * await listener.shutdown();
 * ```
 */
export function eventStreams(options: EventStreamsOptions): EventStreams {
  const settings = readEventStreamsOptions(options);
  const { server, stream, path, origins } = settings;
  const { hostname, port, tls, maxConnections } = server.listen;
  const { retryMs, heartbeatMs, maxBufferedBytes, overflow } = stream;
  const secured = tls === undefined ? undefined : true;
  const shown = { hostname, port, path, tls: secured, origins, maxConnections };
  let serving: Readers | undefined;
  const counters = new TransportCounters();
  return named("eventStreams", { ...shown, retryMs, heartbeatMs, maxBufferedBytes, overflow }, {
    async listen(start: EventStreamsStart): Promise<EventStreamsListener> {
      const readers = new Readers(settings, start);
      readers.server = await listenHttp1(server, (exchange) => readers.answer(exchange));
      serving = readers;
      return counters.listens(readers);
    },
  }, () => serving === undefined ? [] : [current("readers", serving.readers), ...counters.figures()]);
}

const defaultGraceMs = 5000;

class Readers implements EventStreamsListener {
  server!: Http1Listener;
  readonly #settings: EventStreamsSettings;
  readonly #start: EventStreamsStart;
  readonly #streams = new Set<EventStreamSocket>();
  readonly #gone = (stream: EventStreamSocket): void => void this.#streams.delete(stream);
  #shutdown: Promise<void> | undefined = undefined;

  constructor(settings: EventStreamsSettings, start: EventStreamsStart) {
    this.#settings = settings;
    this.#start = start;
  }

  get addr(): Address {
    return this.server.addr;
  }

  get counters(): ChannelCounters {
    return this.server.counters;
  }

  get readers(): number {
    return this.#streams.size;
  }

  get finished(): Promise<void> {
    return this.server.finished;
  }

  async answer(exchange: Http1Exchange): Promise<void> {
    const admitted = await admitReader(this.#settings, exchange);
    if (admitted === undefined) return;
    const { request, lastEventId, fields } = admitted;
    const stream = new EventStreamSocket(this.#settings.stream, lastEventId, this.#gone);
    try {
      stream.run((events) => this.#start(events, request));
    } catch (error) {
      if (!(error instanceof TransportError) || error.details?.status !== 204) throw error;
      return await exchange.respond(204, fields);
    }
    try {
      stream.open(exchange, exchange.streamHead(200, fields));
    } catch (error) {
      // The reader has gone meanwhile: whoever sends it events is to hear of that.
      stream.fail(TransportError.from(error, "connection-lost"));
      throw error;
    }
    this.#streams.add(stream);
    if (this.#shutdown !== undefined) stream.close();
  }

  shutdown(options: ShutdownOptions = {}): Promise<void> {
    return this.#shutdown ??= this.#end(
      readOptions("shutdown()", options, { graceMs: duration(defaultGraceMs) }).graceMs,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #end(graceMs: number): Promise<void> {
    const { server } = this;
    const closing = server.close();
    for (const stream of [...this.#streams]) stream.close();
    const why = `Event stream ended: the server ended, and its grace of ${graceMs} ms is over`;
    const timer = this.#settings.server.clock.schedule(() => server.abort(new TransportError("closed", why)), graceMs);
    await closing;
    await server.ended;
    timer.cancel();
  }
}
