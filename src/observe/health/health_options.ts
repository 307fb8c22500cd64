/**
 * The options of health(): what they are, their defaults, and what is refused.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import type { CallContext } from "../../core/context.ts";
import { duration, flag, fraction, given, integer, invalidOption, label, readOptions } from "../../core/options.ts";
import type { HealthCheck } from "./health_snapshot.ts";

/**
 * Something that health() asks by itself.
 *
 * @example
 * ```ts
 * import { chain, health, mux, pool, type ProbeOptions, tcp, text } from "@wireway/wireway";
 * const call = chain(tcp({ port: 9000 }), mux(), text(), pool());
 * const orders: ProbeOptions = { check: (context) => call("ping", context), intervalMs: 5000, endpoint: "orders" };
 * using watched = health({ probes: { orders } });
 * ```
 */
export interface ProbeOptions {
  /**
   * Asks. It fails where it throws, or gives `false` or a response that is a
   * failure. The context is cancelled after `timeoutMs`: hand it on.
   */
  check: (context: CallContext) => unknown;
  /** Time from one beginning to the next, in milliseconds. @default {10000} */
  intervalMs?: number;
  /** How long it may take, in milliseconds. One that does not heed its context is not begun again before it has ended. @default {2000} */
  timeoutMs?: number;
  /** Failures in a row after which it is unhealthy. @default {3} */
  failures?: number;
  /** Successes in a row after which one that was unhealthy is healthy. @default {2} */
  successes?: number;
  /** The endpoint that it says something about. Default: none, it is about the whole. */
  endpoint?: string;
  /** Whether the whole is not ready while it is unhealthy. @default {true} without an endpoint, else false */
  required?: boolean;
  /** Whether the program is to be started anew where it is unhealthy. @default {false} */
  liveness?: boolean;
}

/**
 * Something that can be used up.
 *
 * @example
 * ```ts
 * import { concurrencyLimit, health, limitUse, type UseOptions } from "@wireway/wireway";
 * const limit = concurrencyLimit({ max: 100 });
 * const calls: UseOptions = { read: limitUse(limit), highAt: 0.95 };
 * using watched = health({ uses: { calls } });
 * ```
 */
export interface UseOptions {
  /** Which share is in use, from 0 to 1 and above; undefined where that is not known. */
  read: () => number | undefined;
  /** The share from which on it is nearly used up. @default {0.9} */
  highAt?: number;
  /** The share below which it is well again. @default {0.75} */
  lowAt?: number;
  /** Looks in a row that must say so. @default {3} */
  looks?: number;
  /** The endpoint that it says something about. Default: none, it is about the whole. */
  endpoint?: string;
}

/**
 * Options of {@linkcode health}.
 *
 * @example
 * ```ts
 * import { health, type HealthOptions } from "@wireway/wireway";
 * const options: HealthOptions = { minCalls: 50, failureShare: 0.2 };
 * using watched = health(options);
 * ```
 */
export interface HealthOptions {
  /** What is asked, by name. */
  probes?: Readonly<Record<string, ProbeOptions>>;
  /** What may be used up, by name. */
  uses?: Readonly<Record<string, UseOptions>>;
  /** How far back "of late" is, in milliseconds. @default {10000} */
  windowMs?: number;
  /** How far back what is usual goes, in milliseconds. @default {600000} */
  usualMs?: number;
  /** Calls of late that say something. @default {20} */
  minCalls?: number;
  /** The share of calls of late that fail from which on an endpoint is unhealthy; well again is half of it. @default {0.5} */
  failureShare?: number;
  /** How many times the usual latency is too much; well again is half of the way back. @default {2} */
  latencyFactor?: number;
  /** The least rise of latency that counts, in milliseconds. @default {10} */
  latencyRiseMs?: number;
  /** Calls or connects in a row without an answer after which an endpoint counts as dead. @default {5} */
  failuresInRow?: number;
  /** How long calls may be in flight with none being answered, in milliseconds. @default {30000} */
  silentAfterMs?: number;
  /** How long what is bad is held to be so, in milliseconds; twice as long with each relapse. @default {10000} */
  holdMs?: number;
  /** The longest hold, in milliseconds; what was well for so long starts anew. @default {300000} */
  maxHoldMs?: number;
  /** The share of endpoints that must not be unhealthy for the whole to be ready. @default {0.5} */
  minHealthyShare?: number;
  /** Time between looks, in milliseconds. @default {1000} */
  lookEveryMs?: number;
  /** Endpoints that are told apart; all others are one, `(others)`. @default {200} */
  maxEndpoints?: number;
  /** Whether a call lasts until its body or stream has ended, and not only until its head is there. @default {true} */
  streams?: boolean;
  /** Entries of the log. @default {200} */
  maxLogEntries?: number;
  /** Whether the routes tell the reasons, which may name hosts. @default {true} */
  reasons?: boolean;
  /** A check has become unhealthy. What it gives or throws, as a promise too, goes into the log. */
  onUnhealthy?: (check: HealthCheck) => unknown;
  /** A check is not unhealthy any more. */
  onHealthy?: (check: HealthCheck) => unknown;
  /** Measures times, and wakes it. @default {systemClock} */
  clock?: Clock;
}

/** The settings of a probe, complete. */
export type ProbeSettings = Readonly<Required<Omit<ProbeOptions, "endpoint">>> & { readonly endpoint?: string };

/** The settings of a use, complete. */
export type UseSettings = Readonly<Required<Omit<UseOptions, "endpoint">>> & { readonly endpoint?: string };

/** The settings of health(), complete. */
export type HealthSettings = ReturnType<typeof readHealthOptions>;

/** Checks the options and fills in the defaults. */
// deno-lint-ignore explicit-function-return-type -- what it gives is what the rules below say
export function readHealthOptions(options: HealthOptions) {
  const settings = readOptions("health()", options, {
    probes: given<Readonly<Record<string, ProbeOptions>>>({}, "an object"),
    uses: given<Readonly<Record<string, UseOptions>>>({}, "an object"),
    windowMs: duration(10_000, 1),
    usualMs: duration(600_000, 1),
    minCalls: integer(20, 1, 1_000_000_000),
    failureShare: fraction(0.5, 0, 1),
    latencyFactor: fraction(2, 1, 1000),
    latencyRiseMs: duration(10),
    failuresInRow: integer(5, 1, 1_000_000),
    silentAfterMs: duration(30_000, 1),
    holdMs: duration(10_000),
    maxHoldMs: duration(300_000),
    minHealthyShare: fraction(0.5, 0, 1),
    lookEveryMs: duration(1000, 1),
    maxEndpoints: integer(200, 1, 100_000),
    maxLogEntries: integer(200, 1, 100_000),
    streams: flag(true),
    reasons: flag(true),
    onUnhealthy: given<HealthOptions["onUnhealthy"]>(undefined, "a function"),
    onHealthy: given<HealthOptions["onHealthy"]>(undefined, "a function"),
    clock: given<Clock>(systemClock, "an object"),
  });
  for (const name of ["windowMs", "usualMs", "lookEveryMs", "maxHoldMs"] as const) {
    if (settings[name] === Infinity) throw invalidOption("health()", name, Infinity, "a time that ends");
  }
  const { windowMs, usualMs, holdMs, maxHoldMs } = settings;
  if (usualMs < windowMs) throw invalidOption("health()", "usualMs", usualMs, `windowMs (${windowMs}) or more`);
  if (holdMs > maxHoldMs) throw invalidOption("health()", "holdMs", holdMs, `maxHoldMs (${maxHoldMs}) or less`);
  return settings;
}

/** Checks the options of a probe and fills in the defaults. */
export function readProbe(name: string, options: ProbeOptions): ProbeSettings {
  const { check, endpoint, ...rest } = readOptions(`probe ${name} of health()`, options, {
    check: given<ProbeOptions["check"] | undefined>(undefined, "a function"),
    intervalMs: duration(10_000, 1),
    timeoutMs: duration(2000, 1),
    failures: integer(3, 1, 1_000_000),
    successes: integer(2, 1, 1_000_000),
    endpoint: label(undefined),
    required: flag(options?.endpoint === undefined),
    liveness: flag(false),
  });
  const owner = `probe ${name} of health()`;
  if (check === undefined) throw invalidOption(owner, "check", check, "a function");
  if (rest.intervalMs === Infinity) throw invalidOption(owner, "intervalMs", Infinity, "a time that ends");
  return { check, ...rest, ...(endpoint === undefined ? {} : { endpoint }) };
}

/** Checks the options of a use and fills in the defaults. */
export function readUse(name: string, options: UseOptions): UseSettings {
  const owner = `use ${name} of health()`;
  const { read, endpoint, ...rest } = readOptions(owner, options, {
    read: given<UseOptions["read"] | undefined>(undefined, "a function"),
    highAt: fraction(0.9, 0, 1_000_000),
    lowAt: fraction(0.75, 0, 1_000_000),
    looks: integer(3, 1, 1_000_000),
    endpoint: label(undefined),
  });
  if (read === undefined) throw invalidOption(owner, "read", read, "a function");
  if (rest.lowAt > rest.highAt) throw invalidOption(owner, "lowAt", rest.lowAt, `highAt (${rest.highAt}) or less`);
  return { read, ...rest, ...(endpoint === undefined ? {} : { endpoint }) };
}
