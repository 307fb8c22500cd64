/**
 * What a config file may say of what happens to calls.
 *
 * @module
 */

import * as z from "zod";
import { duration, fraction, integer, integerOrInfinity, oneOf } from "../../core/options.ts";
import { bool, by, count, countOrNone, ms, needed, share, someMs, weight } from "./schemas.ts";

const connections = {
  maxWaiting: countOrNone,
  acquireTimeoutMs: ms,
  waitForReady: bool,
  initialBackoffMs: ms,
  maxBackoffMs: ms,
  validateTimeoutMs: someMs,
};
const rateWindow = z.strictObject({
  calls: needed(fraction(undefined, 1e-6, 1e9)),
  perMs: needed(fraction(undefined, 1, 1e12)),
  burst: by(integer(undefined, 1, 1e9)),
});
const breakerWindow = z.strictObject({
  windowMs: by(integer(undefined, 1, 86_400_000)),
  windowCalls: by(integer(undefined, 1, 1_000_000)),
  minCalls: by(integer(undefined, 1, 1_000_000)),
  failureRate: share,
  slowCallRate: share,
  slowCallMs: ms,
});

/** The sections of what stands around calls. */
export const callSections = {
  pool: z.strictObject({
    min: by(integer(undefined, 0, 100_000)),
    max: by(integer(undefined, 1, 100_000)),
    strategy: by(oneOf("least-loaded", ["least-loaded", "round-robin", "least-latency", "adaptive"])),
    weights: z.strictObject({ latency: weight, errors: weight, age: weight }).optional(),
    callsPerConnection: by(integer(undefined, 1, 1_000_000)),
    queue: by(oneOf("fifo", ["fifo", "adaptive-lifo"])),
    idleTimeoutMs: someMs,
    maxLifetimeMs: someMs,
    validateAfterIdleMs: someMs,
    healthCheckIntervalMs: someMs,
    prewarm: bool,
    ...connections,
  }),
  circuitBreaker: z.strictObject({
    failures: by(integerOrInfinity(5, 1, 1_000_000)),
    forgetAfterMs: someMs,
    windows: z.array(breakerWindow, { error: "is no list, allowed is a list of windows" }).optional(),
    successes: by(integer(undefined, 1, 1_000_000)),
    openMs: by(integer(undefined, 1, 86_400_000)),
    maxOpenMs: by(integer(undefined, 1, 86_400_000)),
    jitter: share,
    maxProbes: by(integer(undefined, 1, 1_000_000)),
    probeLeaseMs: someMs,
  }),
  retry: z.strictObject({
    maxAttempts: by(integer(undefined, 1, 1000)),
    initialBackoffMs: ms,
    maxBackoffMs: ms,
    maxRetryAfterMs: ms,
    minAttemptMs: ms,
    maxReplayBytes: by(integer(undefined, 0, 2 ** 30)),
  }),
  timeout: z.strictObject({ ms }),
  concurrencyLimit: z.strictObject({
    max: count,
    algorithm: by(oneOf("fixed", ["fixed", "aimd", "vegas", "gradient2"])),
    initial: count,
    min: count,
    maxWaiting: countOrNone,
    acquireTimeoutMs: ms,
    queue: by(oneOf("fifo", ["fifo", "adaptive-lifo", "priority"])),
  }),
  bulkhead: z.strictObject({
    maxPerKey: count,
    max: by(integerOrInfinity(Infinity, 1, 10_000_000)),
    maxWaitingPerKey: countOrNone,
    maxWaiting: countOrNone,
    acquireTimeoutMs: ms,
    maxKeys: count,
  }),
  rateLimit: z.strictObject({
    windows: z.array(rateWindow, { error: "is no list, allowed is a list of windows" })
      .min(1, { error: "is empty, allowed is a list of one window or more" }),
    maxWaitMs: ms,
    maxWaiting: count,
    maxKeys: count,
  }),
  loadShed: z.strictObject({
    targetMs: by(duration(undefined, 0.1)),
    intervalMs: by(fraction(undefined, 1, 3_600_000)),
    maxDelayMs: by(duration(undefined, 0.1)),
    maxInFlight: by(integerOrInfinity(Infinity, 1, 10_000_000)),
    reserve: share,
  }),
  cache: z.strictObject({
    ttlMs: ms,
    staleWhileRevalidateMs: ms,
    staleIfErrorMs: ms,
    maxEntries: by(integer(undefined, 1, 2 ** 24)),
    maxBytes: by(integer(undefined, 0, Number.MAX_SAFE_INTEGER)),
    maxRefreshes: by(integer(undefined, 0, 1_000_000)),
    refreshTimeoutMs: someMs,
    storeTimeoutMs: ms,
  }),
} as const;
