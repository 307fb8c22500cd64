/**
 * The conformance suite of channels, over the two forms of WebSocket in every
 * pair of ends.
 *
 * @module
 */

import { type ChannelTransport, platformWebSocket, websocket } from "../../mod.ts";
import { testCert, testKey } from "../support/certs.ts";
import { mountedServer, platformDialler } from "../support/mounted.ts";
import { channelConformance, type ChannelLimits, type TestedTransport } from "./channel_suite.ts";

/**
 * Deno's own client leaves the last bytes over TLS unsent where the socket was
 * full, until it sends again (denoland/deno#36862): the answer to a ping is
 * enough for that. A peer has as long again to give it, which on a slow machine
 * must do for hundreds of channels in one process.
 */
const heartbeatOf = (tls: boolean): { heartbeatMs?: number } => tls ? { heartbeatMs: 2000 } : {};

/** Joins what one transport listens on to what another dials. */
function joined(
  listens: ChannelTransport,
  dials: () => ChannelTransport,
  cleanup: () => Promise<void>,
): TestedTransport {
  return {
    transport: { listen: (accept) => listens.listen(accept), dial: (options) => dials().dial(options) },
    cleanup,
  };
}

/** The mounted form, dialled by the platform's object. */
function mounted(limits: ChannelLimits, tls: boolean): TestedTransport {
  const server = mountedServer({ ...limits, ...heartbeatOf(tls) }, { tls });
  const dialler = platformDialler();
  return joined(server.transport, () => dialler.dialTo(server.url, limits), async () => {
    await server.end();
    await dialler.end();
  });
}

/** The mounted form, dialled from our own socket. */
function mountedFromOwn(limits: ChannelLimits, tls: boolean): TestedTransport {
  const server = mountedServer({ ...limits, ...heartbeatOf(tls) }, { tls });
  const trust = tls ? { caCerts: [testCert] } : undefined;
  return joined(server.transport, () => websocket({ ...limits, url: server.url, tls: trust }), () => server.end());
}

/** Our own server, dialled by the platform's object. */
function ownFromPlatform(limits: ChannelLimits, tls: boolean): TestedTransport {
  const dialler = platformDialler();
  let url = "ws://127.0.0.1:1/";
  const listens: ChannelTransport = {
    dial: (options) => platformWebSocket().dial(options),
    async listen(accept) {
      const port = Number(new URL(url).port);
      const secured = tls ? { cert: testCert, key: testKey } : undefined;
      const listener = await websocket({ ...limits, ...heartbeatOf(tls), port: port === 1 ? 0 : port, tls: secured })
        .listen(
          accept,
        );
      url = `${tls ? "wss" : "ws"}://127.0.0.1:${listener.addr.port}/`;
      return listener;
    },
  };
  return joined(listens, () => dialler.dialTo(url, limits), () => dialler.end());
}

for (const tls of [false, true]) {
  const over = tls ? " with TLS" : "";
  const platformCan = { stopsPeer: false, halfClose: false };
  channelConformance(`platformWebSocket() mounted${over}`, (limits) => mounted(limits, tls), platformCan);
  channelConformance(
    `platformWebSocket() mounted, dialled by websocket()${over}`,
    (limits) => mountedFromOwn(limits, tls),
    platformCan,
  );
  channelConformance(
    `websocket() dialled by platformWebSocket()${over}`,
    (limits) => ownFromPlatform(limits, tls),
    { stopsPeer: true, halfClose: false },
  );
}
