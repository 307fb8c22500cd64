/**
 * Recorder: the metrics of the last minutes and hours, in bounded memory.
 *
 * @module
 */

import { integer, readOptions } from "../../core/options.ts";
import type { MetricSource } from "../metric.ts";
import { MetricReadings, type ReadSeries } from "./metric_readings.ts";

export type { ReadSeries } from "./metric_readings.ts";

/**
 * Options of {@linkcode Recorder}.
 *
 * @example
 * ```ts
 * import { Recorder, type RecorderOptions } from "@wireway/wireway";
 * const options: RecorderOptions = { recentSize: 60 };
 * new Recorder([], options);
 * ```
 */
export interface RecorderOptions {
  /** How many readings are kept one by one. @default {600} ten minutes of one a second */
  recentSize?: number;
  /** How many readings are put together to one of the long ones. @default {60} */
  perLong?: number;
  /** How many of the long ones are kept. @default {360} six hours of one a minute */
  longSize?: number;
  /** How many series are kept; what comes later is left out. @default {500} */
  maxSeries?: number;
}

/**
 * One reading: the values of all series at one moment.
 *
 * @example
 * ```ts
 * import type { Reading } from "@wireway/wireway";
 * const first = ({ values }: Reading): number | undefined => values[0];
 * ```
 */
export interface Reading {
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** By the place of the series; undefined, or nothing, where there was no value. */
  readonly values: readonly (number | undefined)[];
}

/**
 * Reads metrics whenever it is told to, and keeps what it has read: the latest
 * readings one by one, older ones put together. Of rates and gauges the mean
 * stands for what was put together, of percentiles the greatest.
 *
 * Memory: 8 bytes for each series and reading that is kept, 4 MB with 500
 * series at the most.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { HostMeter, hostMetrics, Recorder } from "@wireway/wireway";
 * const recorder = new Recorder([hostMetrics(new HostMeter())]);
 * setInterval(() => recorder.read(performance.now(), Date.now()), 1000);
 * ```
 */
export class Recorder {
  readonly #readings: MetricReadings;
  readonly #settings: { readonly recentSize: number; readonly perLong: number; readonly longSize: number };
  readonly #recent: Reading[] = [];
  readonly #long: Reading[] = [];
  #gathered: Reading[] = [];

  /** Makes a recorder that has read nothing yet. */
  constructor(sources: readonly MetricSource[], options: RecorderOptions = {}) {
    const { maxSeries, ...settings } = readOptions("Recorder", options, {
      recentSize: integer(600, 1, 100_000),
      perLong: integer(60, 1, 100_000),
      longSize: integer(360, 1, 100_000),
      maxSeries: integer(500, 1, 100_000),
    });
    this.#settings = settings;
    this.#readings = new MetricReadings(sources, maxSeries);
  }

  /** All series so far; a series keeps its place. */
  get series(): readonly ReadSeries[] {
    return this.#readings.series;
  }

  /** How many series were left out of the last reading, since there was no room. */
  get left(): number {
    return this.#readings.left;
  }

  /** The latest readings, the oldest first. */
  get recent(): readonly Reading[] {
    return this.#recent;
  }

  /** Older readings, put together. */
  get long(): readonly Reading[] {
    return this.#long;
  }

  /** Reads all metrics: at `now` on a clock that does not jump, and at the date `at`. */
  read(now: number, at: number): Reading {
    return this.#keep({ at, values: this.#readings.read(now) });
  }

  /** Says that there was a pause: what comes next is no continuation of what was before. */
  pause(at: number): void {
    this.#readings.pause();
    if (this.#recent.length > 0) this.#keep({ at, values: [] });
  }

  #keep(reading: Reading): Reading {
    const { recentSize, perLong, longSize } = this.#settings;
    this.#recent.push(reading);
    if (this.#recent.length > recentSize) this.#recent.shift();
    this.#gathered.push(reading);
    if (this.#gathered.length >= perLong) {
      this.#long.push(this.#together(this.#gathered));
      if (this.#long.length > longSize) this.#long.shift();
      this.#gathered = [];
    }
    return reading;
  }

  #together(readings: readonly Reading[]): Reading {
    const values = this.series.map(({ stat }, place) => {
      let [sum, count, most] = [0, 0, -Infinity];
      for (const reading of readings) {
        const value = reading.values[place];
        if (value === undefined) continue;
        sum += value;
        count++;
        most = Math.max(most, value);
      }
      if (count === 0) return undefined;
      return stat === "now" || stat === "rate" ? sum / count : most;
    });
    return { at: readings[readings.length - 1].at, values };
  }
}
