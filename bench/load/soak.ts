/**
 * A long run under watch: whether memory grows.
 *
 * @module
 */

import { type Trend, trendOf } from "./trend.ts";

/** What a process had in memory at one moment, after its garbage was collected. */
export interface Sample {
  /** Seconds since the first. */
  at: number;
  /** Memory in RAM, in bytes. */
  rssBytes: number;
  /** Memory of JavaScript's objects, in bytes. */
  heapBytes: number;
}

/** How the memory of a process went. */
export interface Growth {
  /** By how much the line through all samples rises from the first to the last, in bytes. */
  rssBytes: number;
  /** The interval of 95 % for that, in bytes. */
  rssLow: number;
  rssHigh: number;
  /** How sure it is that it rises at all, from 0 to 1. */
  confidence: number;
  /** The last sample less the first, in bytes. */
  lastLessFirst: number;
  /** The same rise for the objects of JavaScript. */
  heapBytes: number;
  /** The last of the samples, in bytes. */
  rssAtEnd: number;
  /** How many samples there are. */
  samples: number;
}

/** Looks at a series. Samples from before the process has all its tables and compiled code are the caller's to leave out. */
export function growthOf(samples: readonly Sample[]): Growth {
  const [first, last] = [samples[0], samples[samples.length - 1]];
  const seconds = last === undefined ? 0 : last.at - first.at;
  const line = (pick: (sample: Sample) => number): Trend => trendOf(samples.map((sample) => [sample.at, pick(sample)]));
  const rss = line(({ rssBytes }) => rssBytes);
  const heap = line(({ heapBytes }) => heapBytes);
  return {
    rssBytes: rss.slope * seconds,
    rssLow: rss.low * seconds,
    rssHigh: rss.high * seconds,
    confidence: rss.confidence,
    lastLessFirst: samples.length === 0 ? 0 : last.rssBytes - first.rssBytes,
    heapBytes: heap.slope * seconds,
    rssAtEnd: last?.rssBytes ?? 0,
    samples: samples.length,
  };
}

/** How often memory is sampled in a run of so many seconds, in seconds: 40 times, and not more than once in 2 seconds. */
export function samplingSeconds(seconds: number): number {
  return Math.max(2, Math.min(30, seconds / 40));
}
