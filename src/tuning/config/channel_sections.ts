/**
 * What a config file may say of what happens to messages and bodies.
 *
 * @module
 */

import * as z from "zod";
import { fraction, integer, oneOf } from "../../core/options.ts";
import { bool, buffers, by, bytes, bytesOrNone, ms, needed, rate, someMs } from "./schemas.ts";

/** The sections of what stands between transports and calls. */
export const channelSections = {
  mux: z.strictObject({
    maxInFlight: by(integer(undefined, 1, 1_000_000)),
    maxMessageBytes: bytes,
    helloTimeoutMs: someMs,
    closeTimeoutMs: ms,
    pingTimeoutMs: someMs,
    maxQueuedBytes: bytes,
    windowBytes: bytes,
    streams: bool,
    streamWindowBytes: bytes,
    maxStreamWindowBytes: bytes,
    allStreamsBytes: bytes,
  }),
  compress: z.strictObject({
    format: by(oneOf("auto", ["auto", "none", "gzip", "deflate", "zstd", "lz4", "brotli"])),
    level: by(integer(undefined, 1, 9)),
    thresholdBytes: bytes,
    maxInflatedBytes: bytes,
  }),
  batch: z.strictObject({
    maxMessages: by(integer(undefined, 1, 1_000_000)),
    maxBytes: by(integer(undefined, 64, 0x7fff_ffff)),
    lingerMs: by(fraction(undefined, 0, 3_600_000)),
    format: by(oneOf("binary", ["binary", "newline"])),
    ...buffers,
    drainTimeoutMs: someMs,
  }),
  shape: z.strictObject({
    upBytesPerSecond: rate,
    downBytesPerSecond: rate,
    burstBytes: bytes,
    fragmentBytes: by(integer(undefined, 256, 65_536)),
    weights: by<number[]>({
      allowed: "7 numbers above 0 and below 1000",
      fallback: [],
      accepts: (value) =>
        Array.isArray(value) && value.length === 7 &&
        value.every((one) => typeof one === "number" && one > 0 && one < 1000),
    }),
    maxWindowBytes: by(integer(undefined, 32 * 1024, 0x7fff_ffff)),
    maxAssemblyBytes: bytes,
    ...buffers,
    drainTimeoutMs: someMs,
  }),
  contentEncoding: z.strictObject({
    side: by(oneOf("server", ["server", "client"])),
    codings: z.array(needed(oneOf("br", ["br", "gzip", "deflate"])), {
      error: "is no list, allowed is a list of br, gzip, deflate",
    }).min(1, { error: "is empty, allowed is a list of one coding or more" }).optional(),
    encode: bool,
    thresholdBytes: bytesOrNone,
    maxDecodedBytes: by(integer(undefined, 1, Number.MAX_SAFE_INTEGER)),
  }),
} as const;
