/**
 * What the live calls and the events of an endpoint say about it: that calls
 * fail, that they take longer than they used to, that nobody answers.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { counted, current, type Figures } from "../../core/figures.ts";
import type { Outcome } from "../../core/outcome.ts";
import type { CallListener } from "../measured_calls.ts";
import type { CheckPlan, Verdict } from "./check.ts";
import type { HealthSettings } from "./health_options.ts";
import type { EndpointHealth } from "./health_snapshot.ts";
import { RecentCalls } from "./recent_calls.ts";

/** The calls that what is usual must be known of. */
const usualFactor = 5;

/** See the module. */
export class EndpointChecks implements CallListener {
  readonly name: string;
  /** Middleware and observers that speak of it. */
  users = 0;
  ejected = false;
  readonly #settings: HealthSettings;
  readonly #onFailure: (endpoint: EndpointChecks, now: number) => void;
  readonly #calls: RecentCalls;
  #total = 0;
  #failed = 0;
  #inFlight = 0;
  /** Calls that have not got the first word of an answer. */
  #waiting = 0;
  /** When the last answer came, or calls began to wait for one. */
  #heardAt = 0;
  /** Calls in a row that nobody answered, and connects. */
  #unanswered = 0;
  #dialFailures = 0;
  #lastFailureAt = -Infinity;

  constructor(name: string, settings: HealthSettings, onFailure: (endpoint: EndpointChecks, now: number) => void) {
    this.name = name;
    this.#settings = settings;
    this.#onFailure = onFailure;
    this.#calls = new RecentCalls(settings.windowMs, settings.usualMs);
  }

  begun(now: number): void {
    this.#total++;
    this.#inFlight++;
    if (this.#waiting++ === 0) this.#heardAt = now;
  }

  answered(now: number, failed: boolean): void {
    this.#waiting--;
    // A failure may be that nobody answered: its end says which.
    if (!failed) this.#heardAt = now;
  }

  ended(outcome: Outcome, tookMs: number, now: number, error: unknown): void {
    this.#inFlight--;
    if (outcome === "success") {
      this.#calls.add(false, tookMs, now);
      this.#heard(now);
    } else if (outcome === "failure" || outcome === "overload") {
      this.#failed++;
      this.#calls.add(true, tookMs, now);
      if (isSilence(error)) {
        this.#unanswered++;
        this.#lastFailureAt = now;
      } else this.#heard(now);
      this.#onFailure(this, now);
    }
  }

  /** An attempt to connect failed. */
  dialFailed(now: number): void {
    this.#dialFailures++;
    this.#lastFailureAt = now;
    this.#onFailure(this, now);
  }

  /** A connection was opened. Returns how many attempts had failed before. */
  connected(): number {
    const failures = this.#dialFailures;
    this.#dialFailures = 0;
    return failures;
  }

  /** The checks. */
  plans(): CheckPlan[] {
    const { failureShare, latencyFactor, failuresInRow } = this.#settings;
    const about = { endpoint: this.name, required: false, liveness: false };
    return [
      { ...about, name: "errors", kind: "errors", threshold: failureShare, look: (now, bad) => this.#errors(now, bad) },
      {
        ...about,
        name: "latency",
        kind: "latency",
        threshold: latencyFactor,
        look: (now, bad) => this.#latency(now, bad),
      },
      { ...about, name: "peer", kind: "peer", threshold: failuresInRow, look: (now) => this.#peer(now) },
    ];
  }

  /** What is known of its calls. */
  figures(now: number): Omit<EndpointHealth, "state"> {
    const { calls, failures, latency } = this.#calls.recent(now);
    const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((share) => latency.percentile(share));
    const usualMs = this.#calls.usual(now).percentile(0.95);
    return {
      name: this.name,
      inFlight: this.#inFlight,
      calls,
      failures,
      ...(p50Ms === undefined ? {} : { p50Ms }),
      ...(p95Ms === undefined ? {} : { p95Ms }),
      ...(p99Ms === undefined ? {} : { p99Ms }),
      ...(usualMs === undefined ? {} : { usualMs }),
      ejected: this.ejected,
    };
  }

  /** What a stage of a chain shows of them. */
  readonly shown: Figures = () => {
    const { inFlight, p95Ms, ejected } = this.figures(this.#settings.clock.now());
    return [
      counted("calls", this.#total),
      counted("failed", this.#failed),
      current("in flight", inFlight),
      current("p95", p95Ms, "ms"),
      current("unanswered in a row", this.#unanswered),
      current("state", ejected ? "left out" : "in use"),
    ];
  };

  #heard(now: number): void {
    this.#heardAt = now;
    this.#unanswered = 0;
    // Who answers can be reached.
    this.#dialFailures = 0;
  }

  #errors(now: number, bad: boolean): Verdict {
    const { minCalls, failureShare, windowMs } = this.#settings;
    const { calls, failures } = this.#calls.counts(now);
    const reason = `${failures} of ${calls} calls failed in the last ${seconds(windowMs)}`;
    if (calls < minCalls) return { state: "unknown", reason };
    const measured = failures / calls;
    const well = failures === 0 || (bad ? measured <= failureShare / 2 : measured < failureShare);
    return { state: well ? "healthy" : "unhealthy", reason, measured };
  }

  #latency(now: number, bad: boolean): Verdict {
    const { minCalls, latencyFactor, latencyRiseMs } = this.#settings;
    const { latency } = this.#calls.recent(now);
    const usual = this.#calls.usual(now);
    const [late, before] = [latency.percentile(0.95), usual.percentile(0.95)];
    if (
      latency.count < minCalls || usual.count < usualFactor * minCalls || late === undefined || before === undefined
    ) {
      this.#calls.raised = false;
      return { state: "unknown", reason: `${latency.count} calls of late, ${usual.count} before: too few to compare` };
    }
    const factor = bad ? (1 + latencyFactor) / 2 : latencyFactor;
    const raised = late >= factor * before && late - before >= (bad ? latencyRiseMs / 2 : latencyRiseMs);
    this.#calls.raised = raised;
    const reason = `95 of 100 calls take up to ${late.toFixed(1)} ms, before that it was ${before.toFixed(1)} ms`;
    return { state: raised ? "degraded" : "healthy", reason, measured: before > 0 ? late / before : factor };
  }

  #peer(now: number): Verdict {
    const { failuresInRow, silentAfterMs, windowMs } = this.#settings;
    const silentMs = this.#waiting > 0 ? now - this.#heardAt : 0;
    if (silentMs >= silentAfterMs) {
      const reason = `${this.#waiting} calls in flight, and no answer for ${seconds(silentMs)}`;
      return { state: "unhealthy", reason, measured: this.#unanswered };
    }
    const measured = Math.max(this.#unanswered, this.#dialFailures);
    if (measured === 0) {
      const { calls } = this.#calls.counts(now);
      if (calls === 0) return { state: "unknown", reason: "no calls of late", measured };
      return { state: "healthy", reason: `${calls} calls of late, and the last one was answered`, measured };
    }
    const reason = this.#dialFailures > this.#unanswered
      ? `${measured} attempts to connect failed in a row`
      : `${measured} calls in a row got no answer`;
    // What was bad a while ago and was not tried since says nothing about now.
    if (now - this.#lastFailureAt >= windowMs) {
      return { state: "unknown", reason: `${reason}, and it was not tried since`, measured };
    }
    return { state: measured >= failuresInRow ? "unhealthy" : "unknown", reason, measured };
  }
}

/** Whether a call failed because nobody answered, and not by an answer that says so. */
function isSilence(error: unknown): boolean {
  if (!(error instanceof TransportError) || error.remote) return false;
  return ["connect-failed", "connect-timeout", "connection-lost", "deadline-exceeded"].includes(error.code);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
