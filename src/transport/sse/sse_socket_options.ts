/**
 * The options of sse() on our own sockets: what they are, their defaults, and
 * what is refused.
 *
 * @module
 */

import type { Adjustable } from "../../core/adjustable.ts";
import { liveSettings } from "../../core/live_settings.ts";
import { integer, invalidOption, label, readOptions } from "../../core/options.ts";
import { lengthPrefix } from "../../framing/length_prefix.ts";
import {
  checkSseSizes,
  completeSseSettings,
  type SseChannelOptions,
  sseLiveNames,
  sseRules,
  type SseSettings,
} from "./sse_options.ts";
import { readTlsOptions, type TcpSettings, type TlsOptions } from "../tcp/tcp_options.ts";

/**
 * Options of {@linkcode sse}. One set describes both ends.
 *
 * @example
 * ```ts
 * import { sse, type SseOptions } from "@wireway/wireway";
 * const options: SseOptions = { port: 9000, path: "/live", resumeWindowMs: 60_000 };
 * sse(options);
 * ```
 */
export interface SseOptions extends SseChannelOptions {
  /** Where to listen, and where to connect to. @default {"127.0.0.1"} this machine only */
  hostname?: string;
  /** Port; 0 lets the system choose when listening. */
  port: number;
  /** The path that is served, and asked for. @default {"/"} */
  path?: string;
  /** TLS (`https:`); `true` to dial with the system's authorities. @default {false} */
  tls?: boolean | TlsOptions;
  /** Connections that the system holds before they are accepted. @default {511} */
  backlog?: number;
  /** Sockets open at once; a channel takes two or three. Further ones are closed as they come. @default {262144} */
  maxConnections?: number;
}

/** The settings of sse() on sockets, checked and complete. */
export interface SseSocketSettings extends SseSettings {
  readonly hostname: string;
  readonly port: number;
  readonly path: string;
  readonly tls: TlsOptions | undefined;
  readonly backlog: number;
  readonly maxConnections: number;
}

const owner = "sse()";

const rules = {
  hostname: label("127.0.0.1"),
  port: integer(undefined, 0, 65_535),
  path: label("/"),
  tls: {
    allowed: "true, false or TLS options",
    fallback: false as boolean | TlsOptions,
    accepts: (value: unknown) => typeof value === "boolean" || (typeof value === "object" && value !== null),
  },
  backlog: integer(511, 1, 65_535),
  maxConnections: integer(262_144, 1, 10_000_000),
  ...sseRules,
};

/** Checks the options and fills in the defaults. */
export function readSseOptions(options: SseOptions): SseSocketSettings {
  const { hostname, port, path, tls, backlog, maxConnections, ...rest } = readOptions(owner, options, rules);
  if (port === undefined) throw invalidOption(owner, "port", port, "an integer from 0 to 65535");
  if (!/^\/[\x21-\x7e]*$/.test(path)) throw invalidOption(owner, "path", path, "a path that begins with /");
  return {
    ...completeSseSettings(owner, rest),
    hostname,
    port,
    path,
    tls: tls === true ? {} : tls === false ? undefined : readTlsOptions(owner, tls),
    backlog,
    maxConnections,
  };
}

/** What can be changed while it works. */
export function adjustableSse(settings: SseSocketSettings): Adjustable {
  return liveSettings<SseSocketSettings>(owner, settings, rules, ["maxConnections", ...sseLiveNames], {
    check: (next) => checkSseSizes(owner, next),
  });
}

/** What the connections of a client are made by. */
export function tcpSettings(settings: SseSocketSettings): TcpSettings {
  const { hostname, port, tls, backlog, maxConnections } = settings;
  const { clock, connectTimeoutMs, highWaterBytes, maxBufferedBytes, lingerMs } = settings;
  return {
    hostname,
    port,
    path: undefined,
    tls,
    noDelay: true,
    keepAlive: true,
    backlog,
    maxConnections,
    connectTimeoutMs,
    clock,
    observer: undefined,
    // Of use to channels of frames alone.
    framing: lengthPrefix(),
    idleTimeoutMs: Infinity,
    heartbeatMs: Infinity,
    livenessMs: Infinity,
    frameTimeoutMs: Infinity,
    lingerMs,
    highWaterBytes,
    maxBufferedBytes,
  };
}
