/**
 * The options of http(): what they are, their defaults, and what is refused.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import { flag, given, integer, invalidOption, label, oneOf, readOptions } from "../core/options.ts";

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
  /**
   * What the calling end speaks: HTTP/1.1, HTTP/2 (over TLS, or by prior
   * knowledge), or what the far side prefers. @default {"auto"}
   */
  protocol?: "auto" | "h1" | "h2";
  /** Connections that the system holds before they are accepted. @default {511} */
  backlog?: number;
  /** Calls in flight at once on a session of the calling end, each to the end of its body. @default {256} */
  maxInFlight?: number;
  /**
   * Whether `fetch` may send a POST or PATCH again by itself when a kept-alive
   * connection turns out to be dead. The far side may then see it twice.
   * @default {false}
   */
  resend?: boolean;
  /** Measures deadlines. @default {systemClock} */
  clock?: Clock;
}

/** The settings that http() works by, checked and complete. */
export interface HttpSettings {
  readonly hostname: string;
  readonly port: number | undefined;
  readonly origin: string | undefined;
  readonly tls: HttpTlsOptions | undefined;
  readonly protocol: "auto" | "h1" | "h2";
  readonly backlog: number;
  readonly maxInFlight: number;
  readonly resend: boolean;
  readonly clock: Clock;
}

/** Checks the options and fills in the defaults. */
export function readHttpOptions(options: HttpOptions): HttpSettings {
  const read = readOptions("http()", options, {
    hostname: label("127.0.0.1"),
    port: integer(undefined, 0, 65_535),
    origin: label(undefined),
    tls: given<HttpTlsOptions | undefined>(undefined, "an object"),
    protocol: oneOf("auto", ["auto", "h1", "h2"]),
    backlog: integer(511, 1, 65_535),
    maxInFlight: integer(256, 1, 1_000_000),
    resend: flag(false),
    clock: given<Clock>(systemClock, "an object"),
  });
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
  return { ...read, tls, origin: readOrigin(read.origin) };
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
