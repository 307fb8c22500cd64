/**
 * Presets: settings that go together, for four sizes of load.
 *
 * @module
 */

import { invalidOption, oneOf } from "../core/options.ts";

/**
 * The names of the presets.
 *
 * @example
 * ```ts
 * import { preset, type PresetName } from "@wireway/wireway";
 * const name: PresetName = "high";
 * preset(name);
 * ```
 */
export type PresetName = typeof presetNames[number];

/**
 * All of them, from the least load to the most.
 *
 * @example
 * ```ts
 * import { preset, presetNames } from "@wireway/wireway";
 * for (const name of presetNames) console.log(name, preset(name).bufferBytes);
 * ```
 */
export const presetNames: readonly ["low", "medium", "high", "extreme"] = ["low", "medium", "high", "extreme"];

/**
 * What a preset sets: three figures, and the options that follow from them.
 *
 * @example
 * ```ts
 * import { type Preset, preset, tcp, timeout } from "@wireway/wireway";
 * const high: Preset = preset("high");
 * tcp({ port: 9000, ...high.tcp });
 * timeout(high.timeout);
 * ```
 */
export interface Preset {
  /** What may wait in a connection before its sender is asked to wait, in bytes. */
  readonly bufferBytes: number;
  /** Connections that the system holds before they are accepted. */
  readonly backlog: number;
  /** How long a call may take, and a frame that was begun, in milliseconds. */
  readonly timeoutMs: number;
  /** Options for `tcp()`. */
  readonly tcp: { readonly highWaterBytes: number; readonly backlog: number; readonly frameTimeoutMs: number };
  /** Options for `websocket()`. */
  readonly websocket: { readonly highWaterBytes: number; readonly backlog: number; readonly frameTimeoutMs: number };
  /** Options for `platformWebSocket()`. */
  readonly platformWebSocket: { readonly highWaterBytes: number };
  /** Options for `sse()`. */
  readonly sse: { readonly backlog: number };
  /** Options for `http()`. */
  readonly http: { readonly backlog: number; readonly headTimeoutMs: number; readonly bodyTimeoutMs: number };
  /** Options for `batch()`. */
  readonly batch: { readonly maxBytes: number; readonly highWaterBytes: number };
  /** Options for `shape()`. */
  readonly shape: { readonly highWaterBytes: number };
  /** Options for `timeout()`. */
  readonly timeout: { readonly ms: number };
}

const figures: Readonly<Record<PresetName, readonly [bufferKiB: number, backlog: number, timeoutSeconds: number]>> = {
  low: [32, 512, 60],
  medium: [64, 1024, 30],
  high: [128, 2048, 15],
  extreme: [256, 4096, 10],
};

/**
 * The settings of a preset. The more load, the larger the buffers (fewer, larger
 * writes), the longer the backlog (bursts of connections) and the shorter the
 * times (what is stuck is given up sooner, so that it takes no room from others).
 *
 * | preset | buffers | backlog | timeouts |
 * | --- | --- | --- | --- |
 * | `low` | 32 KiB | 512 | 60 s |
 * | `medium` | 64 KiB | 1024 | 30 s |
 * | `high` | 128 KiB | 2048 | 15 s |
 * | `extreme` | 256 KiB | 4096 | 10 s |
 *
 * - The buffers are those of this process: the bytes past which `send()` of a
 *   TCP or WebSocket channel, of `batch()` and of `shape()` returns a promise,
 *   and the size of a batch. Those of the system (`SO_SNDBUF`, `SO_RCVBUF`) can't
 *   be set on Deno; they grow by themselves up to `tcp_wmem` and `tcp_rmem`.
 *   `http()` has none: its bodies are streams of the platform. The mark of
 *   `sse()` is no such buffer but a window, of what is not acknowledged: the
 *   figures of a link size it ({@linkcode bufferBytesFor}), and no preset.
 * - The backlog is what `tcp()`, `websocket()`, `sse()` and `http()` ask the system for.
 *   The system gives no more than `net.core.somaxconn` and says nothing of it:
 *   `deno task doctor` does.
 * - The timeouts are those of a call (`timeout()`), of a frame or message that
 *   was begun, and, on the calling end's own sockets of `http()`, of the wait for
 *   the head and for each part of the body. Connecting keeps its own 10 s.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, mux, pool, preset, tcp, timeout } from "@wireway/wireway";
 * const high = preset("high");
 * await using call = chain(tcp({ port: 9000, ...high.tcp }), mux(), pool(), timeout(high.timeout));
 * ```
 */
export function preset(name: PresetName): Preset {
  const { accepts, allowed } = oneOf("medium", presetNames);
  if (!accepts(name)) throw invalidOption("preset()", "name", name, allowed);
  const [bufferKiB, backlog, timeoutSeconds] = figures[name];
  const [highWaterBytes, timeoutMs] = [bufferKiB * 1024, timeoutSeconds * 1000];
  const socket = { highWaterBytes, backlog, frameTimeoutMs: timeoutMs };
  return {
    bufferBytes: highWaterBytes,
    backlog,
    timeoutMs,
    tcp: socket,
    websocket: { ...socket },
    platformWebSocket: { highWaterBytes },
    sse: { backlog },
    http: { backlog, headTimeoutMs: timeoutMs, bodyTimeoutMs: timeoutMs },
    batch: { maxBytes: highWaterBytes, highWaterBytes },
    shape: { highWaterBytes },
    timeout: { ms: timeoutMs },
  };
}
