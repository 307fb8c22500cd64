/**
 * The conformance suite of channels, over each transport of messages.
 *
 * @module
 */

import { join } from "node:path";
import {
  type Address,
  batch,
  chain,
  type ChannelTransport,
  compress,
  heartbeat,
  lengthPrefix,
  memory,
  shape,
  tapMessages,
  tcp,
  type TcpOptions,
  websocket,
} from "../../mod.ts";
import { testCert, testKey } from "../support/certs.ts";
import {
  type ChannelCapabilities,
  channelConformance,
  type ChannelLimits,
  type MakeTransport,
  type TestedTransport,
} from "./channel_suite.ts";

/** A transport on a port that the system chooses when it first listens. */
function onFreePort(at: (port: number) => ChannelTransport): TestedTransport {
  let where: Address | undefined;
  const transport = (): ChannelTransport => at(where?.port ?? 0);
  return {
    transport: {
      dial: (dialOptions) => transport().dial(dialOptions),
      async listen(accept) {
        const listener = await transport().listen(accept);
        where = listener.addr;
        return listener;
      },
    },
  };
}

function framed({ maxMessageBytes, ...rest }: ChannelLimits, bytes: 2 | 4): Omit<TcpOptions, "port"> {
  const maxBytes = bytes === 2 ? Math.min(maxMessageBytes, 65_535) : maxMessageBytes;
  return { ...rest, framing: lengthPrefix({ bytes, maxBytes }) };
}

function onUnixSocket(limits: ChannelLimits): TestedTransport {
  const folder = Deno.makeTempDirSync({ prefix: "wireway_" });
  return {
    transport: tcp({ ...framed(limits, 4), path: join(folder, "socket") }),
    cleanup: () => Deno.remove(folder, { recursive: true }),
  };
}

const tls = { cert: testCert, key: testKey, caCerts: [testCert] };

channelConformance("memory()", (limits) => ({ transport: memory({ ...limits }) }));
channelConformance("tcp()", (limits) => onFreePort((port) => tcp({ ...framed(limits, 4), port })));
channelConformance("tcp() with TLS", (limits) => onFreePort((port) => tcp({ ...framed(limits, 4), tls, port })));
channelConformance("tcp() over a unix socket", onUnixSocket);
channelConformance(
  "tcp() with two bytes of length",
  (limits) => onFreePort((port) => tcp({ ...framed(limits, 2), port })),
);
channelConformance("websocket()", (limits) => onFreePort((port) => websocket({ ...limits, port })));
channelConformance("websocket() with TLS", (limits) => onFreePort((port) => websocket({ ...limits, tls, port })));
channelConformance("tapMessages() on tcp()", (limits) => {
  const { transport } = onFreePort((port) => tcp({ ...framed(limits, 4), port }));
  return { transport: tapMessages({ onSend: () => {}, onReceive: () => {} })(transport) };
});

/** Middleware for messages, around a channel that marks its messages and around one within the process. */
function around(
  name: string,
  wrap: (transport: ChannelTransport, limits: ChannelLimits) => ChannelTransport,
  can?: ChannelCapabilities,
): void {
  const inProcess: MakeTransport = (limits) => ({ transport: wrap(memory({ ...limits }), limits) });
  const onSockets: MakeTransport = (limits) => onFreePort((port) => wrap(tcp({ ...framed(limits, 4), port }), limits));
  channelConformance(`${name} around memory()`, inProcess, can);
  channelConformance(`${name} around tcp()`, onSockets, can);
}

around("heartbeat()", (transport) => chain(transport, heartbeat()));
around(
  "batch()",
  (transport, { highWaterBytes, maxBufferedBytes }) => chain(transport, batch({ highWaterBytes, maxBufferedBytes })),
);
around(
  "batch() that lingers",
  (transport, { highWaterBytes, maxBufferedBytes }) =>
    chain(transport, batch({ highWaterBytes, maxBufferedBytes, lingerMs: 1 })),
);
const compressing: ChannelCapabilities = { stopsPeer: true, halfClose: true, compresses: true };
around("compress() of large messages", (transport) => chain(transport, compress({ thresholdBytes: 3_000_000 })));
around("compress()", (transport) => chain(transport, compress({ thresholdBytes: 1 })), compressing);
around(
  "compress() with lz4",
  (transport) => chain(transport, compress({ format: "lz4", thresholdBytes: 1 })),
  compressing,
);
around(
  "shape()",
  (transport, { highWaterBytes, maxBufferedBytes }) => chain(transport, shape({ highWaterBytes, maxBufferedBytes })),
);
around(
  "shape() and compress() and batch()",
  (transport, { highWaterBytes, maxBufferedBytes }) =>
    chain(
      transport,
      shape({ highWaterBytes, maxBufferedBytes }),
      compress(),
      batch({ highWaterBytes, maxBufferedBytes }),
    ),
  compressing,
);
