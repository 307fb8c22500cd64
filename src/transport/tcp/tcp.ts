/**
 * Framed messages over TCP, TLS and unix sockets.
 *
 * @module
 */

import type { Channel, ChannelTransport, DialOptions, Listener } from "../../core/channel.ts";
import { named } from "../../core/describe.ts";
import { liveSettings } from "../../core/live_settings.ts";
import { StreamChannel } from "../stream/stream_channel.ts";
import { dialStream } from "./tcp_dial.ts";
import { listenStreams } from "./tcp_listen.ts";
import { TransportCounters } from "../transport_figures.ts";
import { checkTcpBuffers, readTcpOptions, type TcpOptions, tcpRules, type TcpSettings } from "./tcp_options.ts";

export type { TcpOptions, TlsOptions } from "./tcp_options.ts";

/**
 * Framed messages over TCP, over TLS, or over a unix socket.
 *
 * All messages that are sent in one turn, or while a write is under way, go out
 * as one write. A received message is a view of the read buffer, which is never
 * written again: it costs no copy, and keeps up to 112 KiB alive as long as it
 * is held itself.
 *
 * `highWaterBytes`, `maxBufferedBytes`, `lingerMs`, `connectTimeoutMs` and `maxConnections` can be changed while it
 * works ({@linkcode adjustablesOf}); the first three hold for connections that are open, too.
 *
 * Errors: `connect-failed`, `connect-timeout` and `cancelled` from dialling;
 * `address-in-use` from listening; `connection-lost`, `protocol`,
 * `message-too-large`, `overloaded` and `closed` from a channel;
 * `invalid-option`.
 *
 * @example One way, framed like Erlang's `{packet, 4}`
 * ```ts
 * import { tcp } from "@wireway/wireway";
 * const channel = await tcp({ port: 9000 }).dial();
 * channel.receive({ message: (bytes) => console.log(bytes), end: () => {}, closed: () => {} });
 * channel.send("hello");
 * await channel.close();
 * ```
 *
 * @example TLS
 * ```ts
 * import { chain, mux, tcp } from "@wireway/wireway";
 * const wire = chain(
 *   tcp({
 *     port: 9443,
 *     tls: { cert: await Deno.readTextFile("cert.pem"), key: await Deno.readTextFile("key.pem") },
 *   }),
 *   mux(),
 * );
 * ```
 */
export function tcp(options: TcpOptions): ChannelTransport {
  const settings = readTcpOptions(options);
  const counters = new TransportCounters();
  const transport: ChannelTransport = {
    async dial(dialOptions: DialOptions = {}): Promise<Channel> {
      return await dialStream<Channel>(settings, dialOptions.signal, ({ stream, local, remote, alpnProtocol }) => {
        const peerHoldsBack = settings.tls !== undefined;
        const place = { side: "client", local, counters: counters.dialled, peerHoldsBack } as const;
        return Promise.resolve(new StreamChannel(stream, settings, place, remote, alpnProtocol));
      });
    },
    listen: (accept: (channel: Channel) => void): Promise<Listener> =>
      listenStreams(
        settings,
        accept,
        (conn, place, remote, alpnProtocol) => new StreamChannel(conn, settings, place, remote, alpnProtocol),
      ).then((listener) => counters.listens(listener)),
  };
  const { framing, tls, ...rest } = settings;
  const { clock: _, observer: __, heartbeatMs: ___, livenessMs: ____, ...shown } = rest;
  const described = { ...shown, framing, tls: tls === undefined ? undefined : true };
  const adjustable = liveSettings<TcpSettings>("tcp()", settings, tcpRules, liveNames, { check: checkTcpBuffers });
  return named("tcp", described, transport, counters.figures, adjustable);
}

/** What can be changed while it works: connections that there are go by it, too. */
const liveNames = ["maxConnections", "connectTimeoutMs", "lingerMs", "highWaterBytes", "maxBufferedBytes"] as const;
