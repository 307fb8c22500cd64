/**
 * What is measured for objectives(), and what is looked at in it.
 *
 * @module
 */

import type { Timer } from "../../core/clock.ts";
import { TransportError } from "../../core/errors.ts";
import { counted, current, type Figures } from "../../core/figures.ts";
import type { Outcome } from "../../core/outcome.ts";
import { looking } from "../../util/looking.ts";
import { BoundedLog } from "../bounded_log.ts";
import type { CallListener } from "../measured_calls.ts";
import { BurnAlert } from "./burn_alert.ts";
import { meets, type Objective, objectivesFor } from "./objective.ts";
import type { ObjectivesSettings } from "./objectives_options.ts";
import type { Alert, ObjectiveFigures, ObjectivesSnapshot } from "./objectives_snapshot.ts";
import { type Share, StepCounts } from "./step_counts.ts";
import { Trend, type TrendFigures } from "./trend.ts";

/** Refusals that are the caller's own fault: no promise was broken. */
const ownFaults = ["invalid-request", "invalid-option", "message-too-large", "unsupported"];

/** See the module. */
export class ObjectivesMonitor implements CallListener {
  readonly objectives: readonly Objective[];
  readonly #settings: ObjectivesSettings;
  readonly #counts: StepCounts;
  readonly #trend: Trend;
  readonly #alerts: readonly (readonly BurnAlert[])[];
  readonly #recent: BoundedLog<Alert>;
  /** The targets of latency, with their place among the objectives. */
  readonly #latencies: readonly { readonly index: number; readonly target: number }[];
  readonly #errors: number;
  #begun = 0;
  #calls = 0;
  #failures = 0;
  #lookedAt: number;
  #callsThen = 0;
  #timer: Timer;

  constructor(settings: ObjectivesSettings) {
    this.#settings = settings;
    const { targets, lookBudget, stepMs, spanMs, trendMs, clock, windows } = settings;
    const now = clock.now();
    this.objectives = objectivesFor(targets, lookBudget);
    this.#counts = new StepCounts(this.objectives.length, stepMs, spanMs);
    this.#trend = new Trend(stepMs, trendMs, now);
    this.#recent = new BoundedLog(settings.maxAlerts);
    this.#alerts = this.objectives.map((objective) =>
      windows.map((window) => new BurnAlert(objective, window, settings))
    );
    this.#latencies = this.objectives.flatMap(({ of, target }, index) => of === "answers" ? [{ index, target }] : []);
    this.#errors = this.objectives.findIndex(({ of }) => of === "calls");
    this.#lookedAt = now;
    this.#timer = this.#next();
  }

  begun(): void {
    this.#begun++;
  }

  /** What a stage of a chain shows. */
  readonly figures: Figures = () => {
    const now = this.#settings.clock.now();
    this.#decide(now);
    const figures = this.#trend.read(this.#settings.shortestMs, now);
    const known = this.objectives.flatMap((objective) => {
      const measured = objective.measured(figures);
      return measured === undefined ? [] : [meets(objective, measured)];
    });
    return [
      counted("calls", this.#begun),
      counted("ended", this.#calls),
      counted("errors", this.#failures),
      current("met", known.length === 0 ? undefined : known.filter((met) => met).length),
      current("missed", known.length === 0 ? undefined : known.filter((met) => !met).length),
      current("alerts", this.#alerts.flat().filter(({ open }) => open !== undefined).length),
    ];
  };

  ended(outcome: Outcome, tookMs: number, now: number, error: unknown): void {
    if (outcome === "cancelled" || outcome === "superseded") return;
    const isError = outcome !== "success" &&
      !(error instanceof TransportError && !error.remote && ownFaults.includes(error.code));
    const step = this.#counts.at(now);
    const point = this.#trend.at(now);
    this.#calls++;
    point.calls++;
    if (isError) {
      point.errors++;
      this.#failures++;
      if (error instanceof TransportError && error.code === "deadline-exceeded") point.timedOut++;
    }
    if (this.#errors >= 0) this.#counts.add(this.#errors, step, isError);
    if (outcome !== "success") return;
    point.latency.record(tookMs);
    for (const { index, target } of this.#latencies) this.#counts.add(index, step, tookMs > target);
  }

  /** What was measured in the last `windowMs`. */
  read(windowMs: number): TrendFigures {
    return this.#trend.read(windowMs, this.#settings.clock.now());
  }

  snapshot(): ObjectivesSnapshot {
    const now = this.#settings.clock.now();
    this.#decide(now);
    const figures = this.#trend.read(this.#settings.shortestMs, now);
    return {
      name: this.#settings.name,
      objectives: this.objectives.map((objective, index) => this.#figures(objective, index, figures, now)),
      open: this.#alerts.flat().flatMap(({ open }) => open ?? []),
      recent: [...this.#recent.entries],
      trend: this.#trend.points(now),
    };
  }

  close(): void {
    this.#timer.cancel();
  }

  #figures(objective: Objective, index: number, figures: TrendFigures, now: number): ObjectiveFigures {
    const { name, target, budget } = objective;
    const measured = objective.measured(figures);
    const { windows } = this.#settings;
    return {
      name,
      target,
      budget,
      ...(measured === undefined ? {} : { measured, met: meets(objective, measured) }),
      burn: this.#alerts[index].map((alert, pair) => alert.figures(...this.#shares(index, windows[pair], now))),
    };
  }

  #shares(index: number, { longMs, shortMs }: { longMs: number; shortMs: number }, now: number): [Share, Share] {
    return [this.#counts.read(index, longMs, now), this.#counts.read(index, shortMs, now)];
  }

  #next(): Timer {
    const { clock, lookEveryMs } = this.#settings;
    const timer = clock.schedule(() => {
      this.#timer = this.#next();
      const now = clock.now();
      this.#look(now);
      this.#decide(now);
    }, lookEveryMs);
    timer.hold(false);
    return timer;
  }

  /** Looks at what is no matter of single calls. */
  #look(now: number): void {
    let host: { residentBytes?: number | undefined; cpuShare?: number | undefined } = {};
    looking(() => host = this.#settings.host?.read() ?? {});
    const { residentBytes, cpuShare } = host;
    this.#trend.at(now).sample(residentBytes, cpuShare);
    const passedMs = now - this.#lookedAt;
    const perSecond = passedMs > 0 ? (this.#calls - this.#callsThen) / (passedMs / 1000) : undefined;
    this.#lookedAt = now;
    this.#callsThen = this.#calls;
    const seen = { minPerSecond: perSecond, maxResidentBytes: residentBytes, maxCpuShare: cpuShare };
    const step = this.#counts.at(now);
    this.objectives.forEach((objective, index) => {
      if (objective.of !== "looks") return;
      const value = seen[objective.name as keyof typeof seen];
      if (value !== undefined) this.#counts.add(index, step, !meets(objective, value));
    });
  }

  /** Opens and ends alerts, and tells of them. */
  #decide(now: number): void {
    const { windows, shortestMs, onAlert } = this.#settings;
    this.objectives.forEach((objective, index) => {
      const measured = (): number | undefined => objective.measured(this.#trend.read(shortestMs, now));
      this.#alerts[index].forEach((alert, pair) => {
        const told = alert.look(...this.#shares(index, windows[pair], now), measured, now);
        if (told === undefined) return;
        this.#recent.add(told);
        if (onAlert !== undefined) looking(() => onAlert(told));
      });
    });
  }
}
