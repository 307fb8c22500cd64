/**
 * Server-sent events down and POSTs up, on our own sockets: a channel that
 * survives the loss of its connections.
 *
 * @module
 */

import type { Channel, ChannelTransport, DialOptions, Listener } from "../../core/channel.ts";
import { named } from "../../core/describe.ts";
import { TransportCounters } from "../transport_figures.ts";
import { dialSse } from "./sse_dial.ts";
import { listenSse } from "./sse_listen.ts";
import { adjustableSse, readSseOptions, type SseOptions, tcpSettings } from "./sse_socket_options.ts";
import { SocketCarrier } from "./sse_sockets.ts";

export type { SseOptions } from "./sse_socket_options.ts";

/**
 * Messages over plain HTTP/1.1, on a port of its own: down as server-sent
 * events, up in the bodies of POSTs. A text arrives as a text, bytes as bytes.
 * It passes where WebSocket does not, and a channel outlives its connections:
 * what the other end has not acknowledged is held and sent again, so that each
 * message arrives exactly once and in order, wherever a connection is cut.
 *
 * A client that has lost its stream comes back with a random wait, and goes on
 * where it was. `connection-lost` is told only when nothing can be resumed any
 * more, with `details.reason`: `resume-window` (it took too long), `gap` (the
 * server does not know the channel, or the message, any more), `peer`, `linger`
 * or `refused`; and with how many messages were not acknowledged.
 *
 * `send()` returns a promise while more than `highWaterBytes` are not
 * acknowledged: a receiver that pauses stops its sender at that, whatever is
 * between. A silent end says every `heartbeatMs` that it is there, and counts
 * as gone after `livenessMs` more.
 *
 * A listener that was closed keeps its port until the last of its channels is
 * over, so that they can be resumed. The counters count the bytes of messages,
 * without those of HTTP. A page of another origin is refused unless `origins`
 * lists it. A plain `EventSource` gets what is sent, without the guarantees.
 *
 * Its limits and times, but for those of POSTs, can be changed while it works ({@linkcode adjustablesOf}). Channels that
 * are open go on by the terms that both ends know (`maxMessageBytes`, `heartbeatMs`, `livenessMs`, `resumeWindowMs`,
 * `retryMs`) and by all else as it is now; `connectTimeoutMs` holds for the next dial.
 *
 * Errors: those of {@linkcode tcp}; `connect-failed` with `details.status`
 * where the server refuses; `protocol`, `message-too-large`, `connection-lost`;
 * `invalid-option`.
 *
 * On somebody else's HTTP server, see {@linkcode mountedSse}; in a browser, see
 * {@linkcode sseClient}.
 *
 * @example
 * ```ts
 * import { chain, mux, serve, sse, text } from "@wireway/wireway";
 * const wire = chain(sse({ port: 9004, path: "/calls" }), mux(), text());
 * await serve(wire, (name) => `hello ${name}`);
 * ```
 *
 * @example A ticker that a client goes on reading where it was cut off
 * ```ts
 * import { sse } from "@wireway/wireway";
 * await sse({ port: 9004 }).listen((channel) => {
 *   const timer = setInterval(() => void channel.send(new Date().toISOString()), 1000);
 *   channel.receive({ message: () => {}, end: () => void channel.close(), closed: () => clearInterval(timer) });
 * });
 * ```
 */
export function sse(options: SseOptions): ChannelTransport {
  const settings = readSseOptions(options);
  const { clock: _, observer: __, authenticate: ___, headers: ____, tls, ...rest } = settings;
  const shown = { ...rest, tls: tls === undefined ? undefined : true };
  const counters = new TransportCounters();
  return named(
    "sse",
    shown,
    {
      dial: (dialOptions: DialOptions = {}): Promise<Channel> =>
        dialSse(settings, new SocketCarrier(tcpSettings(settings), settings.path), dialOptions, counters.dialled),
      listen: (accept: (channel: Channel) => void): Promise<Listener> =>
        listenSse(settings, accept).then((listener) => counters.listens(listener)),
    },
    counters.figures,
    adjustableSse(settings),
  );
}
