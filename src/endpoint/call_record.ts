/**
 * What the calls of one connection or endpoint were like.
 *
 * @module
 */

import { type Outcome, outcomeOf, outcomeOfReply } from "../core/outcome.ts";
import { Streamed } from "../core/streamed.ts";
import { Ewma, PeakEwma } from "../util/ewma.ts";

/** Times over which the past fades: that of Finagle's and tower's balancers. */
const decayMs = 10_000;

/**
 * What a failed call counts as, at the least, in milliseconds: an endpoint that
 * fails at once must not look like a fast one.
 */
const failureMs = 1000;

/** Latency and failures of late. */
export class CallRecord {
  /** Latency, rising at once and falling slowly. */
  readonly latency: PeakEwma = new PeakEwma(decayMs);
  /** The share of calls that failed. */
  readonly failures: Ewma = new Ewma(decayMs, 0);

  /** Takes note of a call that has ended. Those that say nothing about the far side are left out. */
  add(outcome: Outcome, latencyMs: number, now: number): void {
    if (outcome === "success") {
      this.latency.add(latencyMs, now);
      this.failures.add(0, now);
    } else if (outcome === "failure" || outcome === "overload") {
      this.latency.add(Math.max(latencyMs, failureMs), now);
      this.failures.add(1, now);
    }
  }
}

/** Times a call and takes note of how it ends; the reply comes by the same promise. */
export function recorded<Res>(call: Promise<Res>, record: CallRecord, now: () => number): Promise<Res> {
  const startedAt = now();
  const note = (outcome: Outcome): void => {
    const endedAt = now();
    record.add(outcome, endedAt - startedAt, endedAt);
  };
  call.then((reply) => {
    if (!(reply instanceof Streamed)) return note(outcomeOfReply(reply));
    // Its latency is that of the first word; whether it failed is known at its end.
    const latencyMs = now() - startedAt;
    reply.whenEnded((error) => {
      if (error === undefined) record.add("success", latencyMs, now());
      else note(outcomeOf(error));
    });
  }, (error) => note(outcomeOf(error)));
  return call;
}
