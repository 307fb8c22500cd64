/**
 * The options of websocket(): what they are, their defaults, and what is
 * refused.
 *
 * @module
 */

import type { Adjustable } from "../../core/adjustable.ts";
import { liveSettings } from "../../core/live_settings.ts";
import { duration, flag, integer, invalidOption, label, readOptions } from "../../core/options.ts";
import { lengthPrefix } from "../../framing/length_prefix.ts";
import { readTlsOptions, type TcpSettings, type TlsOptions } from "../tcp/tcp_options.ts";
import type { AdmissionRules } from "./websocket_admission.ts";
import {
  checkBuffers,
  commonRules,
  readWebSocketUrl,
  urlRule,
  type WebSocketCommonOptions,
} from "./websocket_common_options.ts";
import { agreementOf, type WebSocketAgreement } from "./websocket_protocol.ts";

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
export interface WebSocketOptions extends WebSocketCommonOptions {
  /** Where to listen, and where to connect to. @default {"127.0.0.1"} this machine only */
  hostname?: string;
  /** Port; 0 lets the system choose when listening. Either this or `url`. */
  port?: number;
  /** The path that is served, and asked for. @default {"/"} */
  path?: string;
  /**
   * All of that as an address, `wss://shop.example/live`, in place of `hostname`, `port` and `path`. With `wss:` the
   * system's authorities are trusted, and those that `tls` names.
   */
  url?: string | URL;
  /** TLS (`wss:`); `true` to dial with the system's authorities. @default {false} */
  tls?: boolean | TlsOptions;
  /** Whether messages are compressed (permessage-deflate, with context takeover) where the other end can, too. @default {false} */
  compression?: boolean;
  /** Messages below this size go out uncompressed, in bytes. @default {1024} */
  thresholdBytes?: number;
  /** Connections that the system holds before they are accepted. @default {511} */
  backlog?: number;
  /** Time for the answer to a ping, in milliseconds, after which the peer counts as gone. @default {10000} */
  livenessMs?: number;
  /** Time in which a message that was begun must be whole, in milliseconds. @default {30000} */
  frameTimeoutMs?: number;
}

/** The settings that websocket() works by, checked and complete. */
export interface WebSocketSettings extends AdmissionRules {
  readonly tcp: TcpSettings;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly compression: boolean;
  readonly thresholdBytes: number;
  readonly maxMessageBytes: number;
  /** What connections of either side work by where no compression was agreed on. */
  plain: PlainAgreements;
}

/** For either side of a connection. */
interface PlainAgreements {
  readonly client: WebSocketAgreement;
  readonly server: WebSocketAgreement;
}

const owner = "websocket()";

const rules = {
  hostname: label(undefined),
  port: integer(undefined, 0, 65_535),
  path: label(undefined),
  url: urlRule,
  tls: {
    allowed: "true, false or TLS options",
    fallback: undefined as boolean | TlsOptions | undefined,
    accepts: (value: unknown) => typeof value === "boolean" || (typeof value === "object" && value !== null),
  },
  compression: flag(false),
  thresholdBytes: integer(1024, 0, 0x7fff_ffff),
  backlog: integer(511, 1, 65_535),
  livenessMs: duration(10_000, 1),
  frameTimeoutMs: duration(30_000, 1),
  ...commonRules,
};

/** Checks the options and fills in the defaults. */
export function readWebSocketOptions(options: WebSocketOptions): WebSocketSettings {
  const read = readOptions(owner, options, rules);
  const { protocols, headers, origins, authenticate, compression, thresholdBytes, maxMessageBytes, ...rest } = read;
  const { hostname, port, path, url, tls: givenTls, ...limits } = rest;
  checkBuffers(owner, limits);
  const place = url === undefined ? { hostname, port, path, tls: givenTls } : placeOf(read, url);
  if (place.port === undefined) throw invalidOption(owner, "port", undefined, "an integer from 0 to 65535");
  const { path: target = "/", tls = false } = place;
  if (!/^\/[\x21-\x7e]*$/.test(target)) throw invalidOption(owner, "path", target, "a path that begins with /");
  const tcp: TcpSettings = {
    ...limits,
    hostname: place.hostname ?? "127.0.0.1",
    port: place.port,
    path: undefined,
    tls: tls === true ? {} : tls === false ? undefined : readTlsOptions(owner, tls),
    noDelay: true,
    keepAlive: true,
    // Each connection has a framing of its own, once it is one.
    framing: lengthPrefix({ maxBytes: maxMessageBytes }),
  };
  const admission = { protocols, headers, origins, authenticate };
  const settings = { tcp, path: target, ...admission, compression, maxMessageBytes, thresholdBytes };
  // The object that adjusting changes is the one that connections look at.
  return Object.assign(settings, { plain: plainAgreements(settings) });
}

function plainAgreements(sizes: Parameters<typeof agreementOf>[1]): PlainAgreements {
  return { client: agreementOf("client", sizes), server: agreementOf("server", sizes) };
}

/** What can be changed while it works. */
export function adjustableWebSocket(settings: WebSocketSettings): Adjustable {
  const own = settings as { path: string; compression: boolean; thresholdBytes: number; maxMessageBytes: number };
  const { path, compression, thresholdBytes, maxMessageBytes } = rules;
  return liveSettings<TcpSettings>(owner, settings.tcp, rules, liveNames, {
    check: (next) => checkBuffers(owner, next),
    more: {
      path: { rule: path, get: () => own.path },
      compression: { rule: compression, get: () => own.compression },
      thresholdBytes: {
        rule: thresholdBytes,
        min: thresholdBytes.min,
        max: thresholdBytes.max,
        get: () => own.thresholdBytes,
        set: (value) => own.thresholdBytes = Number(value),
      },
      maxMessageBytes: {
        rule: maxMessageBytes,
        min: maxMessageBytes.min,
        max: maxMessageBytes.max,
        get: () => own.maxMessageBytes,
        set: (value) => {
          own.maxMessageBytes = Number(value);
          // Connections that there are keep theirs: their peers were told of it.
          settings.plain = plainAgreements(settings);
        },
      },
    },
  });
}

/** Limits of connections, which look at them as they are now. */
export const liveNames = [
  "maxConnections",
  "connectTimeoutMs",
  "idleTimeoutMs",
  "frameTimeoutMs",
  "heartbeatMs",
  "livenessMs",
  "lingerMs",
  "highWaterBytes",
  "maxBufferedBytes",
] as const;

/** Where a server is. */
interface Place {
  readonly hostname: string | undefined;
  readonly port: number | undefined;
  readonly path: string | undefined;
  readonly tls: boolean | TlsOptions | undefined;
}

/** What an address says, where nothing else says it too. */
function placeOf(read: Place, address: string | URL): Place {
  const url = readWebSocketUrl(owner, address);
  for (const name of ["hostname", "port", "path"] as const) {
    if (read[name] !== undefined) throw invalidOption(owner, name, read[name], "none beside url, which says it");
  }
  const secured = url.protocol === "wss:";
  if (read.tls !== undefined && (read.tls !== false) !== secured) {
    throw invalidOption(owner, "tls", read.tls, `what ${url.protocol}// in url says`);
  }
  return {
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (secured ? 443 : 80) : Number(url.port),
    path: url.pathname + url.search,
    tls: read.tls ?? secured,
  };
}
