/**
 * What health() says, as plain data.
 *
 * @module
 */

/**
 * How something is: `unknown` where nothing was measured yet, or not since it
 * was bad; `healthy`; `degraded`, it works and something is wrong with it
 * (latency rises, a limit is nearly used up); `unhealthy`, it does not work.
 *
 * @example
 * ```ts
 * import type { HealthState } from "@wireway/wireway";
 * const works = (state: HealthState): boolean => state !== "unhealthy";
 * ```
 */
export type HealthState = "unknown" | "healthy" | "degraded" | "unhealthy";

/**
 * What a check looks at: `probe`, what a function of yours says; `errors`, how
 * many live calls fail; `latency`, whether live calls take longer than they
 * used to; `peer`, whether the far side answers at all; `use`, how much of a
 * limit is used.
 *
 * @example
 * ```ts
 * import type { HealthCheckKind } from "@wireway/wireway";
 * const isPassive = (kind: HealthCheckKind): boolean => kind !== "probe" && kind !== "use";
 * ```
 */
export type HealthCheckKind = "probe" | "errors" | "latency" | "peer" | "use";

/**
 * One check, and how it stands.
 *
 * @example
 * ```ts
 * import type { HealthCheck } from "@wireway/wireway";
 * const line = ({ name, state, reason }: HealthCheck): string => `${name}: ${state}, ${reason}`;
 * ```
 */
export interface HealthCheck {
  /** Its name: that of a probe or a use; of the others their kind. */
  readonly name: string;
  /** What it looks at. */
  readonly kind: HealthCheckKind;
  /** The endpoint that it says something about; absent where it is about the whole. */
  readonly endpoint?: string;
  /** How it stands. */
  readonly state: HealthState;
  /** Why, with the numbers: `12 of 20 calls failed in the last 10 s`. */
  readonly reason: string;
  /** For how long it has been in that state, in milliseconds. */
  readonly forMs: number;
  /** How often its state has changed. */
  readonly changes: number;
  /** What was measured last: a share, a ratio of latencies, or failures in a row; absent where nothing was. */
  readonly measured?: number;
  /** From which measured value on it is bad. */
  readonly threshold: number;
  /** Whether the whole is not ready while it is unhealthy. */
  readonly required: boolean;
  /** Whether the program counts as dead while it is unhealthy. */
  readonly liveness: boolean;
}

/**
 * What is known of an endpoint.
 *
 * @example
 * ```ts
 * import type { EndpointHealth } from "@wireway/wireway";
 * const line = ({ name, state, calls, failures }: EndpointHealth): string => `${name} ${state} ${failures}/${calls}`;
 * ```
 */
export interface EndpointHealth {
  /** Its name. */
  readonly name: string;
  /** The worst of its checks. */
  readonly state: HealthState;
  /** Calls that wait for an answer. */
  readonly inFlight: number;
  /** Calls that ended of late and say something about it; see {@linkcode HealthSnapshot.windowMs}. */
  readonly calls: number;
  /** Those of them that failed. */
  readonly failures: number;
  /** Half of the calls of late took no longer, in milliseconds. */
  readonly p50Ms?: number;
  /** 95 of 100 calls of late took no longer, in milliseconds. */
  readonly p95Ms?: number;
  /** 99 of 100 calls of late took no longer, in milliseconds. */
  readonly p99Ms?: number;
  /** What 95 of 100 calls took before that, with which the latency is compared, in milliseconds. */
  readonly usualMs?: number;
  /** Whether balance() leaves it out, as far as its events said. */
  readonly ejected: boolean;
}

/**
 * One thing that happened, and who did it.
 *
 * @example
 * ```ts
 * import type { HealthLogEntry } from "@wireway/wireway";
 * const line = ({ agoMs, by, what, text }: HealthLogEntry): string => `${agoMs} ms ago ${by} ${what}: ${text}`;
 * ```
 */
export interface HealthLogEntry {
  /** How long ago, in milliseconds. */
  readonly agoMs: number;
  /** The endpoint that it happened to, where that is known. */
  readonly endpoint?: string;
  /** Who did it: `health`, or the name of the policy that told. */
  readonly by: string;
  /** What: see {@linkcode HealthDeed}. */
  readonly what: HealthDeed;
  /** How often in a row: repetitions are one entry, with the time and the words of the last. */
  readonly times: number;
  /** The same in words, with the numbers. */
  readonly text: string;
}

/**
 * What can happen. Of health()'s own: `degraded`, `unhealthy` and `healthy`, the
 * state of a check changed; `hook-called` and `hook-failed`. What it heard of
 * others: `ejected` and `readmitted` by balance(); `connection-lost`,
 * `dial-failed`, `redialled` (the first connection after failed attempts),
 * `refilled` (the first one after a loss); `drained`; `state-changed` of a
 * breaker, say.
 *
 * @example
 * ```ts
 * import type { HealthDeed } from "@wireway/wireway";
 * const recoveries: HealthDeed[] = ["healthy", "readmitted", "redialled", "refilled"];
 * ```
 */
export type HealthDeed =
  | "degraded"
  | "unhealthy"
  | "healthy"
  | "hook-called"
  | "hook-failed"
  | "ejected"
  | "readmitted"
  | "connection-lost"
  | "dial-failed"
  | "redialled"
  | "refilled"
  | "drained"
  | "state-changed";

/**
 * What health() knows now. It can be written as JSON.
 *
 * @example
 * ```ts
 * import { health, type HealthSnapshot } from "@wireway/wireway";
 * using watched = health();
 * const snapshot: HealthSnapshot = watched.snapshot();
 * console.log(JSON.stringify(snapshot));
 * ```
 */
export interface HealthSnapshot {
  /** How the whole is. */
  readonly state: HealthState;
  /** Whether the program should be given work. */
  readonly ready: boolean;
  /** Whether the program should be left running. */
  readonly live: boolean;
  /** How far back "of late" is, in milliseconds. */
  readonly windowMs: number;
  /** All checks. */
  readonly checks: readonly HealthCheck[];
  /** All endpoints. */
  readonly endpoints: readonly EndpointHealth[];
  /** What happened, the latest last; what is older than the log is long is gone. */
  readonly log: readonly HealthLogEntry[];
}
