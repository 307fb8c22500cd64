/**
 * Percentiles of the latest latencies, in a histogram of bounded size.
 *
 * @module
 */

import { TimeSlices } from "./time_slices.ts";

/** Buckets for each doubling of a latency: a percentile is right to within 4.5 percent. */
const bucketsPerDoubling = 16;

/** The smallest latency that has a bucket of its own: 2^-7 ms. */
const leastExponent = -7;

/** Doublings from there: up to 2^21 ms, some 35 minutes. */
const doublings = 28;

const bucketCount = doublings * bucketsPerDoubling;

/** Slices of the window. */
const sliceCount = 3;

/**
 * Latencies of the last `windowMs` milliseconds, in buckets that grow with
 * them. Takes 5 KB, however many latencies it is given.
 */
export class LatencyWindow {
  /** Latencies in the window. */
  total = 0;
  readonly #sums = new Uint32Array(bucketCount);
  readonly #slices: Uint32Array[] = Array.from({ length: sliceCount }, () => new Uint32Array(bucketCount));
  readonly #times: TimeSlices;

  constructor(windowMs: number) {
    this.#times = new TimeSlices(windowMs, sliceCount, (slice) => this.#drop(slice));
  }

  /** Adds a latency, in milliseconds. */
  record(now: number, latencyMs: number): void {
    const slice = this.#slices[this.#times.at(now)];
    const bucket = bucketOf(latencyMs);
    slice[bucket]++;
    this.#sums[bucket]++;
    this.total++;
  }

  /** The latency that the share `fraction` of all lies at or below, in milliseconds; 0 where there is none. */
  percentile(now: number, fraction: number): number {
    this.#times.at(now);
    let rest = Math.ceil(this.total * fraction);
    if (this.total === 0) return 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      rest -= this.#sums[bucket];
      if (rest <= 0) return topOf(bucket);
    }
    return topOf(bucketCount - 1);
  }

  #drop(index: number): void {
    const slice = this.#slices[index];
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      this.total -= slice[bucket];
      this.#sums[bucket] -= slice[bucket];
      slice[bucket] = 0;
    }
  }
}

function bucketOf(latencyMs: number): number {
  const bucket = Math.ceil((Math.log2(latencyMs) - leastExponent) * bucketsPerDoubling);
  // The logarithm of 0 is −Infinity.
  return Math.min(bucketCount - 1, Math.max(0, bucket));
}

function topOf(bucket: number): number {
  return 2 ** (bucket / bucketsPerDoubling + leastExponent);
}
