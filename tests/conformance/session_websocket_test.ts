/**
 * The conformance suite of sessions, over mux() on both forms of WebSocket.
 *
 * @module
 */

import { type Address, chain, type ChannelTransport, type PlatformWebSocketOptions, websocket } from "../../mod.ts";
import { type MountedServer, mountedServer, platformDialler } from "../support/mounted.ts";
import { type Capabilities, type MakeSessions, sessionConformance } from "./session_suite.ts";
import { streamingMux } from "./_session_streams.ts";

const muxCan: Capabilities = {
  callBack: true,
  oneWay: true,
  ping: true,
  errors: true,
  context: true,
  reorder: true,
  goaway: true,
  holdsBack: true,
  halfClose: false,
  connection: true,
  concurrent: true,
  streams: true,
  port: true,
};

/** Room for the head that mux puts before a payload. */
const headBytes = 5;

/** Dials a URL. */
type Dials = (url: string, options: PlatformWebSocketOptions) => ChannelTransport;

/** The mounted form as a server, and what dials it. */
function onMounted(dials: Dials, end: () => Promise<void>): MakeSessions {
  const servers = new Map<number, MountedServer>();
  return ({ maxInFlight, maxMessageBytes, clock }) => {
    const options = { maxMessageBytes: maxMessageBytes + headBytes };
    const listen: ChannelTransport["listen"] = (accept) => {
      const server = mountedServer(options);
      servers.set(server.port, server);
      return server.onPort.listen(accept);
    };
    const at = (address?: Address): ChannelTransport => ({
      listen: (accept) => servers.get(address?.port ?? 0)?.onPort.listen(accept) ?? listen(accept),
      dial: (dialOptions) => dials(`ws://127.0.0.1:${address?.port}/`, options).dial(dialOptions),
    });
    return {
      at: (address) => chain(at(address), streamingMux({ maxInFlight, maxMessageBytes, clock })),
      async cleanup() {
        await Promise.all(Array.from(servers.values(), (server) => server.end()));
        servers.clear();
        await end();
      },
    };
  };
}

const dialler = platformDialler();

sessionConformance(
  "mux() over platformWebSocket() mounted",
  muxCan,
  onMounted((url, options) => dialler.dialTo(url, options), () => dialler.end()),
);

sessionConformance(
  "mux() over platformWebSocket() mounted, dialled by websocket()",
  muxCan,
  onMounted((url, options) => websocket({ url, ...options }), () => Promise.resolve()),
);

const own: MakeSessions = ({ maxInFlight, maxMessageBytes, clock }) => {
  const options = { maxMessageBytes: maxMessageBytes + headBytes };
  return {
    at: (address) =>
      chain(
        websocket({ ...options, port: address?.port ?? 0 }),
        streamingMux({ maxInFlight, maxMessageBytes, clock }),
      ),
  };
};

sessionConformance("mux() over websocket()", muxCan, own);
