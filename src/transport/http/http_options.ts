/**
 * The options of http(): what they are, their defaults, and what is refused.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import type { Observer } from "../../core/observer.ts";
import {
  duration,
  flag,
  given,
  integer,
  invalidOption,
  label,
  oneOf,
  type OptionRule,
  readOptions,
  type Settings,
} from "../../core/options.ts";
import type { SentCalls } from "../../core/session_figures.ts";
import { RepeatedRequests } from "./http_repeats.ts";

/**
 * TLS for HTTP. The listening end needs `cert` and `key`; the calling end trusts
 * the system's authorities and those in `caCerts`.
 *
 * @example
 * ```ts
 * import { http, type HttpTlsOptions } from "@wireway/wireway";
 * const tls: HttpTlsOptions = { caCerts: ["-----BEGIN CERTIFICATE----- …"] };
 * http({ origin: "https://orders.example", tls });
 * ```
 */
export interface HttpTlsOptions {
  /** Certificate chain of the listening end, as PEM. */
  cert?: string;
  /** Private key of the listening end, as PEM. */
  key?: string;
  /** Authorities, as PEM, that the calling end trusts beside the system's. */
  caCerts?: string[];
}

/**
 * Options of {@linkcode http}. `port` is for listening, `origin` for calling;
 * with a port alone, the calling end calls that port.
 *
 * @example
 * ```ts
 * import { http, type HttpOptions } from "@wireway/wireway";
 * const options: HttpOptions = { origin: "http://127.0.0.1:8000", protocol: "h2" };
 * http(options);
 * ```
 */
export interface HttpOptions {
  /** Where to listen. @default {"127.0.0.1"} this machine only */
  hostname?: string;
  /** Port to listen on; 0 lets the system choose. */
  port?: number;
  /** Where to call: scheme, host and port. Default: made of `tls`, `hostname` and `port`. */
  origin?: string;
  /** TLS. Without it the listening end speaks plain HTTP/1.1 and HTTP/2 (by prior knowledge). */
  tls?: HttpTlsOptions;
  /** Connections that the system holds before they are accepted. @default {511} */
  backlog?: number;
  /**
   * What the calling end speaks: HTTP/1.1, HTTP/2 (over TLS, or by prior
   * knowledge), or with TLS what the server chooses of the two, and HTTP/1.1
   * without. @default {"auto"}
   */
  protocol?: "auto" | "h1" | "h2";
  /**
   * What the calling end is made of: own sockets, on which a session is one
   * connection; the platform's `fetch`, for proxies that the environment names;
   * or `auto`: own sockets where the platform has them, else `fetch`.
   * @default {"auto"}
   */
  client?: "auto" | "sockets" | "fetch";
  /**
   * Calls in flight at once on a session, each to the end of its body: with
   * `fetch`, and over HTTP/2, where the server may allow fewer. Over HTTP/1.1 on
   * own sockets it is one. @default {256}
   */
  maxInFlight?: number;
  /**
   * Whether `fetch` may send a POST or PATCH again by itself when a kept-alive
   * connection turns out to be dead. The far side may then see it twice. Own
   * sockets never send again. @default {false}
   */
  resend?: boolean;
  /** On own sockets: time for connecting and the TLS handshake, in milliseconds. @default {10000} */
  connectTimeoutMs?: number;
  /** On own sockets: time from a request to the head of its response, in milliseconds. @default {300000} 5 minutes */
  headTimeoutMs?: number;
  /**
   * On own sockets: time in which nothing of a body moves, because its sender
   * sends nothing or its reader reads nothing, in milliseconds.
   * @default {300000} 5 minutes
   */
  bodyTimeoutMs?: number;
  /**
   * On own sockets: how long a request that says `expect: 100-continue` waits
   * for the word before it sends its body, in milliseconds. @default {1000}
   */
  continueTimeoutMs?: number;
  /**
   * On own sockets, over HTTP/1.1: how long before the idle timeout that a server announces
   * (`keep-alive: timeout=5`) an idle connection is given up, in milliseconds:
   * a request must not meet the server's closing. @default {1000}
   */
  idleMarginMs?: number;
  /** On own sockets: the largest head of a response, in bytes; over HTTP/2 with 32 for each field. @default {65536} 64 KiB */
  maxHeadBytes?: number;
  /**
   * On own sockets, over HTTP/1.1: how much may be left of a body that is given up for it to
   * be read to its end, so that the connection serves on, in bytes. Where more
   * is left, or nobody knows how much, the connection is closed.
   * @default {65536} 64 KiB
   */
  maxDrainBytes?: number;
  /**
   * On own sockets: whether to ask for compressed bodies (gzip, deflate,
   * brotli) and to decompress them, as `fetch` always does. @default {true}
   */
  decompress?: boolean;
  /** Measures deadlines. @default {systemClock} */
  clock?: Clock;
  /** Hears of connections that own sockets open and close. */
  observer?: Observer;
}

const protocols = ["auto", "h1", "h2"] as const;
const clients = ["auto", "sockets", "fetch"] as const;

/** How they are read. */
export const httpRules = {
  hostname: label("127.0.0.1"),
  port: integer(undefined, 0, 65_535),
  origin: label(undefined),
  tls: given<HttpTlsOptions | undefined>(undefined, "an object"),
  backlog: integer(511, 1, 65_535),
  protocol: oneOf("auto", protocols) as OptionRule<typeof protocols[number]>,
  client: oneOf("auto", clients) as OptionRule<typeof clients[number]>,
  maxInFlight: integer(256, 1, 1_000_000),
  resend: flag(false),
  connectTimeoutMs: duration(10_000, 1),
  headTimeoutMs: duration(300_000, 1),
  bodyTimeoutMs: duration(300_000, 1),
  continueTimeoutMs: duration(1000),
  idleMarginMs: duration(1000),
  maxHeadBytes: integer(64 * 1024, 64, 16 * 1024 * 1024),
  maxDrainBytes: integer(64 * 1024, 0, 0x7fff_ffff),
  decompress: flag(true),
  clock: given<Clock>(systemClock, "an object"),
  observer: given<Observer | undefined>(undefined, "a function"),
};

/** The settings that http() works by, checked and complete. */
export type HttpSettings = Settings<typeof httpRules> & {
  /** Counts what all sessions do. */
  readonly counts: HttpCounts;
  /** What goes out of requests that are made again. */
  readonly repeats: RepeatedRequests;
};

/** What the calling end has done: bytes are those of own sockets, for `fetch` does not tell of its own. */
export interface HttpCounts extends SentCalls {
  /** Bytes that have come. */
  bytesIn: number;
  /** Bytes that have gone. */
  bytesOut: number;
}

/** Checks the options and fills in the defaults. */
export function readHttpOptions(options: HttpOptions): HttpSettings {
  const read = readOptions("http()", options, httpRules);
  if (read.port === undefined && read.origin === undefined) {
    throw invalidOption("http()", "port", undefined, "a port to listen on or an origin to call");
  }
  const tls = read.tls === undefined ? undefined : readOptions("http()", read.tls, {
    cert: label(undefined),
    key: label(undefined),
    caCerts: given<string[] | undefined>(undefined, "a list"),
  });
  if (tls !== undefined && (tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalidOption("http()", "tls", "half a pair", "cert and key together, or neither");
  }
  const counts = { calls: 0, bytesIn: 0, bytesOut: 0 };
  return { ...read, tls, origin: readOrigin(read.origin), counts, repeats: new RepeatedRequests() };
}

function readOrigin(origin: string | undefined): string | undefined {
  if (origin === undefined) return undefined;
  if (URL.canParse(origin)) {
    const url = new URL(origin);
    const bare = url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "";
    if (bare && (url.protocol === "http:" || url.protocol === "https:")) return url.origin;
  }
  throw invalidOption("http()", "origin", origin, 'a scheme and a host, such as "https://orders.example:8443"');
}
