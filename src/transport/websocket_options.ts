/**
 * The options of websocket(): what they are, their defaults, and what is
 * refused.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import type { Observer } from "../core/observer.ts";
import { duration, flag, given, integer, invalidOption, label, readOptions } from "../core/options.ts";
import { lengthPrefix } from "../framing/length_prefix.ts";
import { readTlsOptions, type TcpSettings, type TlsOptions } from "./tcp_options.ts";

/**
 * What is known of a client when it asks to be let in.
 *
 * @example
 * ```ts
 * import { websocket, type WebSocketRequest } from "@wireway/wireway";
 * const knows = (request: WebSocketRequest) => request.headers.get("authorization") === "Bearer 7";
 * websocket({ port: 9000, authenticate: knows });
 * ```
 */
export interface WebSocketRequest {
  /** Path and query. */
  readonly target: string;
  /** The header fields of the request. */
  readonly headers: Headers;
}

/**
 * Options of {@linkcode websocket}. One set describes both ends.
 *
 * @example
 * ```ts
 * import { websocket, type WebSocketOptions } from "@wireway/wireway";
 * const options: WebSocketOptions = { port: 9000, path: "/live", compression: true, heartbeatMs: 15_000 };
 * websocket(options);
 * ```
 */
export interface WebSocketOptions {
  /** Where to listen, and where to connect to. @default {"127.0.0.1"} this machine only */
  hostname?: string;
  /** Port; 0 lets the system choose when listening. */
  port: number;
  /** The path that is served, and asked for. @default {"/"} */
  path?: string;
  /** TLS (`wss:`); `true` to dial with the system's authorities. @default {false} */
  tls?: boolean | TlsOptions;
  /** Subprotocols, the preferred one first: what a client offers and a server chooses from. @default {[]} */
  protocols?: string[];
  /** Header fields that a client sends with its request. @default {{}} */
  headers?: Record<string, string>;
  /** Origins whose pages may connect beside the server's own, such as `https://shop.example`; `*` for all. @default {[]} */
  origins?: string[];
  /** Decides on each client before it is let in; one that is not is answered 401. Default: all are. */
  authenticate?: (request: WebSocketRequest) => boolean | Promise<boolean>;
  /** Whether messages are compressed (permessage-deflate, with context takeover) where the other end can, too. @default {false} */
  compression?: boolean;
  /** Messages below this size go out uncompressed, in bytes. @default {1024} */
  thresholdBytes?: number;
  /** The largest message, after inflating, in bytes. @default {16777216} 16 MiB */
  maxMessageBytes?: number;
  /** Connections that the system holds before they are accepted. @default {511} */
  backlog?: number;
  /** Connections open at once; further ones are closed as they come. @default {65536} */
  maxConnections?: number;
  /** Time for connecting and the opening handshakes, in milliseconds, on both ends. @default {10000} */
  connectTimeoutMs?: number;
  /** Time without a byte from the peer after which a connection ends, in milliseconds. @default {Infinity} */
  idleTimeoutMs?: number;
  /** Time without a byte from the peer after which it is sent a ping, in milliseconds. @default {30000} */
  heartbeatMs?: number;
  /** Time for the answer to that, in milliseconds, after which the peer counts as gone. @default {10000} */
  livenessMs?: number;
  /** Time in which a message that was begun must be whole, in milliseconds. @default {30000} */
  frameTimeoutMs?: number;
  /** Time that the peer has for its goodbye after this end's, in milliseconds. @default {2000} */
  lingerMs?: number;
  /** Buffered bytes past which `send()` returns a promise. @default {262144} 256 KiB */
  highWaterBytes?: number;
  /** Buffered bytes past which `send()` refuses: for senders that do not wait. @default {16777216} 16 MiB */
  maxBufferedBytes?: number;
  /** Measures the timeouts. @default {systemClock} */
  clock?: Clock;
  /** Hears of connections. */
  observer?: Observer;
}

/** The settings that websocket() works by, checked and complete. */
export interface WebSocketSettings {
  readonly tcp: TcpSettings;
  readonly path: string;
  readonly protocols: string[];
  readonly headers: Record<string, string>;
  readonly origins: string[];
  readonly authenticate: ((request: WebSocketRequest) => boolean | Promise<boolean>) | undefined;
  readonly compression: boolean;
  readonly thresholdBytes: number;
  readonly maxMessageBytes: number;
}

/** The longest text that a message can be made into, which the decoder needs to be the limit of all messages. */
const maxTextBytes = 0x1fff_ffe8;

/** Checks the options and fills in the defaults. */
export function readWebSocketOptions(options: WebSocketOptions): WebSocketSettings {
  const owner = "websocket()";
  const {
    path,
    protocols,
    headers,
    origins,
    authenticate,
    compression,
    thresholdBytes,
    maxMessageBytes,
    tls,
    port,
    ...rest
  } = readOptions(owner, options, {
    hostname: label("127.0.0.1"),
    port: integer(undefined, 0, 65_535),
    path: label("/"),
    tls: {
      allowed: "true, false or TLS options",
      fallback: false as boolean | TlsOptions,
      accepts: (value) => typeof value === "boolean" || (typeof value === "object" && value !== null),
    },
    protocols: given<string[]>([], "a list"),
    headers: given<Record<string, string>>({}, "an object"),
    origins: given<string[]>([], "a list"),
    authenticate: given<WebSocketSettings["authenticate"]>(undefined, "a function"),
    compression: flag(false),
    thresholdBytes: integer(1024, 0, 0x7fff_ffff),
    maxMessageBytes: integer(16 * 1024 * 1024, 1, maxTextBytes),
    backlog: integer(511, 1, 65_535),
    maxConnections: integer(65_536, 1, 10_000_000),
    connectTimeoutMs: duration(10_000, 1),
    idleTimeoutMs: duration(Infinity, 1),
    heartbeatMs: duration(30_000, 1),
    livenessMs: duration(10_000, 1),
    frameTimeoutMs: duration(30_000, 1),
    lingerMs: duration(2000),
    highWaterBytes: integer(256 * 1024, 0, 0x7fff_ffff),
    maxBufferedBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
    clock: given<Clock>(systemClock, "an object"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
  if (port === undefined) throw invalidOption(owner, "port", port, "an integer from 0 to 65535");
  if (!/^\/[\x21-\x7e]*$/.test(path)) throw invalidOption(owner, "path", path, "a path that begins with /");
  if (rest.maxBufferedBytes < rest.highWaterBytes) {
    throw invalidOption(
      owner,
      "maxBufferedBytes",
      rest.maxBufferedBytes,
      `highWaterBytes (${rest.highWaterBytes}) or more`,
    );
  }
  const tcp: TcpSettings = {
    ...rest,
    port,
    path: undefined,
    tls: tls === true ? {} : tls === false ? undefined : readTlsOptions(owner, tls),
    noDelay: true,
    keepAlive: true,
    // Each connection has a framing of its own, once it is one.
    framing: lengthPrefix({ maxBytes: maxMessageBytes }),
  };
  return { tcp, path, protocols, headers, origins, authenticate, compression, thresholdBytes, maxMessageBytes };
}
