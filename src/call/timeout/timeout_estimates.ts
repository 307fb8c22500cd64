/**
 * How long a call may take, from how long others took.
 *
 * @module
 */

import { LatencyWindow } from "../../util/latency_window.ts";
import { Lru, type LruEntry } from "../../util/lru.ts";
import { RttEstimator } from "../../util/rtt_estimator.ts";

/** What estimates go by. */
export interface EstimateSettings {
  readonly strategy: "fixed" | "rtt" | "percentile";
  readonly initialMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly minSamples: number;
  readonly percentile: number;
  readonly factor: number;
  readonly windowMs: number;
}

/** The time of the calls of one key. */
export abstract class TimeoutEstimate implements LruEntry {
  readonly key: string;
  readonly bytes = 1;
  older: LruEntry | undefined = undefined;
  newer: LruEntry | undefined = undefined;
  /** The time that an observer was told of last. */
  toldMs: number;
  protected readonly settings: EstimateSettings;

  constructor(key: string, settings: EstimateSettings) {
    this.key = key;
    this.settings = settings;
    this.toldMs = settings.initialMs;
  }

  /** Calls that it knows of. */
  abstract get samples(): number;

  /** The time for a call, in milliseconds. */
  at(now: number): number {
    const { minSamples, initialMs, minMs, maxMs } = this.settings;
    if (this.samples < minSamples) return initialMs;
    return Math.min(maxMs, Math.max(minMs, this.estimate(now)));
  }

  /** A call was answered. */
  abstract answered(now: number, latencyMs: number): void;

  /** A call was not answered in this time: it would have taken longer. */
  abstract expired(now: number, afterMs: number): void;

  /** What the samples say, without bounds. */
  protected abstract estimate(now: number): number;
}

/** The estimates of the keys seen of late. */
export class TimeoutEstimates {
  readonly #settings: EstimateSettings;
  readonly #byKey: Lru<TimeoutEstimate>;

  constructor(settings: EstimateSettings, maxKeys: number) {
    this.#settings = settings;
    this.#byKey = new Lru(maxKeys, maxKeys);
  }

  /** That of a key; undefined where there was no call of it. */
  known(key: string): TimeoutEstimate | undefined {
    return this.#byKey.get(key);
  }

  /** That of a key, for a call. */
  of(key: string): TimeoutEstimate {
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      this.#byKey.touch(known);
      return known;
    }
    const made = new estimators[this.#settings.strategy](key, this.#settings);
    this.#byKey.add(made);
    return made;
  }
}

class FixedEstimate extends TimeoutEstimate {
  readonly samples = 0;

  override at(): number {
    return this.settings.initialMs;
  }

  answered(): void {}

  expired(): void {}

  protected estimate(): number {
    return this.settings.initialMs;
  }
}

class RttEstimate extends TimeoutEstimate {
  readonly #rtt = new RttEstimator();

  get samples(): number {
    return this.#rtt.samples;
  }

  answered(_now: number, latencyMs: number): void {
    this.#rtt.add(latencyMs);
  }

  expired(_now: number, afterMs: number): void {
    // A caller that gave it less time than that says nothing.
    if (afterMs >= this.#rtt.timeoutMs) this.#rtt.timedOut();
  }

  protected estimate(): number {
    return this.#rtt.timeoutMs;
  }
}

/** How often the percentile is looked up anew, as a share of the window. */
const looksPerWindow = 10;

class PercentileEstimate extends TimeoutEstimate {
  readonly #window: LatencyWindow;
  #percentileMs = 0;
  #lookAt = -Infinity;

  constructor(key: string, settings: EstimateSettings) {
    super(key, settings);
    this.#window = new LatencyWindow(settings.windowMs);
  }

  get samples(): number {
    return this.#window.total;
  }

  override at(now: number): number {
    if (now >= this.#lookAt) this.#look(now);
    return super.at(now);
  }

  answered(now: number, latencyMs: number): void {
    this.#window.record(now, latencyMs);
    if (this.samples <= this.settings.minSamples) this.#lookAt = now;
  }

  /**
   * It counts as having taken as long as it was waited for. Left out, the slow
   * ones would be missing from the window and the time would shrink, and more of
   * them be missing. One that had less time than the percentile says nothing.
   */
  expired(now: number, afterMs: number): void {
    if (afterMs < this.#percentileMs) return;
    this.#window.record(now, afterMs);
    this.#lookAt = now;
  }

  protected estimate(): number {
    return this.settings.factor * this.#percentileMs;
  }

  #look(now: number): void {
    const { windowMs, percentile } = this.settings;
    this.#percentileMs = this.#window.percentile(now, percentile);
    this.#lookAt = now + windowMs / looksPerWindow;
  }
}

const estimators = { fixed: FixedEstimate, rtt: RttEstimate, percentile: PercentileEstimate };
