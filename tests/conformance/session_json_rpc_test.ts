/**
 * The conformance suite of sessions, over jsonRpc() on each kind of channel.
 *
 * @module
 */

import {
  type Address,
  batch,
  chain,
  type ChannelTransport,
  contentLength,
  http,
  jsonRpc,
  jsonRpcHttp,
  memory,
  newline,
  tcp,
  websocket,
} from "../../mod.ts";
import { asBytes, jsonBytes } from "../support/json_rpc_bytes.ts";
import { jsonRpcCan as can } from "./_json_rpc_capabilities.ts";
import { type MakeSessions, sessionConformance } from "./session_suite.ts";

function over(
  make: (maxBytes: number) => (address?: Address) => ChannelTransport,
): MakeSessions {
  return ({ maxInFlight, maxMessageBytes, clock }) => {
    const maxBytes = jsonBytes(maxMessageBytes);
    const at = make(maxBytes);
    return {
      at: (address) => asBytes(chain(at(address), jsonRpc({ maxInFlight, clock })), maxMessageBytes),
    };
  };
}

sessionConformance(
  "jsonRpc() over memory()",
  { ...can, port: false, halfClose: false },
  over((maxMessageBytes) => {
    const transport = memory({ maxMessageBytes });
    return () => transport;
  }),
);
sessionConformance(
  "jsonRpc() over lines on tcp()",
  can,
  over((maxBytes) => (address) => tcp({ port: address?.port ?? 0, framing: newline({ maxBytes }) })),
);
sessionConformance(
  "jsonRpc() over contentLength() on tcp()",
  can,
  over((maxBytes) => (address) => tcp({ port: address?.port ?? 0, framing: contentLength({ maxBytes }) })),
);
sessionConformance(
  "jsonRpc() over batch() in lines on tcp()",
  can,
  over(
    (maxBytes) => (address) =>
      chain(
        tcp({ port: address?.port ?? 0, framing: newline({ maxBytes: maxBytes + 2, manyLines: true }) }),
        batch({ format: "newline" }),
      ),
  ),
);
sessionConformance(
  "jsonRpc() over websocket()",
  { ...can, halfClose: false },
  over((maxMessageBytes) => (address) => websocket({ maxMessageBytes, port: address?.port ?? 0 })),
);
sessionConformance(
  "jsonRpcHttp() over HTTP/1.1",
  {
    ...can,
    callBack: false,
    ping: false,
    holdsBack: false,
    halfClose: false,
    connection: false,
    concurrent: false,
    streams: false,
  },
  ({ maxInFlight, maxMessageBytes, clock }) => ({
    at: (address) =>
      asBytes(
        chain(
          http({ port: address?.port ?? 0, maxInFlight, clock }),
          jsonRpcHttp({ maxMessageBytes: jsonBytes(maxMessageBytes), clock }),
        ),
        maxMessageBytes,
      ),
  }),
);
