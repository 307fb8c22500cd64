/**
 * The options of tcp(): what they are, their defaults, and what is refused.
 *
 * @module
 */

import type { Address } from "../../core/channel.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { Observer } from "../../core/observer.ts";
import { duration, flag, given, integer, invalidOption, label, readOptions } from "../../core/options.ts";
import type { Framing } from "../../framing/framing.ts";
import { lengthPrefix } from "../../framing/length_prefix.ts";
import type { StreamSettings } from "../stream/byte_stream.ts";

/**
 * TLS on a connection. The listening end needs `cert` and `key`; the dialling
 * end trusts the system's authorities and those in `caCerts`.
 *
 * @example
 * ```ts
 * import { tcp, type TlsOptions } from "@wireway/wireway";
 * const tls: TlsOptions = { caCerts: ["-----BEGIN CERTIFICATE----- …"], serverName: "orders.example" };
 * tcp({ hostname: "10.0.0.7", port: 9000, tls });
 * ```
 */
export interface TlsOptions {
  /** Certificate chain of the listening end, as PEM. */
  cert?: string;
  /** Private key of the listening end, as PEM. */
  key?: string;
  /** Authorities, as PEM, that the dialling end trusts beside the system's. */
  caCerts?: string[];
  /** The name that the dialling end expects in the certificate. Default: `hostname`. */
  serverName?: string;
  /** Application protocols (ALPN), the preferred one first. The ends must share one where both name some. */
  alpnProtocols?: string[];
}

/**
 * Options of {@linkcode tcp}. One set describes both ends.
 *
 * @example
 * ```ts
 * import { tcp, type TcpOptions } from "@wireway/wireway";
 * const options: TcpOptions = { port: 9000, idleTimeoutMs: 60_000, maxConnections: 1000 };
 * tcp(options);
 * ```
 */
export interface TcpOptions {
  /** Where to listen, and where to connect to. @default {"127.0.0.1"} this machine only */
  hostname?: string;
  /** Port; 0 lets the system choose when listening. Either this or `path`. */
  port?: number;
  /** Path of a unix socket, instead of a port. */
  path?: string;
  /** How messages are marked off. @default {lengthPrefix()} 4 bytes of length, 16 MiB at most */
  framing?: Framing;
  /** TLS; `true` to dial with the system's authorities. @default {false} */
  tls?: boolean | TlsOptions;
  /**
   * Send small writes at once (TCP_NODELAY), on both ends. Off, a call can wait 40 ms for an acknowledgement. On
   * connections that a TLS listener has taken the platform has it off: see the README's limits.
   *
   * @default {true}
   */
  noDelay?: boolean;
  /** Have the system probe idle connections, on both ends. @default {true} */
  keepAlive?: boolean;
  /** Connections that the system holds before they are accepted. @default {511} */
  backlog?: number;
  /** Connections open at once; further ones are closed as they come. @default {65536} */
  maxConnections?: number;
  /** Time for connecting and the TLS handshake, in milliseconds, on both ends. @default {10000} */
  connectTimeoutMs?: number;
  /** Time without a byte from the peer after which a connection ends, in milliseconds. @default {Infinity} */
  idleTimeoutMs?: number;
  /** Time in which a frame that was begun must be whole, in milliseconds. @default {30000} */
  frameTimeoutMs?: number;
  /**
   * Time that the peer has after `close()` to take more of what was sent, and then to end its side, in
   * milliseconds. @default {2000}
   */
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

/** The settings that tcp() works by, checked and complete. */
export interface TcpSettings extends StreamSettings {
  readonly hostname: string;
  readonly port: number | undefined;
  readonly path: string | undefined;
  readonly tls: TlsOptions | undefined;
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  readonly backlog: number;
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
}

/** How they are read. */
export const tcpRules = {
  hostname: label("127.0.0.1"),
  port: integer(undefined, 0, 65_535),
  path: label(undefined),
  framing: given<Framing | undefined>(undefined, "an object"),
  tls: {
    allowed: "true, false or TLS options",
    fallback: false as boolean | TlsOptions,
    accepts: (value: unknown) => typeof value === "boolean" || (typeof value === "object" && value !== null),
  },
  noDelay: flag(true),
  keepAlive: flag(true),
  backlog: integer(511, 1, 65_535),
  maxConnections: integer(65_536, 1, 10_000_000),
  connectTimeoutMs: duration(10_000, 1),
  idleTimeoutMs: duration(Infinity, 1),
  frameTimeoutMs: duration(30_000, 1),
  lingerMs: duration(2000),
  highWaterBytes: integer(256 * 1024, 0, 0x7fff_ffff),
  maxBufferedBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
  clock: given<Clock>(systemClock, "an object"),
  observer: given<Observer | undefined>(undefined, "a function"),
};

/** Checks the options and fills in the defaults. */
export function readTcpOptions(options: TcpOptions): TcpSettings {
  const read = readOptions("tcp()", options, tcpRules);
  if ((read.port === undefined) === (read.path === undefined)) {
    throw invalidOption("tcp()", "port", read.port, "a port, or else a path: one of the two");
  }
  checkTcpBuffers(read);
  const tls = read.tls === true ? {} : read.tls === false ? undefined : readTlsOptions("tcp()", read.tls);
  if (tls !== undefined && read.path !== undefined) {
    throw invalidOption("tcp()", "tls", "given", "none on a unix socket");
  }
  return { ...read, tls, framing: read.framing ?? lengthPrefix(), heartbeatMs: Infinity, livenessMs: Infinity };
}

/** Refuses buffers that don't go together. */
export function checkTcpBuffers(
  { highWaterBytes, maxBufferedBytes }: Pick<TcpSettings, "highWaterBytes" | "maxBufferedBytes">,
): void {
  if (maxBufferedBytes >= highWaterBytes) return;
  throw invalidOption("tcp()", "maxBufferedBytes", maxBufferedBytes, `highWaterBytes (${highWaterBytes}) or more`);
}

/** Checks the options of TLS, for whom they are given. */
export function readTlsOptions(owner: string, tls: TlsOptions): TlsOptions {
  const read = readOptions(owner, tls, {
    cert: label(undefined),
    key: label(undefined),
    caCerts: given<string[] | undefined>(undefined, "a list"),
    serverName: label(undefined),
    alpnProtocols: given<string[] | undefined>(undefined, "a list"),
  });
  if ((read.cert === undefined) !== (read.key === undefined)) {
    throw invalidOption(owner, "tls", "half a pair", "cert and key together, or neither");
  }
  return read;
}

/** An address of the platform, which is one of ours but for the types of unix sockets. */
export function toAddress(address: Deno.Addr): Address {
  return address as Address;
}
