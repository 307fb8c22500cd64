/**
 * WebSocket on what the platform has: the standard `WebSocket` of browsers,
 * workers, Deno and Node for dialling; for listening, a request that somebody
 * else's HTTP server was given.
 *
 * @module
 */

import { TransportCounters } from "../transport_figures.ts";
import type { Channel, ChannelTransport, DialOptions, Listener } from "../../core/channel.ts";
import { named } from "../../core/describe.ts";
import { dialPlatform } from "./websocket_platform_dial.ts";
import { MountedWebSockets } from "./websocket_platform_listen.ts";
import {
  adjustablePlatform,
  type PlatformWebSocketOptions,
  readPlatformOptions,
} from "./websocket_platform_options.ts";

export type { WebSocketCommonOptions, WebSocketRequest } from "./websocket_common_options.ts";
export type { PlatformWebSocketOptions } from "./websocket_platform_options.ts";

/**
 * A transport that is put into an HTTP server.
 *
 * @example
 * ```ts
 * import { type MountedTransport, platformWebSocket } from "@wireway/wireway";
 * const socket: MountedTransport = platformWebSocket();
 * Deno.serve({ port: 8000 }, socket.fetch);
 * ```
 */
export interface MountedTransport extends ChannelTransport {
  /**
   * Answers a request, by an upgrade or by the status that says why not; 503
   * while nobody listens, 501 where the platform can't upgrade. Needs no `this`.
   * `info` is what the server knows beside the request, where it has the
   * client's address as `remoteAddr`, as that of `Deno.serve` does; Hono has it
   * in `c.env`.
   */
  fetch(request: Request, info?: unknown): Promise<Response>;
}

/**
 * Messages over the platform's `WebSocket`: in a browser, in a worker, on the
 * edge, or mounted in somebody else's HTTP server. What {@linkcode websocket}
 * is on a port of its own, with the same options and the same answers; either
 * end speaks to either. Runs where there is no `Deno`.
 *
 * To listen, give its `fetch` the requests of a route. `Deno.upgradeWebSocket`
 * upgrades them, or `WebSocketPair` on edge runtimes.
 *
 * The platform's object takes without limit and can't be told to read less. So
 * `send()` watches what it has buffered. What comes while a receiver pauses is
 * kept up to `maxBufferedBytes` and one message; more ends the connection with
 * `overloaded`. Between two ends with mux() it does not come to that: they give
 * each other credits. The goodbye of either side ends both directions. A code
 * that a program may not send is sent as itself and 3000: 4002 for 1002.
 *
 * Behind a proxy that ends TLS the server does not know its own origin: list it
 * in `origins`. Clients that are silent for `heartbeatMs` are pinged by a
 * mounted server of Deno, and lost after as much more; elsewhere that is the
 * platform's own business.
 *
 * Its limits and times can be changed while it works ({@linkcode adjustablesOf}). Open connections go by them as they are
 * now, but for `maxMessageBytes` and what may wait for a receiver, which their peers reckon with, and `heartbeatMs`.
 *
 * `Deno.serve` closes what is mounted in it as soon as it is told to end, calls
 * in flight or not: end the server of the calls first, then that of HTTP.
 *
 * Errors: `connect-failed`, `connect-timeout`, `cancelled` from dialling,
 * `unsupported` without `url`, and for `headers` where the platform takes none;
 * `address-in-use` where it is listened on already; else those of
 * {@linkcode websocket}.
 *
 * @example Calls on a route of a Hono app
 * ```ts
 * import { Hono } from "hono";
 * import { chain, mux, platformWebSocket, serve, text } from "@wireway/wireway";
 * const socket = platformWebSocket({ origins: ["https://shop.example"] });
 * const app = new Hono();
 * app.get("/calls", (c) => socket.fetch(c.req.raw));
 * await serve(chain(socket, mux(), text()), (name) => `hello ${name}`);
 * Deno.serve({ port: 8000 }, app.fetch);
 * ```
 *
 * @example From a browser
 * ```ts
 * import { chain, mux, platformWebSocket, reconnect, text } from "@wireway/wireway";
 * const call = chain(platformWebSocket({ url: "wss://shop.example/calls" }), mux(), text(), reconnect());
 * console.log(await call("world"));
 * ```
 */
export function platformWebSocket(options: PlatformWebSocketOptions = {}): MountedTransport {
  const settings = readPlatformOptions(options);
  const counters = new TransportCounters();
  const mounted = new MountedWebSockets(settings);
  const { url, protocols, origins, maxMessageBytes, maxConnections, pingAfterMs: heartbeatMs } = settings;
  const { highWaterBytes, maxBufferedBytes, idleTimeoutMs, connectTimeoutMs, lingerMs } = settings;
  const shown = {
    url: url?.href,
    protocols,
    origins,
    maxMessageBytes,
    maxConnections,
    connectTimeoutMs,
    idleTimeoutMs,
    heartbeatMs,
    lingerMs,
    highWaterBytes,
    maxBufferedBytes,
  };
  const transport = {
    dial: (dialOptions: DialOptions = {}): Promise<Channel> => dialPlatform(settings, counters.dialled, dialOptions),
    listen: (accept: (channel: Channel) => void): Promise<Listener> =>
      mounted.listen(accept).then((listener) => counters.listens(listener)),
    fetch: (request: Request, info?: unknown): Promise<Response> => mounted.answer(request, info),
  };
  return named("platformWebSocket", shown, transport, counters.figures, adjustablePlatform(settings));
}
