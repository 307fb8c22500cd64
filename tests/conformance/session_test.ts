/**
 * The conformance suite of sessions, over each transport of calls.
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
  http,
  httpCalls,
  type HttpOptions,
  lengthPrefix,
  memory,
  pipeline,
  shape,
  tcp,
  type TcpOptions,
} from "../../mod.ts";
import { testCert, testKey } from "../support/certs.ts";
import { type Capabilities, type MakeSessions, sessionConformance, type SessionLimits } from "./session_suite.ts";
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
  halfClose: true,
  connection: true,
  concurrent: true,
  streams: true,
  port: true,
};
const pipelineCan: Capabilities = {
  ...muxCan,
  callBack: false,
  oneWay: false,
  ping: false,
  errors: false,
  context: false,
  reorder: false,
  goaway: false,
  streams: false,
};
const httpCan: Capabilities = {
  ...muxCan,
  callBack: false,
  oneWay: false,
  ping: false,
  goaway: false,
  holdsBack: false,
  halfClose: false,
  connection: false,
  streams: false,
};
/** On own sockets a session is one connection for one call; what the tests take for a session is many of them. */
const httpSocketsCan: Capabilities = { ...httpCan, concurrent: false };

/** On own sockets a session of HTTP/2 is one connection that carries many calls. */
const http2SocketsCan: Capabilities = { ...httpCan, ping: true, goaway: true, connection: true };

/** Room for the head that mux puts before a payload. */
const headBytes = 5;

function overTcp(limits: SessionLimits, options: Partial<TcpOptions> = {}): (address?: Address) => ChannelTransport {
  const framing = lengthPrefix({ maxBytes: limits.maxMessageBytes + headBytes });
  return (address) => tcp({ port: address?.port ?? 0, framing, ...options });
}

function muxed(make: (limits: SessionLimits) => (address?: Address) => ChannelTransport): MakeSessions {
  return (limits) => {
    const at = make(limits);
    const { maxInFlight, maxMessageBytes, clock } = limits;
    return { at: (address) => chain(at(address), streamingMux({ maxInFlight, maxMessageBytes, clock })) };
  };
}

/** Around TCP, all that changes messages; each takes two bytes of room. */
function wrapped(limits: SessionLimits): (address?: Address) => ChannelTransport {
  const at = overTcp({ ...limits, maxMessageBytes: limits.maxMessageBytes + 3 * 2 }, { highWaterBytes: 16_384 });
  // The suite counts bytes on the wire: what it sends would be compressed to nothing.
  return (address) => chain(at(address), shape(), compress({ thresholdBytes: 100_000_000 }), batch());
}

const tls = { cert: testCert, key: testKey, caCerts: [testCert] };

const onUnixSocket: MakeSessions = (limits) => {
  const folder = Deno.makeTempDirSync({ prefix: "wireway_" });
  const path = join(folder, "socket");
  const framing = lengthPrefix({ maxBytes: limits.maxMessageBytes + headBytes });
  const { maxInFlight, maxMessageBytes, clock } = limits;
  return {
    at: () => chain(tcp({ path, framing }), streamingMux({ maxInFlight, maxMessageBytes, clock })),
    cleanup: () => Deno.remove(folder, { recursive: true }),
  };
};

const inMemory: MakeSessions = muxed((limits) => {
  const transport = memory({ maxMessageBytes: limits.maxMessageBytes + headBytes });
  return () => transport;
});

const pipelined: MakeSessions = ({ maxInFlight, maxMessageBytes, clock }) => {
  const framing = lengthPrefix({ maxBytes: maxMessageBytes });
  const channels = (address?: Address) => tcp({ port: address?.port ?? 0, framing });
  return { channels, at: (address) => chain(channels(address), pipeline({ maxInFlight, clock })) };
};

function overHttp(options: Partial<HttpOptions> = {}): MakeSessions {
  return ({ maxInFlight, maxMessageBytes, clock }) => ({
    at: (address) =>
      chain(
        http({ port: address?.port ?? 0, maxInFlight, clock, ...options }),
        httpCalls({ maxMessageBytes, clock }),
      ),
  });
}

sessionConformance("mux() over memory()", { ...muxCan, port: false, halfClose: false }, inMemory);
sessionConformance("mux() over tcp()", muxCan, muxed(overTcp));
sessionConformance("mux() over batch() over compress() over shape() over tcp()", muxCan, muxed(wrapped));
sessionConformance("mux() over TLS", muxCan, muxed((limits) => overTcp(limits, { tls })));
sessionConformance("mux() over a unix socket", { ...muxCan, port: false }, onUnixSocket);
sessionConformance("pipeline() over tcp()", pipelineCan, pipelined);
const fetched = { client: "fetch" } as const;
const secured = { tls, ...fetched };
const fetchedH2Can = { ...httpCan, goaway: true };

sessionConformance("httpCalls() over HTTP/1.1", httpSocketsCan, overHttp());
sessionConformance("httpCalls() over HTTP/1.1 with TLS", httpSocketsCan, overHttp({ tls, protocol: "h1" }));
sessionConformance("httpCalls() over fetch", httpCan, overHttp(fetched));
sessionConformance("httpCalls() over fetch with TLS", httpCan, overHttp({ ...secured, protocol: "h1" }));
sessionConformance("httpCalls() over HTTP/2", http2SocketsCan, overHttp({ protocol: "h2" }));
sessionConformance("httpCalls() over HTTP/2 with TLS", http2SocketsCan, overHttp({ tls, protocol: "h2" }));
sessionConformance("httpCalls() over what the server prefers with TLS", http2SocketsCan, overHttp({ tls }));
sessionConformance("httpCalls() over HTTP/2 by fetch", fetchedH2Can, overHttp({ ...fetched, protocol: "h2" }));
sessionConformance("httpCalls() over HTTP/2 by fetch with TLS", fetchedH2Can, overHttp({ ...secured, protocol: "h2" }));
