/**
 * The options of platformWebSocket(): what they are, their defaults, and what
 * is refused.
 *
 * @module
 */

import type { Adjustable } from "../../core/adjustable.ts";
import { liveSettings } from "../../core/live_settings.ts";
import { given, readOptions } from "../../core/options.ts";
import type { AdmissionRules } from "./websocket_admission.ts";
import {
  checkBuffers,
  commonRules,
  readWebSocketUrl,
  urlRule,
  type WebSocketCommonOptions,
} from "./websocket_common_options.ts";
import type { PlatformChannelSettings } from "./websocket_platform_channel.ts";

/** Makes a WebSocket that connects: the platform's, or one that keeps to its interface. */
export type CreateWebSocket = (url: string, protocols: string[]) => WebSocket;

/**
 * Options of {@linkcode platformWebSocket}. One set describes both ends.
 *
 * @example
 * ```ts
 * import { platformWebSocket, type PlatformWebSocketOptions } from "@wireway/wireway";
 * const options: PlatformWebSocketOptions = { url: "wss://shop.example/live", protocols: ["orders.v2"] };
 * platformWebSocket(options);
 * ```
 */
export interface PlatformWebSocketOptions extends WebSocketCommonOptions {
  /** Where to connect to, such as `wss://shop.example/live`. Not needed to listen. */
  url?: string | URL;
  /**
   * Makes the object that connects, for what `url` and `protocols` can't say: an HTTP client of Deno's with authorities
   * of its own, another implementation. Default: `new WebSocket(url, protocols)`
   */
  createWebSocket?: (url: string, protocols: string[]) => WebSocket;
}

/** The settings that platformWebSocket() works by, checked and complete. */
export interface PlatformSettings extends PlatformChannelSettings, AdmissionRules {
  readonly url: URL | undefined;
  readonly createWebSocket: CreateWebSocket | undefined;
  readonly protocols: string[];
  readonly headers: Record<string, string>;
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
  /** Of the platform, where that is a server. */
  readonly pingAfterMs: number;
}

const owner = "platformWebSocket()";

const rules = {
  url: urlRule,
  createWebSocket: given<CreateWebSocket | undefined>(undefined, "a function"),
  ...commonRules,
};

/** Checks the options and fills in the defaults. */
export function readPlatformOptions(options: PlatformWebSocketOptions): PlatformSettings {
  const { url, heartbeatMs, ...read } = readOptions(owner, options, rules);
  checkBuffers(owner, read);
  return {
    ...read,
    url: url === undefined ? undefined : readWebSocketUrl(owner, url),
    pingAfterMs: heartbeatMs,
    // Of frames and pings a program hears nothing here.
    frameTimeoutMs: Infinity,
    heartbeatMs: Infinity,
    livenessMs: Infinity,
  };
}

/** What can be changed while it works. */
export function adjustablePlatform(settings: PlatformSettings): Adjustable {
  const own = settings as { pingAfterMs: number };
  const { heartbeatMs } = rules;
  return liveSettings<PlatformSettings>(owner, settings, rules, liveNames, {
    check: (next) => checkBuffers(owner, next),
    more: {
      // The platform is told of it with each upgrade.
      heartbeatMs: {
        rule: heartbeatMs,
        min: heartbeatMs.min,
        max: heartbeatMs.max,
        get: () => own.pingAfterMs,
        set: (value) => own.pingAfterMs = Number(value),
      },
    },
  });
}

/** Limits of connections, which look at them as they are now; but for `maxMessageBytes`, which their peers know. */
const liveNames = [
  "maxConnections",
  "maxMessageBytes",
  "connectTimeoutMs",
  "idleTimeoutMs",
  "lingerMs",
  "highWaterBytes",
  "maxBufferedBytes",
] as const;
