/**
 * The listening end of sse() on our own HTTP/1.1 server.
 *
 * @module
 */

import type { Address, Channel, ChannelCounters, Listener } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { readOptions } from "../../core/options.ts";
import { requestBody } from "../../framing/http1/http1_body.ts";
import {
  type Http1Exchange,
  type Http1Listener,
  http1ServerRules,
  type Http1ServerSettings,
  http1ServerSettings,
  type Http1Stream,
  listenHttp1,
} from "../http1_server/http1_server.ts";
import type { SseSocketSettings } from "./sse_socket_options.ts";
import type { SseDown } from "./sse_down.ts";
import type { SseExchange } from "./sse_request.ts";
import { SseServer } from "./sse_server.ts";

/** The platform takes no more for the time being: what is above waits in the channel, not here. */
const limits = { highWaterBytes: 64 * 1024, maxBufferedBytes: 0x7fff_ffff };

/** Listens and gives each channel to `accept`. */
export async function listenSse(settings: SseSocketSettings, accept: (channel: Channel) => void): Promise<Listener> {
  const { hostname, port, path, tls, backlog, maxConnections } = settings;
  const { clock, connectTimeoutMs, postTimeoutMs, maxPostBytes } = settings;
  const read = readOptions("sse()", {
    hostname,
    port,
    tls,
    backlog,
    maxConnections,
    clock,
    headTimeoutMs: connectTimeoutMs,
    bodyTimeoutMs: postTimeoutMs,
    maxBodyBytes: maxPostBytes,
  }, http1ServerRules);
  const http = await listenHttp1(followed(http1ServerSettings("sse()", read), settings), answer);
  const server = new SseServer(settings, http.addr, accept, () => http.close());
  const scheme = tls === undefined ? "http" : "https";
  return new SseListener(http, server);

  async function answer(exchange: Http1Exchange): Promise<void> {
    const target = exchange.head.path;
    const at = target === path ? path : target.split("?", 1)[0];
    if (at !== path) {
      const why = `Request refused: its path is ${at}, not ${path}\n`;
      return await exchange.respond(404, [["content-type", "text/plain; charset=utf-8"]], why);
    }
    const { status, fields, text, down } = await server.handle(new SocketExchange(exchange, scheme));
    if (exchange.isAnswered) return down?.written();
    if (down !== undefined) return void new DownWriter(down, exchange.stream(status, fields, limits));
    if (text === undefined) return await exchange.respond(status, fields);
    await exchange.respond(status, [...fields, ["content-type", "text/plain; charset=utf-8"]], text);
  }
}

/** The settings of the server below, which follow those that are changed while it listens. */
function followed(http: Http1ServerSettings, settings: SseSocketSettings): Http1ServerSettings {
  let longest = 65_000;
  return {
    ...http,
    listen: {
      ...http.listen,
      get maxConnections() {
        return settings.maxConnections;
      },
      get connectTimeoutMs() {
        return settings.connectTimeoutMs;
      },
    },
    get headTimeoutMs() {
      return settings.connectTimeoutMs;
    },
    get keepAliveTimeoutMs() {
      // A client says something at least once in a heartbeat, which may have been longer when its channel was made.
      longest = Math.max(longest, settings.heartbeatMs + settings.livenessMs);
      return longest;
    },
  };
}

/** Writes a stream as fast as its reader takes it. */
class DownWriter {
  readonly #down: SseDown;
  readonly #out: Http1Stream;
  #over = false;
  #waiting = false;
  readonly #goOn = (): void => {
    this.#waiting = false;
    this.#write();
  };

  constructor(down: SseDown, out: Http1Stream) {
    this.#down = down;
    this.#out = out;
    down.ready = () => this.#write();
    void out.closed.then(() => this.#end());
    this.#write();
  }

  #write(): void {
    if (this.#over) return;
    const down = this.#down;
    if (down.dropped) {
      this.#over = true;
      return this.#out.abort(
        new TransportError("connection-lost", "Stream cut off: its reader has gone, or does not read"),
      );
    }
    try {
      while (!this.#waiting) {
        const chunk = down.take();
        if (chunk === undefined) break;
        const room = this.#out.send(chunk);
        if (room === undefined) continue;
        this.#waiting = true;
        // It resolves at the end, too.
        room.then(this.#goOn, this.#goOn);
      }
    } catch {
      // The reader has gone, and the promise that says so comes later. What was taken is sent again when it is back.
      return this.#end();
    }
    if (down.ending && !this.#waiting) {
      // How long the rest may take is the server's to limit.
      void this.#out.end();
      this.#end();
    }
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#down.written();
  }
}

class SseListener implements Listener {
  readonly addr: Address;
  readonly finished: Promise<void>;
  readonly #http: Http1Listener;
  readonly #server: SseServer;
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  constructor(http: Http1Listener, server: SseServer) {
    this.addr = http.addr;
    this.#http = http;
    this.#server = server;
    this.finished = this.#closed.promise;
    // It can also end by itself.
    http.finished.then(this.#closed.resolve, this.#closed.reject);
  }

  get counters(): ChannelCounters {
    return this.#server.counters;
  }

  close(): Promise<void> {
    // The port is served on for the channels that live on, so that they can resume: the last one gives it free.
    this.#closed.resolve(this.#server.close());
    return this.finished;
  }
}

/** A request on our own server. */
class SocketExchange implements SseExchange {
  readonly #exchange: Http1Exchange;
  readonly #scheme: "http" | "https";
  #giveUp: AbortController | undefined = undefined;

  constructor(exchange: Http1Exchange, scheme: "http" | "https") {
    this.#exchange = exchange;
    this.#scheme = scheme;
  }

  get method(): string {
    return this.#exchange.head.method;
  }

  get target(): string {
    return this.#exchange.head.path;
  }

  get ownOrigin(): string {
    return `${this.#scheme}://${this.#exchange.head.authority ?? ""}`;
  }

  get remote(): Address {
    return this.#exchange.remote;
  }

  get hasBody(): boolean {
    return requestBody(this.#exchange.head) !== 0;
  }

  header(name: string): string | undefined {
    return this.#exchange.head.fields.get(name);
  }

  headers(): Headers {
    return new Headers([...this.#exchange.head.fields]);
  }

  bodyAtHand(maxBytes: number): Uint8Array | undefined {
    return this.#exchange.bodyAtHand(maxBytes);
  }

  body(maxBytes: number): Promise<Uint8Array> {
    this.#giveUp = new AbortController();
    return this.#exchange.readBody(maxBytes, this.#giveUp.signal);
  }

  cancelBody(): void {
    this.#giveUp?.abort(new TransportError("cancelled", "Body not read: it was given up"));
  }
}
