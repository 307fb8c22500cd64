/**
 * The options that everything on our own HTTP/1.1 server has in common.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import type { Observer } from "../../core/observer.ts";
import { duration, given, integer, invalidOption, label, type OptionRule, type Settings } from "../../core/options.ts";
import { type Http1Limits, http1Limits } from "../../framing/http1/http1_limits.ts";
import type { ListenSettings } from "../tcp/tcp_listen.ts";
import { readTlsOptions, type TlsOptions } from "../tcp/tcp_options.ts";

/**
 * Where to listen for HTTP/1.1, and what a client may take in time and bytes.
 *
 * @example
 * ```ts
 * import type { Http1ServerOptions } from "@wireway/wireway";
 * const server: Http1ServerOptions = { port: 8080, headTimeoutMs: 5000, maxConnections: 20_000 };
 * console.log(server.port);
 * ```
 */
export interface Http1ServerOptions {
  /** Where to listen. @default {"127.0.0.1"} this machine only */
  hostname?: string;
  /** Port; 0 lets the system choose. */
  port: number;
  /** Certificate chain and private key, for `https:`. Default: plain `http:`. */
  tls?: TlsOptions;
  /** Connections that the system holds before they are accepted. @default {511} */
  backlog?: number;
  /** Connections open at once; further ones are closed as they come. @default {65536} */
  maxConnections?: number;
  /**
   * Time for the head of a request to be whole, in milliseconds, from the connection's begin or the head's first
   * byte: one that comes in drops gains nothing. Also the time for the TLS handshake. @default {10000}
   */
  headTimeoutMs?: number;
  /** How long a connection is kept for the next request, in milliseconds. @default {65000} longer than most proxies */
  keepAliveTimeoutMs?: number;
  /** Time for the body of a request to be whole, in milliseconds. @default {30000} */
  bodyTimeoutMs?: number;
  /** Fewer bytes of a body a second than this, over 5 seconds, end the connection; 0 for any pace. @default {240} */
  minBodyBytesPerSecond?: number;
  /** Time for a client to take an answer, and the rest of an event stream at its end, in milliseconds. @default {10000} */
  writeTimeoutMs?: number;
  /** The largest head of a request, in bytes. @default {16384} 16 KiB */
  maxHeadBytes?: number;
  /** The most fields in the head of a request. @default {100} */
  maxFields?: number;
  /** The largest body of a request, in bytes. @default {1048576} 1 MiB */
  maxBodyBytes?: number;
  /** Measures the timeouts. @default {systemClock} */
  clock?: Clock;
  /** Hears of connections. */
  observer?: Observer;
}

/** How the options are read: spread this into the rules of whatever has them. */
export const http1ServerRules = {
  hostname: label("127.0.0.1"),
  port: integer(undefined, 0, 65_535),
  tls: given<TlsOptions | undefined>(undefined, "an object"),
  backlog: integer(511, 1, 65_535),
  maxConnections: integer(65_536, 1, 10_000_000),
  headTimeoutMs: duration(10_000, 1),
  keepAliveTimeoutMs: duration(65_000, 1),
  bodyTimeoutMs: duration(30_000, 1),
  minBodyBytesPerSecond: integer(240, 0, 0x7fff_ffff),
  writeTimeoutMs: duration(10_000, 1),
  maxHeadBytes: integer(16 * 1024, 64, 16 * 1024 * 1024),
  maxFields: integer(100, 1, 10_000),
  maxBodyBytes: integer(1024 * 1024, 0, 0x7fff_ffff),
  clock: given<Clock>(systemClock, "an object"),
  observer: given<Observer | undefined>(undefined, "a function"),
} satisfies Record<string, OptionRule<unknown>>;

/** The settings that the server works by, checked and complete. */
export interface Http1ServerSettings {
  readonly listen: ListenSettings;
  readonly limits: Http1Limits;
  readonly headTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly minBodyBytesPerSecond: number;
  readonly writeTimeoutMs: number;
  readonly clock: Clock;
  readonly observer: Observer | undefined;
}

/** Makes the settings of options that were read; `owner` is who has them, as a user writes it. */
export function http1ServerSettings(owner: string, read: Settings<typeof http1ServerRules>): Http1ServerSettings {
  const { hostname, port, backlog, maxConnections, clock, observer } = read;
  if (port === undefined) throw invalidOption(owner, "port", port, "an integer from 0 to 65535");
  const tls = read.tls === undefined ? undefined : readTlsOptions(owner, read.tls);
  if (tls !== undefined && tls.cert === undefined) throw invalidOption(owner, "tls", "without cert", "cert and key");
  const { maxHeadBytes, maxFields, maxBodyBytes } = read;
  return {
    listen: {
      hostname,
      port,
      path: undefined,
      tls,
      backlog,
      noDelay: true,
      keepAlive: true,
      maxConnections,
      connectTimeoutMs: read.headTimeoutMs,
      clock,
      observer,
    },
    limits: http1Limits({ maxHeadBytes, maxFields, maxBodyBytes }, owner),
    headTimeoutMs: read.headTimeoutMs,
    keepAliveTimeoutMs: read.keepAliveTimeoutMs,
    bodyTimeoutMs: read.bodyTimeoutMs,
    minBodyBytesPerSecond: read.minBodyBytesPerSecond,
    writeTimeoutMs: read.writeTimeoutMs,
    clock,
    observer,
  };
}
