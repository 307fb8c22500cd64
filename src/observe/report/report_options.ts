/**
 * The options of report(): what it is made of.
 *
 * @module
 */

import type { Adjustable } from "../../core/adjustable.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { duration, fraction, given, invalidOption, type OptionRule, readOptions } from "../../core/options.ts";
import type { EventLoopDelay } from "../event_loop_delay.ts";
import type { Objectives } from "../objectives/objectives.ts";

/**
 * A pool of connections that is reported on.
 *
 * @example
 * ```ts
 * import { chain, mux, pool, report, type ReportedPool, tcp } from "@wireway/wireway";
 * const connections = chain(tcp({ port: 9000 }), mux(), pool({ max: 4 }));
 * const orders: ReportedPool = { stats: () => connections.stats() };
 * report({ pools: { orders } });
 * ```
 */
export interface ReportedPool {
  /** What it does at this moment: a part of `PoolStats`. */
  stats(): {
    /** Connections that take calls. */
    readonly total: number;
    /** Connections that carry calls. */
    readonly active: number;
    /** Calls that wait for a connection. */
    readonly waiting: number;
    /** Calls that were given a connection, since the start. */
    readonly acquired: number;
    /** Calls that gave up waiting, since the start. */
    readonly timeouts: number;
    /** Attempts to connect that failed, since the start. */
    readonly errors: number;
    /** How long calls waited that had to. */
    readonly waitMs: {
      /** 95 of 100 waited no longer, in milliseconds. */
      readonly p95: number | undefined;
    };
  };
  /** Its settings: `min`, `max`, `idleTimeoutMs`. Without them nothing is recommended. */
  adjustable?: Adjustable;
}

/**
 * A limit on calls in flight that is reported on.
 *
 * @example
 * ```ts
 * import { concurrencyLimit, report, type ReportedLimit } from "@wireway/wireway";
 * const limit = concurrencyLimit({ max: 100 });
 * const calls: ReportedLimit = { stats: () => limit.stats() };
 * report({ limits: { calls } });
 * ```
 */
export interface ReportedLimit {
  /** What it does at this moment: a part of `ConcurrencyLimitStats`. */
  stats(): {
    /** Calls that may be in flight. */
    readonly limit: number;
    /** Calls in flight. */
    readonly inFlight: number;
    /** Calls refused so far. */
    readonly rejected: number;
  };
  /** Its settings: `max`. Without them nothing is recommended. */
  adjustable?: Adjustable;
}

/**
 * A rate limit that a report looks at: what `rateLimit()` gives.
 *
 * @example
 * ```ts
 * import { adjustablesOf, rateLimit, type ReportedRate } from "@wireway/wireway";
 * const limit = rateLimit({ windows: [{ calls: 100, perMs: 1000 }] });
 * const reported: ReportedRate = { stats: limit.stats, adjustable: adjustablesOf(limit)[0] };
 * ```
 */
export interface ReportedRate {
  /** What it does at this moment: a part of `RateLimitStats`. */
  stats(): {
    /** Keys that are known. */
    readonly keys: number;
    /** Calls refused so far. */
    readonly rejected: number;
  };
  /** Its settings: `windows[0].calls` and so on. Without them nothing is recommended. */
  adjustable?: Adjustable;
}

/**
 * Connections of one kind, with the buffers that they have.
 *
 * @example
 * ```ts
 * import { adjustablesOf, chain, linkStats, mux, type ReportedLink, tcp } from "@wireway/wireway";
 * const wire = chain(tcp({ port: 9000 }), mux());
 * const [buffers] = adjustablesOf(wire);
 * const reported: ReportedLink = { stats: linkStats(wire), roundTripMs: 40, adjustable: buffers };
 * ```
 */
export interface ReportedLink {
  /** What went over them: `linkStats()` of a transport, or the `channels` of a server. */
  stats(): {
    /** Connections that are open. */
    readonly connectionsOpen?: number;
    /** Bytes that have come, since the start. */
    readonly bytesIn?: number;
    /** Bytes that have gone, since the start. */
    readonly bytesOut?: number;
  };
  /** The time of a round trip, in milliseconds, as `ping()` tells it. @default {the fastest call that was answered} */
  roundTripMs?: number | (() => number | undefined);
  /** What one connection shall be able to carry, in bits a second. @default {the most that was measured} */
  bandwidthBitsPerSecond?: number;
  /** Its settings: `highWaterBytes`, `maxBufferedBytes`, `windowBytes`. Without them nothing is recommended. */
  adjustable?: Adjustable;
}

/**
 * What compresses messages or bodies.
 *
 * @example
 * ```ts
 * import { adjustablesOf, compress, CompressionStats, report, type ReportedCompression } from "@wireway/wireway";
 * const stats = new CompressionStats();
 * const orders: ReportedCompression = { stats: () => stats, adjustable: adjustablesOf(compress({ stats }))[0] };
 * report({ compressions: { orders } });
 * ```
 */
export interface ReportedCompression {
  /** What it has done since the start: `CompressionStats` or `ContentEncodingStats`. */
  stats(): {
    /** Messages sent compressed. */
    readonly compressed: number;
    /** Messages sent as they are. */
    readonly plain: number;
    /** Those of them that were compressed in vain. Absent where that is not known before they are sent. */
    readonly vain?: number;
    /** Bytes that were given to be sent. */
    readonly bytesBefore: number;
    /** Those of them that belong to messages sent as they are. Absent where they are not among the bytes. */
    readonly plainBytes?: number;
    /** Bytes that they were sent as. */
    readonly bytesAfter: number;
  };
  /** Its settings: `format`, `level`, `encode`, `thresholdBytes`. Without them nothing is recommended. */
  adjustable?: Adjustable;
}

/**
 * Options of {@linkcode report}. What is left out is not reported on.
 *
 * @example
 * ```ts
 * import { concurrencyLimit, objectives, report, type ReportOptions } from "@wireway/wireway";
 * using promised = objectives({ targets: { p95Ms: 100, errorRate: 0.001 } });
 * const limit = concurrencyLimit({ max: 100 });
 * const options: ReportOptions = { calls: promised, limits: { handler: { stats: limit.stats } } };
 * const { scores } = report(options).snapshot();
 * ```
 */
export interface ReportOptions {
  /** The calls: objectives() around all of them. Its targets are what the scores go by. */
  calls?: Pick<Objectives, "calls" | "targets">;
  /** Pools of connections, by name. */
  pools?: Readonly<Record<string, ReportedPool>>;
  /** Limits on calls in flight, by name. */
  limits?: Readonly<Record<string, ReportedLimit>>;
  /** Rate limits, by name. */
  rates?: Readonly<Record<string, ReportedRate>>;
  /** Connections with their buffers, by name. */
  links?: Readonly<Record<string, ReportedLink>>;
  /** What compresses, by name: `compressionsOf()` chains. */
  compressions?: Readonly<Record<string, ReportedCompression>>;
  /** Timeouts with a setting `ms`, by name. */
  timeouts?: Readonly<Record<string, Adjustable>>;
  /** Retries with a setting `maxAttempts`, by name. */
  retries?: Readonly<Record<string, Adjustable>>;
  /** Tells which share of processors works: a `HostMeter` of its own. */
  host?: {
    /** What it is since the last look. */
    read(): {
      /** Processors that worked for the process. */
      readonly cpuShare: number | undefined;
    };
  };
  /** How late the event loop is. */
  eventLoop?: Pick<EventLoopDelay, "read">;
  /** The time that a call may take for its caller to be satisfied, in milliseconds. @default {the target of p95Ms, else of p99Ms} */
  satisfiedMs?: number;
  /** The calls per second that are wanted. @default {the target of minPerSecond} */
  expectedPerSecond?: number;
  /** How far back it looks, in milliseconds. @default {600000} */
  periodMs?: number;
  /** Measures the time. @default {systemClock} */
  clock?: Clock;
}

/** The settings of report(), complete. */
export type ReportSettings = ReturnType<typeof readReport>;

const positive: OptionRule<number | undefined> = {
  ...fraction(undefined, Number.MIN_VALUE, Number.MAX_VALUE),
  allowed: "a number above 0",
};

/** Checks the options and fills in the defaults. */
// deno-lint-ignore explicit-function-return-type -- what it gives is what the rules below say
export function readReport(options: ReportOptions) {
  const settings = readOptions("report()", options, {
    calls: given<ReportOptions["calls"]>(undefined, "an object"),
    pools: given<Readonly<Record<string, ReportedPool>>>({}, "an object"),
    limits: given<Readonly<Record<string, ReportedLimit>>>({}, "an object"),
    rates: given<Readonly<Record<string, ReportedRate>>>({}, "an object"),
    links: given<Readonly<Record<string, ReportedLink>>>({}, "an object"),
    compressions: given<Readonly<Record<string, ReportedCompression>>>({}, "an object"),
    timeouts: given<Readonly<Record<string, Adjustable>>>({}, "an object"),
    retries: given<Readonly<Record<string, Adjustable>>>({}, "an object"),
    host: given<ReportOptions["host"]>(undefined, "an object"),
    eventLoop: given<ReportOptions["eventLoop"]>(undefined, "an object"),
    satisfiedMs: positive,
    expectedPerSecond: positive,
    periodMs: duration(600_000, 1),
    clock: given<Clock>(systemClock, "an object"),
  });
  const { pools, limits, rates, links, compressions, timeouts, retries, calls, periodMs } = settings;
  if (periodMs === Infinity) throw invalidOption("report()", "periodMs", periodMs, "a time that ends");
  const parts = { pools, limits, rates, links, compressions, timeouts, retries };
  const names = Object.values(parts).flatMap((some) => Object.keys(some));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  // A recommendation names what it is for.
  if (twice !== undefined) {
    throw invalidOption("report()", Object.keys(parts).join(", "), twice, "each name once");
  }
  const { p95Ms, p99Ms, minPerSecond, errorRate } = calls?.targets ?? {};
  return {
    ...settings,
    satisfiedMs: settings.satisfiedMs ?? p95Ms ?? p99Ms,
    expectedPerSecond: settings.expectedPerSecond ?? minPerSecond,
    errorBudget: errorRate ?? defaultErrorBudget,
  };
}

/** The share of calls that may fail where no target says so. */
const defaultErrorBudget = 0.001;
