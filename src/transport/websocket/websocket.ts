/**
 * WebSocket on our own sockets.
 *
 * @module
 */

import { TransportCounters } from "../transport_figures.ts";
import type { Channel, ChannelTransport, DialOptions, Listener } from "../../core/channel.ts";
import { named } from "../../core/describe.ts";
import { listenStreams } from "../tcp/tcp_listen.ts";
import { acceptWebSockets } from "./websocket_accept.ts";
import { dialWebSocket } from "./websocket_dial.ts";
import { adjustableWebSocket, liveNames, readWebSocketOptions, type WebSocketOptions } from "./websocket_options.ts";

export type { WebSocketCommonOptions, WebSocketRequest } from "./websocket_common_options.ts";
export type { WebSocketOptions } from "./websocket_options.ts";

/**
 * Messages over WebSocket (RFC 6455), on a port of its own, with
 * permessage-deflate (RFC 7692) where it is asked for. A text goes out and
 * arrives as a text, bytes as bytes.
 *
 * It stands on our own sockets and not on the platform's `WebSocket`: writes are
 * coalesced, `send()` tells of backpressure, and a peer that does not read stops
 * its sender. A message that came in one frame is a view of the read buffer.
 *
 * A page of another origin is refused unless `origins` lists it. A peer that is
 * silent for `heartbeatMs` is sent a ping, and lost after `livenessMs` more.
 *
 * Its times and limits can be changed while it works ({@linkcode adjustablesOf}). Connections that are open go by them,
 * too: buffers, `lingerMs` and `thresholdBytes` at once, the other times from the moment on at which the one before
 * would have been over (where there was none, from the next message on). `maxMessageBytes` holds for connections that
 * are made from then on.
 *
 * Errors: those of {@linkcode tcp}; `connect-failed` with `details.status` where
 * the server refuses; `protocol` and `message-too-large` with
 * `details.closeCode`, which the peer is told; `remote`, `connection-lost` and
 * others after the peer's close code; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, mux, serve, text, websocket } from "@wireway/wireway";
 * const wire = chain(websocket({ port: 9003, path: "/calls" }), mux(), text());
 * await serve(wire, (name) => `hello ${name}`);
 * ```
 *
 * @example Answer a browser
 * ```ts
 * import { websocket } from "@wireway/wireway";
 * await websocket({ port: 9003, origins: ["http://localhost:8000"] }).listen((channel) => {
 *   channel.receive({
 *     message: (message) => channel.send(message),
 *     end: () => void channel.close(),
 *     closed: () => {},
 *   });
 * });
 * ```
 */
export function websocket(options: WebSocketOptions): ChannelTransport {
  const settings = readWebSocketOptions(options);
  const counters = new TransportCounters();
  const { tcp, headers: _, authenticate: __, plain: ___, ...own } = settings;
  const { hostname, port, tls, backlog } = tcp;
  const limits = Object.fromEntries(liveNames.map((name) => [name, tcp[name]]));
  const shown = { hostname, port, tls: tls === undefined ? undefined : true, ...own, backlog, ...limits };
  return named(
    "websocket",
    shown,
    {
      dial: (dialOptions: DialOptions = {}): Promise<Channel> => dialWebSocket(settings, counters.dialled, dialOptions),
      listen: (accept: (channel: Channel) => void): Promise<Listener> =>
        listenStreams(settings.tcp, accept, acceptWebSockets(settings)).then((listener) => counters.listens(listener)),
    },
    counters.figures,
    adjustableWebSocket(settings),
  );
}
