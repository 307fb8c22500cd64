/**
 * loadSettings(): the options of a program's chains from a config file.
 *
 * @module
 */

import type { ContentEncodingOptions } from "./call/content_encoding/content_encoding.ts";
import type { BulkheadOptions } from "./call/limits/bulkhead.ts";
import type { CacheOptions } from "./call/cache/cache.ts";
import type { CircuitBreakerOptions } from "./call/breaker/circuit_breaker.ts";
import type { ConcurrencyLimitOptions } from "./call/limits/concurrency_limit.ts";
import type { LoadShedOptions } from "./call/limits/load_shed.ts";
import type { RateLimitOptions } from "./call/limits/rate_limit.ts";
import type { RetryOptions } from "./call/retry/retry.ts";
import type { BatchOptions } from "./channel/batch/batch.ts";
import type { CompressOptions } from "./channel/compress/compress.ts";
import type { ShapeOptions } from "./channel/shape/shape.ts";
import { given, label, readOptions } from "./core/options.ts";
import type { PoolOptions } from "./endpoint/pool.ts";
import type { StreamingMuxOptions } from "./session/mux.ts";
import type { HttpOptions } from "./transport/http/http.ts";
import type { SseOptions } from "./transport/sse/sse.ts";
import type { SseClientOptions } from "./transport/sse/sse_client.ts";
import type { SseChannelOptions } from "./transport/sse/sse_options.ts";
import type { TcpOptions } from "./transport/tcp/tcp.ts";
import type { WebSocketOptions } from "./transport/websocket/websocket.ts";
import type { PlatformWebSocketOptions } from "./transport/websocket/websocket_platform.ts";
import { type ConfigFiles, systemFiles, systemVariable } from "./tuning/config/config_files.ts";
import { parseSettings } from "./tuning/config/parse_settings.ts";
import type { PresetName } from "./tuning/presets.ts";

export type { ConfigFiles } from "./tuning/config/config_files.ts";

/**
 * The options that no file can say, of whatever factory: functions and objects.
 *
 * @example
 * ```ts
 * import type { TcpOptions } from "@wireway/wireway";
 * import type { NoFileOption } from "@wireway/wireway/settings";
 * const plain: Omit<TcpOptions, NoFileOption> = { port: 9000 };
 * ```
 */
export type NoFileOption = "clock" | "random" | "observer" | "name" | "stats" | "store";

/**
 * The settings of a program: for each factory the options that the file, its
 * environment and its preset give.
 *
 * @example
 * ```ts
 * import { chain, mux, pool, tcp, timeout } from "@wireway/wireway";
 * import { loadSettings, type Settings } from "@wireway/wireway/settings";
 * const settings: Settings = await loadSettings("wireway.jsonc");
 * const call = chain(tcp(settings.tcp), mux(settings.mux), pool(settings.pool), timeout(settings.timeout));
 * await call.close();
 * ```
 */
export interface Settings {
  /** The environment that was laid over the rest. */
  readonly environment: string | undefined;
  /** The preset that the rest stands on. */
  readonly preset: PresetName;
  /** For `tcp()`. */
  readonly tcp: Omit<TcpOptions, NoFileOption | "framing">;
  /** For `websocket()`. */
  readonly websocket: Omit<WebSocketOptions, NoFileOption | "authenticate">;
  /** For `platformWebSocket()`. */
  readonly platformWebSocket: Omit<PlatformWebSocketOptions, NoFileOption | "authenticate" | "createWebSocket">;
  /** For `sse()`. */
  readonly sse: Omit<SseOptions, NoFileOption | "authenticate">;
  /** For `mountedSse()`. */
  readonly mountedSse: Omit<SseChannelOptions, NoFileOption | "authenticate">;
  /** For `sseClient()`: give `url` where the file may not. */
  readonly sseClient: Omit<SseClientOptions, NoFileOption | "authenticate" | "fetchOptions" | "url"> & {
    /** Where the server is. */
    readonly url?: string;
  };
  /** For `http()`. */
  readonly http: Omit<HttpOptions, NoFileOption>;
  /** For `mux()`. */
  readonly mux: Omit<StreamingMuxOptions, NoFileOption | "streams"> & {
    /** Whether a request and a reply may be a `Streamed`. */
    readonly streams?: boolean;
  };
  /** For `compress()`. */
  readonly compress: Omit<CompressOptions, NoFileOption>;
  /** For `contentEncoding()`. */
  readonly contentEncoding: Omit<ContentEncodingOptions, NoFileOption | "isCompressible">;
  /** For `batch()`. */
  readonly batch: Omit<BatchOptions, NoFileOption>;
  /** For `shape()`. */
  readonly shape: Omit<ShapeOptions, NoFileOption | "classOf">;
  /** For `pool()`. */
  readonly pool: Omit<PoolOptions<never, never>, NoFileOption | "handler" | "limit" | "budget">;
  /** For `circuitBreaker()`. */
  readonly circuitBreaker: Omit<CircuitBreakerOptions, NoFileOption | "countsAs">;
  /** For `retry()`. */
  readonly retry: Omit<RetryOptions, NoFileOption | "idempotent" | "retryOn" | "budget">;
  /** For `timeout()`: always complete, by the preset. */
  readonly timeout: {
    /** How long a call may take, in milliseconds. */
    readonly ms: number;
  };
  /** For `concurrencyLimit()`. */
  readonly concurrencyLimit: Omit<ConcurrencyLimitOptions, NoFileOption>;
  /** For `bulkhead()`, beside its `key`. */
  readonly bulkhead: Omit<BulkheadOptions, NoFileOption | "key">;
  /** For `rateLimit()`; undefined where the file has no such section, as it can't do without windows. */
  readonly rateLimit?: Omit<RateLimitOptions, NoFileOption | "key" | "cost">;
  /** For `loadShed()`. */
  readonly loadShed: Omit<LoadShedOptions, NoFileOption | "delay">;
  /** For `cache()`: give `ttlMs` where the file may not. */
  readonly cache:
    & Pick<
      CacheOptions<never, never>,
      | "staleWhileRevalidateMs"
      | "staleIfErrorMs"
      | "maxEntries"
      | "maxBytes"
      | "maxRefreshes"
      | "refreshTimeoutMs"
      | "storeTimeoutMs"
    >
    & {
      /** How long a reply is fresh, in milliseconds. */
      readonly ttlMs?: number;
    };
}

/**
 * Options of {@linkcode loadSettings}.
 *
 * @example
 * ```ts
 * import { loadSettings, type SettingsOptions } from "@wireway/wireway/settings";
 * const options: SettingsOptions = { environment: "production" };
 * await loadSettings("wireway.jsonc", options);
 * ```
 */
export interface SettingsOptions {
  /** Which of the file's `environments` is laid over the rest. Default: what `environmentVariable` says. */
  environment?: string;
  /** The variable that names the environment, where the option does not. @default {"WIREWAY_ENV"} */
  environmentVariable?: string;
  /** Looks up variables. @default {those of the process, as far as it may read them} */
  variables?: (name: string) => string | undefined;
  /** Reads files. @default {those of this machine} */
  files?: ConfigFiles;
}

/**
 * Reads a config file: JSON, or JSON with comments and trailing commas. Its
 * sections are called as the factories whose options they have, and all of them
 * may be left out.
 *
 * ```jsonc
 * {
 *   "preset": "high", // low, medium (the default), high or extreme: see preset()
 *   "link": { "bandwidthBitsPerSecond": 1e9, "roundTripMs": 20 }, // sizes the buffers: see bufferBytesFor()
 *   "tcp": { "port": "${PORT}", "idleTimeoutMs": "Infinity" },
 *   "pool": { "max": 4 },
 *   "environments": {
 *     "development": { "timeout": { "ms": 60000 } },
 *     "production": { "pool": { "max": 50 } },
 *   },
 * }
 * ```
 *
 * Each is laid over the one before: the preset, the buffers for the link, the
 * file, the environment. Objects are merged, all else is replaced; in an
 * environment `null` takes out what the file says. `${NAME}` in a text stands
 * for a variable of the environment, for what is secret; as a whole it may be a
 * number or a flag, too. `$${` is a plain `${`. The word `"Infinity"` stands for
 * what JSON has no number for.
 *
 * All that is wrong is told at once, each with its path and line, and what was
 * meant by a name that is not known. The other environments are checked as well.
 *
 * Needs `--allow-read` for the file, and `--allow-env` for variables.
 *
 * Errors: `invalid-option`, with `details.problems`; `unsupported` where the
 * platform has no files.
 *
 * @example
 * ```ts
 * import { chain, mux, serve, tcp } from "@wireway/wireway";
 * import { loadSettings } from "@wireway/wireway/settings";
 * const { tcp: options } = await loadSettings("wireway.jsonc", { environment: "production" });
 * await serve(chain(tcp({ port: 9000, ...options }), mux()), (request) => request);
 * ```
 */
export async function loadSettings(path: string, options: SettingsOptions = {}): Promise<Settings> {
  const { files, ...rest } = readSettingsOptions("loadSettings()", options);
  return settingsOf(await files.read(path), path, rest);
}

/** The options, complete. */
export interface SettingsReading {
  /** The environment; undefined for none. */
  readonly environment: string | undefined;
  /** Looks up variables. */
  readonly variables: (name: string) => string | undefined;
}

/** Reads the options. */
export function readSettingsOptions(owner: string, options: SettingsOptions): SettingsReading & { files: ConfigFiles } {
  const { environment, environmentVariable, variables, files } = readOptions(owner, options, {
    environment: label(undefined),
    environmentVariable: label("WIREWAY_ENV"),
    variables: given<(name: string) => string | undefined>(systemVariable, "a function"),
    files: given<ConfigFiles>(systemFiles, "an object"),
  });
  return { environment: environment ?? (variables(environmentVariable) || undefined), variables, files };
}

/** The settings in the text of a file. */
export function settingsOf(text: string, file: string, { environment, variables }: SettingsReading): Settings {
  return parseSettings(text, { file, environment, variables }) as unknown as Settings;
}
