/**
 * All checks of health(), when they look, and what comes of it.
 *
 * @module
 */

import type { Timer } from "../../core/clock.ts";
import { TransportError } from "../../core/errors.ts";
import type { Observer } from "../../core/observer.ts";
import { textOf } from "../../core/thrown.ts";
import { Check, type CheckPlan } from "./check.ts";
import { EndpointChecks } from "./endpoint_checks.ts";
import { ConnectionEvents, HealthLog } from "./health_log.ts";
import { type HealthSettings, readProbe, readUse } from "./health_options.ts";
import type { HealthCheck, HealthSnapshot, HealthState } from "./health_snapshot.ts";
import { worstOf } from "./held_state.ts";
import { Probe } from "./probe.ts";
import { Use } from "./use.ts";

/** What stands for the endpoints that are too many. */
const others = "(others)";

/** An endpoint with its checks. */
interface Watched {
  readonly endpoint: EndpointChecks;
  readonly checks: readonly Check[];
  readonly events: ConnectionEvents;
}

/** See the module. */
export class HealthMonitor {
  readonly settings: HealthSettings;
  readonly #log: HealthLog;
  readonly #endpoints = new Map<string, Watched>();
  /** Checks of probes and uses. */
  readonly #asked: Check[] = [];
  readonly #probes: readonly Probe[];
  readonly #uses: readonly Use[];
  readonly #events: ConnectionEvents;
  #timer: Timer;

  constructor(settings: HealthSettings) {
    this.settings = settings;
    const { clock, probes, uses } = settings;
    this.#log = new HealthLog(settings.maxLogEntries);
    this.#events = new ConnectionEvents(this.#log, undefined, (name) => this.#endpoints.get(name)?.endpoint);
    const readings = Object.entries(probes).map(([name, options]) => [name, readProbe(name, options)] as const);
    this.#uses = Object.entries(uses).map(([name, options]) => new Use(name, readUse(name, options)));
    this.#probes = readings.map(([name, probe]) => {
      const made: Probe = new Probe(name, probe, clock, (now) => this.#look(checkOf.get(made)!, now));
      return made;
    });
    const checkOf = new Map<Probe | Use, Check>();
    for (const part of [...this.#probes, ...this.#uses]) {
      const check = this.#check(part.plan);
      checkOf.set(part, check);
      this.#asked.push(check);
    }
    this.#timer = this.#next();
  }

  /** The endpoint of that name, for one more that speaks of it. */
  use(name: string): Watched {
    const watched = this.#endpoint(name);
    watched.endpoint.users++;
    return watched;
  }

  /** One who spoke of the endpoint does not any more. */
  leave({ endpoint }: Watched): void {
    if (--endpoint.users === 0) this.#endpoints.delete(endpoint.name);
  }

  /** Whether calls should go to the endpoint. */
  isHealthy(name: string): boolean {
    const now = this.settings.clock.now();
    const states = this.#checksOf(name).map((check) => {
      // What only ever degrades has no say, and would cost the most.
      if (check.plan.kind !== "latency") this.#look(check, now);
      return check.state;
    });
    return worstOf(states) !== "unhealthy";
  }

  /** What connections and policies told. */
  observe(name: string | undefined): Observer {
    const { clock } = this.settings;
    if (name === undefined) return (event) => this.#events.hear(event, clock.now());
    const known = this.#endpoint(name).endpoint.name;
    // One that was forgotten is not made anew by the last words of its connections.
    return (event) => this.#endpoints.get(known)?.events.hear(event, clock.now());
  }

  snapshot(): HealthSnapshot {
    const now = this.settings.clock.now();
    this.#lookAtAll(now);
    const endpoints = Array.from(this.#endpoints.values(), ({ endpoint }) => {
      const { name, ...figures } = endpoint.figures(now);
      return { name, state: worstOf(this.#checksOf(name).map(({ state }) => state)), ...figures };
    });
    const checks = this.#all().map((check) => check.snapshot(now));
    const state = this.#overall(endpoints, checks);
    const isDown = ({ state }: HealthCheck): boolean => state === "unhealthy";
    const live = !checks.some((check) => check.liveness && isDown(check));
    const ready = state !== "unhealthy" && !checks.some((check) => check.required && isDown(check));
    return { state, ready, live, windowMs: this.settings.windowMs, checks, endpoints, log: this.#log.snapshot(now) };
  }

  close(): void {
    this.#timer.cancel();
    for (const probe of this.#probes) probe.end();
  }

  /** Looks at what may change by itself. */
  #next(): Timer {
    const { clock, lookEveryMs } = this.settings;
    const timer = clock.schedule(() => {
      this.#timer = this.#next();
      for (const use of this.#uses) use.read();
      this.#lookAtAll(clock.now());
    }, lookEveryMs);
    timer.hold(false);
    return timer;
  }

  #endpoint(name: string): Watched {
    const known = this.#endpoints.get(name);
    if (known !== undefined) return known;
    if (name === "") throw new TransportError("invalid-option", "Cannot watch endpoint: its name is empty");
    if (name !== others && this.#endpoints.size >= this.settings.maxEndpoints) return this.#endpoint(others);
    const now = this.settings.clock.now();
    const endpoint = new EndpointChecks(name, this.settings, (_, now) => this.#lookAt(checks, now));
    const checks = endpoint.plans().map((plan) => this.#check(plan));
    const events = new ConnectionEvents(this.#log, endpoint, (other) => this.#endpoints.get(other)?.endpoint);
    const watched = { endpoint, checks, events };
    this.#endpoints.set(name, watched);
    this.#lookAt(checks, now);
    return watched;
  }

  #check(plan: CheckPlan): Check {
    return new Check(plan, this.settings, this.settings.clock.now());
  }

  #all(): Check[] {
    return [...this.#asked, ...Array.from(this.#endpoints.values(), ({ checks }) => checks).flat()];
  }

  #checksOf(name: string): Check[] {
    const asked = this.#asked.filter(({ plan }) => plan.endpoint === name);
    return [...asked, ...this.#endpoints.get(name)?.checks ?? []];
  }

  #lookAtAll(now: number): void {
    this.#lookAt(this.#all(), now);
  }

  #lookAt(checks: readonly Check[], now: number): void {
    for (const check of checks) this.#look(check, now);
  }

  /** Looks at a check, writes down what has changed and tells of it. */
  #look(check: Check, now: number): void {
    const before = check.look(now);
    if (before === undefined) return;
    const { state } = check;
    const { endpoint, kind, name } = check.plan;
    const { reason } = check.snapshot(now);
    // That something works is news only where it did not.
    const isNews = state === "degraded" || state === "unhealthy" || before === "degraded" || before === "unhealthy";
    if (!isNews) return;
    const what = state === "unknown" ? "healthy" : state;
    const shown = kind === "probe" || kind === "use" ? `${kind} ${name}` : name;
    const text = state === "unknown" ? `${shown}: not held to be ${before} any more: ${reason}` : `${shown}: ${reason}`;
    this.#log.add(now, "health", what, endpoint, text);
    const { onUnhealthy, onHealthy } = this.settings;
    if (state === "unhealthy") this.#call("onUnhealthy", onUnhealthy, check, now);
    else if (before === "unhealthy") this.#call("onHealthy", onHealthy, check, now);
  }

  #call(name: string, hook: ((check: HealthCheck) => unknown) | undefined, check: Check, now: number): void {
    if (hook === undefined) return;
    const { endpoint } = check.plan;
    const { clock } = this.settings;
    const said = check.snapshot(now);
    new Promise((resolve) => resolve(hook(said))).then(
      (value) => {
        const text = typeof value === "string" ? `${name}: ${value}` : `${name} was called`;
        this.#log.add(clock.now(), "health", "hook-called", endpoint, text);
      },
      (error) => this.#log.add(clock.now(), "health", "hook-failed", endpoint, `${name} failed: ${textOf(error)}`),
    );
  }

  #overall(endpoints: readonly { state: HealthState }[], checks: readonly HealthCheck[]): HealthState {
    const own = worstOf(checks.filter(({ endpoint }) => endpoint === undefined).map(({ state }) => state));
    const ofEndpoints = worstOf(endpoints.map(({ state }) => state));
    const well = endpoints.filter(({ state }) => state !== "unhealthy").length;
    const enough = well >= this.settings.minHealthyShare * endpoints.length;
    return worstOf([own, ofEndpoints === "unhealthy" && enough ? "degraded" : ofEndpoints]);
  }
}
