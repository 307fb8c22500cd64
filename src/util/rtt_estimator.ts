/**
 * The retransmission timer of TCP (RFC 6298): how long to wait for an answer,
 * from how long answers take and by how much that varies.
 *
 * @module
 */

/** How much of a sample the mean takes on, and the deviation (RFC 6298, 2.3). */
const meanShare = 1 / 8;
const deviationShare = 1 / 4;

/** How many deviations an answer may be late. */
const deviations = 4;

/** What clocks and schedulers are off by, in milliseconds: the G of the RFC. */
const granularityMs = 1;

/** The most that timeouts in a row lengthen the time by. */
const maxBackoff = 64;

/** See the module. Bounds of the time are the caller's. */
export class RttEstimator {
  /** Answers that were measured. */
  samples = 0;
  /** The smoothed round-trip time, in milliseconds: SRTT. */
  meanMs = 0;
  #deviationMs = 0;
  #backoff = 1;

  /** An answer took so long. That of a request that was sent more than once must not be given (Karn's rule). */
  add(roundTripMs: number): void {
    if (this.samples++ === 0) {
      this.meanMs = roundTripMs;
      this.#deviationMs = roundTripMs / 2;
    } else {
      this.#deviationMs += (Math.abs(this.meanMs - roundTripMs) - this.#deviationMs) * deviationShare;
      this.meanMs += (roundTripMs - this.meanMs) * meanShare;
    }
    this.#backoff = 1;
  }

  /** No answer came in time: the time doubles until one does (5.5). */
  timedOut(): void {
    this.#backoff = Math.min(maxBackoff, 2 * this.#backoff);
  }

  /** How long to wait for an answer, in milliseconds: SRTT + 4·RTTVAR, doubled with each timeout. */
  get timeoutMs(): number {
    return this.#backoff * (this.meanMs + Math.max(granularityMs, deviations * this.#deviationMs));
  }
}
