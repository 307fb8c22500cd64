/**
 * What a config file may say, section by section: the options of the factories
 * that are plain data.
 *
 * @module
 */

import * as z from "zod";
import { FromVariables } from "./environment.ts";
import { byteRate } from "../../core/bandwidth_options.ts";
import {
  duration,
  flag,
  fraction,
  integer,
  integerOrInfinity,
  label,
  oneOf,
  type OptionRule,
} from "../../core/options.ts";

/** A rule for options as a schema. JSON knows no infinity: there it is the word. */
function by<T>(rule: OptionRule<T>): z.ZodType {
  return needed(rule).optional();
}

/** The same, of what must be given. */
function needed<T>(rule: OptionRule<T>): z.ZodType {
  const accepts = (value: unknown): boolean => rule.accepts(value);
  const check = z.custom<T>(accepts, { error: ({ input }) => `is ${show(input)}, allowed is ${rule.allowed}` });
  return z.preprocess((value) => {
    if (value === "Infinity" && accepts(Infinity)) return Infinity;
    return value instanceof FromVariables ? value.as(accepts) : value;
  }, check);
}

/** What was given. What came from variables may be secret, and is shown as it is written. */
function show(value: unknown): string {
  if (value instanceof FromVariables) return JSON.stringify(value.written);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function listOf(each: z.ZodType, what: string): z.ZodType {
  return z.array(each, { error: `is no list, allowed is ${what}` }).optional();
}

const port = by(integer(undefined, 0, 65_535));
const bytes = by(integer(undefined, 1, 0x7fff_ffff));
const bytesOrNone = by(integer(undefined, 0, 0x7fff_ffff));
const ms = by(duration(undefined));
const someMs = by(duration(undefined, 1));
const text = by(label(undefined));
const texts = listOf(by(label(undefined)), "a list of texts");
const bool = by(flag(false));
const count = by(integer(undefined, 1, 10_000_000));
const countOrNone = by(integer(undefined, 0, 10_000_000));
const share = by(fraction(undefined, 0, 1));
const weight = by(fraction(undefined, 0, 1000));
const backlog = by(integer(undefined, 1, 65_535));
const rate = by(byteRate);

const certificates = { cert: text, key: text, caCerts: texts };
const tls = z.union([
  z.boolean(),
  z.strictObject({ ...certificates, serverName: text, alpnProtocols: texts }),
], { error: "is wrong, allowed is true, false or an object of texts" }).optional();
const buffers = { highWaterBytes: bytesOrNone, maxBufferedBytes: bytes };
const listening = {
  hostname: text,
  port,
  path: text,
  tls,
  backlog,
  maxConnections: count,
  connectTimeoutMs: someMs,
  lingerMs: ms,
  ...buffers,
};
const socket = { ...listening, idleTimeoutMs: someMs, frameTimeoutMs: someMs };
const pages = {
  headers: z.record(z.string(), needed(label(undefined)), { error: "is no object of texts" }).optional(),
  origins: texts,
  heartbeatMs: someMs,
  livenessMs: someMs,
};
const resuming = { resumeWindowMs: ms, ackDelayMs: ms, retryMs: someMs, maxRetryMs: someMs, postTimeoutMs: someMs };
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

/** The sections, each called as the factory whose options it has. */
export const sections = {
  tcp: z.strictObject({ ...socket, noDelay: bool, keepAlive: bool }),
  websocket: z.strictObject({
    ...socket,
    url: text,
    protocols: texts,
    ...pages,
    compression: bool,
    thresholdBytes: bytesOrNone,
    maxMessageBytes: by(integer(undefined, 1, 0x1fff_ffe8)),
  }),
  sse: z.strictObject({
    ...listening,
    ...pages,
    maxMessageBytes: by(integer(undefined, 1, 128 * 1024 * 1024)),
    maxPostBytes: bytes,
    maxChannels: count,
    ...resuming,
  }),
  http: z.strictObject({
    hostname: text,
    port,
    origin: text,
    tls: z.strictObject(certificates).optional(),
    backlog,
    protocol: by(oneOf("auto", ["auto", "h1", "h2"])),
    client: by(oneOf("auto", ["auto", "sockets", "fetch"])),
    maxInFlight: by(integer(undefined, 1, 1_000_000)),
    resend: bool,
    connectTimeoutMs: someMs,
    headTimeoutMs: someMs,
    bodyTimeoutMs: someMs,
    continueTimeoutMs: ms,
    idleMarginMs: ms,
    maxHeadBytes: by(integer(undefined, 64, 16 * 1024 * 1024)),
    maxDrainBytes: bytesOrNone,
    decompress: bool,
  }),
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

/** A whole file, once its environment was laid over it. */
export const fileSchema: z.ZodType<Record<string, unknown>> = z.strictObject({
  $schema: text,
  preset: by(oneOf("medium", ["low", "medium", "high", "extreme"])),
  link: z.strictObject({
    bandwidthBitsPerSecond: needed(fraction(undefined, 1, 1e13)),
    roundTripMs: needed(fraction(undefined, 0, 3_600_000)),
  }).optional(),
  ...Object.fromEntries(Object.entries(sections).map(([name, schema]) => [name, schema.optional()])),
});

/** The keys that there are at a path of a file, to say what somebody meant. */
export function keysAt(path: readonly (string | number)[]): string[] {
  let schema: unknown = fileSchema;
  for (const step of path) {
    schema = bare(schema);
    schema = typeof step === "number"
      ? (schema as { element?: unknown })?.element
      : (schema as { shape?: Record<string, unknown> })?.shape?.[step];
  }
  const shape = (bare(schema) as { shape?: object } | undefined)?.shape;
  return shape === undefined ? [] : Object.keys(shape);
}

/** A schema without what is around it: optional, or the object of several forms. */
function bare(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional) return bare(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.find((one) => one instanceof z.ZodObject);
  return schema;
}
