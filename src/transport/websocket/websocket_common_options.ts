/**
 * The options that both forms of WebSocket have, on our own sockets and on the
 * platform's.
 *
 * @module
 */

import type { Admittance } from "../../core/admittance.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { Observer } from "../../core/observer.ts";
import { duration, given, integer, invalidOption } from "../../core/options.ts";

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
 * Options of {@linkcode websocket} and {@linkcode platformWebSocket} alike.
 *
 * @example
 * ```ts
 * import { platformWebSocket, websocket, type WebSocketCommonOptions } from "@wireway/wireway";
 * const common: WebSocketCommonOptions = { origins: ["https://shop.example"], maxMessageBytes: 65_536 };
 * websocket({ port: 9000, ...common });
 * platformWebSocket({ ...common });
 * ```
 */
export interface WebSocketCommonOptions {
  /** Subprotocols, the preferred one first: what a client offers and a server chooses from. @default {[]} */
  protocols?: string[];
  /** Header fields that a client sends with its request. @default {{}} */
  headers?: Record<string, string>;
  /** Origins whose pages may connect beside the server's own, such as `https://shop.example`; `*` for all. @default {[]} */
  origins?: string[];
  /**
   * Decides on each client before it is let in; one that is not is answered 401, and one that is not decided on within
   * `connectTimeoutMs` is given up. What it says of a client that is let in, handlers find in `context.peer.identity`.
   * Default: all are.
   */
  authenticate?: (request: WebSocketRequest) => Admittance | Promise<Admittance>;
  /** The largest message, after inflating, in bytes. @default {16777216} 16 MiB */
  maxMessageBytes?: number;
  /** Connections open at once; further ones are turned away. @default {65536} */
  maxConnections?: number;
  /** Time for connecting and the opening handshakes, in milliseconds, on both ends. @default {10000} */
  connectTimeoutMs?: number;
  /**
   * Time in which nothing comes from the peer after which a connection ends, in milliseconds. On the platform's
   * object only messages count, since pings are not seen there. @default {Infinity}
   */
  idleTimeoutMs?: number;
  /** Time in which nothing comes from the peer after which it is sent a ping, in milliseconds. @default {30000} */
  heartbeatMs?: number;
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

/** The longest text that a message can be made into, which a decoder needs to be the limit of all messages. */
const maxTextBytes = 0x1fff_ffe8;

/** The rules by which they are read. */
export const commonRules = {
  protocols: given<string[]>([], "a list"),
  headers: given<Record<string, string>>({}, "an object"),
  origins: given<string[]>([], "a list"),
  authenticate: given<WebSocketCommonOptions["authenticate"]>(undefined, "a function"),
  maxMessageBytes: integer(16 * 1024 * 1024, 1, maxTextBytes),
  maxConnections: integer(65_536, 1, 10_000_000),
  connectTimeoutMs: duration(10_000, 1),
  idleTimeoutMs: duration(Infinity, 1),
  heartbeatMs: duration(30_000, 1),
  lingerMs: duration(2000),
  highWaterBytes: integer(256 * 1024, 0, 0x7fff_ffff),
  maxBufferedBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
  clock: given<Clock>(systemClock, "an object"),
  observer: given<Observer | undefined>(undefined, "a function"),
};

/** Throws `invalid-option` for a limit on the buffer below the mark at which senders are asked to wait. */
export function checkBuffers(owner: string, read: { highWaterBytes: number; maxBufferedBytes: number }): void {
  const { highWaterBytes, maxBufferedBytes } = read;
  if (maxBufferedBytes >= highWaterBytes) return;
  throw invalidOption(owner, "maxBufferedBytes", maxBufferedBytes, `highWaterBytes (${highWaterBytes}) or more`);
}

/** Reads the address of a server. Throws `invalid-option` for what is none. */
export function readWebSocketUrl(owner: string, url: string | URL): URL {
  if (URL.canParse(url)) {
    const parsed = new URL(url);
    const known = parsed.protocol === "ws:" || parsed.protocol === "wss:";
    if (known && parsed.hostname !== "" && parsed.hash === "" && parsed.username === "") return parsed;
  }
  throw invalidOption(owner, "url", String(url), 'an address such as "wss://shop.example/live"');
}

/** How an option that is such an address is read. */
export const urlRule = {
  allowed: 'an address such as "wss://shop.example/live"',
  fallback: undefined as string | URL | undefined,
  accepts: (value: unknown): boolean => typeof value === "string" || value instanceof URL,
};
