/**
 * A histogram of latencies, or of anything else that is not negative, in
 * bounded memory.
 *
 * The buckets are those of HdrHistogram and of OpenTelemetry's exponential
 * histograms: each doubling of the value is divided into 64 of equal width. The
 * bucket of a value is then the top bits of the value as a float of 64 bits, so
 * that finding it takes no logarithm.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";

/** Bits of the mantissa that tell buckets apart: 2^6 to a doubling. */
const mantissaBits = 6;

/** The smallest value with a bucket of its own is 2^-20: a nanosecond, where values are milliseconds. */
const leastExponent = -20;

/** The largest is just below 2^44, where values are bytes 16 TiB. */
const beyondExponent = 44;

/** What a float holds beside its exponent. */
const exponentBias = 1023;

/** The top bits of the smallest value that has a bucket. */
const firstTop = (leastExponent + exponentBias) << mantissaBits;

/** How many buckets there are. */
const bucketCount = (beyondExponent - leastExponent) << mantissaBits;

/** Buckets are made room for in blocks of so many: what is measured lies close together most of the time. */
const blockBits = 8;
const blockSize = 1 << blockBits;
const blockCount = bucketCount >> blockBits;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** Which word of a float holds its exponent: the second one on all machines in use but a few. */
const high = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;

/**
 * A {@linkcode Histogram} as plain data, for another process or for a file.
 *
 * @example
 * ```ts
 * import { Histogram, type HistogramSnapshot } from "@wireway/wireway";
 * const snapshot: HistogramSnapshot = new Histogram().snapshot();
 * JSON.stringify(snapshot);
 * ```
 */
export interface HistogramSnapshot {
  /** How many values were recorded. */
  readonly count: number;
  /** Their sum. */
  readonly sum: number;
  /** The least of them; 0 where there is none. */
  readonly min: number;
  /** The greatest of them; 0 where there is none. */
  readonly max: number;
  /** The number of each bucket that is not empty, and how many values lie in it. */
  readonly buckets: readonly (readonly [bucket: number, count: number])[];
}

/**
 * Counts values in buckets that grow with them: whatever it is asked for is
 * right to within 0.8 percent, from 10⁻⁶ (a nanosecond, where values are
 * milliseconds) to 10¹³ (9 terabytes, where they are bytes). Values outside of
 * that are counted in the outermost buckets; `min`, `max`, `sum` and `count`
 * are exact always.
 *
 * Memory: 2 KB for each four doublings that values lie in, 32 KB at the most,
 * however many values there are. Recording takes some 10 ns and allocates
 * nothing. Histograms of several connections, processes or moments can be put
 * together without loss.
 *
 * A negative value, as of a clock that went back, is counted as 0; what is not
 * a number is not counted.
 *
 * @example
 * ```ts
 * import { Histogram, systemClock } from "@wireway/wireway";
 * const latency = new Histogram();
 * const startedAt = systemClock.now();
 * latency.record(systemClock.now() - startedAt);
 * console.log(latency.percentile(0.99), latency.max);
 * ```
 */
export class Histogram {
  readonly #blocks: (Float64Array | undefined)[] = new Array(blockCount).fill(undefined);
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;

  /** How many values were recorded. */
  get count(): number {
    return this.#count;
  }

  /** The sum of all values. */
  get sum(): number {
    return this.#sum;
  }

  /** The least value; undefined where there is none. */
  get min(): number | undefined {
    return this.#count === 0 ? undefined : this.#min;
  }

  /** The greatest value; undefined where there is none. */
  get max(): number | undefined {
    return this.#count === 0 ? undefined : this.#max;
  }

  /** The mean of all values; undefined where there is none. */
  get mean(): number | undefined {
    return this.#count === 0 ? undefined : this.#sum / this.#count;
  }

  /** Adds a value. */
  record(value: number): void {
    if (!(value > 0)) {
      if (Number.isNaN(value)) return;
      value = 0;
    }
    const bucket = bucketOf(value);
    (this.#blocks[bucket >> blockBits] ?? this.#block(bucket))[bucket & (blockSize - 1)]++;
    this.#count++;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** The value that the share `fraction` of all lies at or below; undefined where there is none. */
  percentile(fraction: number): number | undefined {
    if (this.#count === 0) return undefined;
    let rest = Math.ceil(this.#count * fraction);
    if (rest >= this.#count) return this.#max;
    const last = bucketOf(this.#max);
    for (let bucket = bucketOf(this.#min); bucket <= last; bucket++) {
      const block = this.#blocks[bucket >> blockBits];
      if (block === undefined) bucket |= blockSize - 1;
      else if ((rest -= block[bucket & (blockSize - 1)]) <= 0) return this.#valueOf(bucket);
    }
    return this.#max;
  }

  /** How many values lie at or below `bound`. A bucket that the bound lies in is counted where its middle does. */
  countAtOrBelow(bound: number): number {
    if (this.#count === 0 || bound < this.#min) return 0;
    if (bound >= this.#max) return this.#count;
    let count = 0;
    for (let bucket = bucketOf(this.#min); middleOf(bucket) <= bound; bucket++) {
      const block = this.#blocks[bucket >> blockBits];
      if (block === undefined) bucket |= blockSize - 1;
      else count += block[bucket & (blockSize - 1)];
    }
    return count;
  }

  /** Adds all that `other` has counted. */
  merge(other: Histogram): void {
    other.#blocks.forEach((theirs, index) => {
      if (theirs === undefined) return;
      const ours = this.#block(index << blockBits);
      for (let bucket = 0; bucket < blockSize; bucket++) ours[bucket] += theirs[bucket];
    });
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  /** Forgets all values. Keeps its memory. */
  reset(): void {
    for (const block of this.#blocks) block?.fill(0);
    this.#count = 0;
    this.#sum = 0;
    this.#min = Infinity;
    this.#max = 0;
  }

  /** What it has counted, as plain data. */
  snapshot(): HistogramSnapshot {
    const buckets: [number, number][] = [];
    this.#blocks.forEach((block, index) =>
      block?.forEach((count, bucket) => {
        if (count > 0) buckets.push([(index << blockBits) + bucket, count]);
      })
    );
    return { count: this.#count, sum: this.#sum, min: this.min ?? 0, max: this.#max, buckets };
  }

  /**
   * What was recorded since a snapshot was taken of this histogram. The least and the greatest of it are known as
   * well as all other values are, to within 0.8 percent, and not exactly.
   */
  since(before: HistogramSnapshot): Histogram {
    const fresh = new Histogram();
    const counted = new Map(before.buckets);
    this.#blocks.forEach((block, index) =>
      block?.forEach((all, within) => {
        const bucket = (index << blockBits) + within;
        const count = all - (counted.get(bucket) ?? 0);
        if (count <= 0) return;
        fresh.#block(bucket)[within] = count;
        fresh.#count += count;
        fresh.#min = Math.min(fresh.#min, this.#valueOf(bucket));
        fresh.#max = Math.max(fresh.#max, this.#valueOf(bucket));
      })
    );
    fresh.#sum = Math.max(0, this.#sum - before.sum);
    return fresh;
  }

  /** Makes a histogram of a snapshot. Throws `invalid-request` where it is none. */
  static from(snapshot: HistogramSnapshot): Histogram {
    const { count, sum, min, max, buckets } = snapshot;
    const histogram = new Histogram();
    let counted = 0;
    for (const [bucket, inBucket] of Array.isArray(buckets) ? buckets : []) {
      if (!isCount(bucket) || bucket >= bucketCount || !isCount(inBucket)) break;
      histogram.#block(bucket)[bucket & (blockSize - 1)] += inBucket;
      counted += inBucket;
    }
    const isWhole = isCount(count) && counted === count && [sum, min, max].every(Number.isFinite) && min <= max;
    if (!isWhole || min < 0) {
      throw new TransportError("invalid-request", "Cannot read histogram: the data is no snapshot of one");
    }
    if (count > 0) [histogram.#count, histogram.#sum, histogram.#min, histogram.#max] = [count, sum, min, max];
    return histogram;
  }

  #block(bucket: number): Float64Array {
    return this.#blocks[bucket >> blockBits] ??= new Float64Array(blockSize);
  }

  /** What stands for the values of a bucket. The first one holds all that are too small, down to 0. */
  #valueOf(bucket: number): number {
    return bucket === 0 ? this.#min : Math.min(this.#max, Math.max(this.#min, middleOf(bucket)));
  }
}

/** The bucket of a value of at least 0. */
function bucketOf(value: number): number {
  float[0] = value;
  const bucket = (words[high] >>> (20 - mantissaBits)) - firstTop;
  return bucket < 0 ? 0 : bucket < bucketCount ? bucket : bucketCount - 1;
}

/** The middle of a bucket: at most 1/128 from every value in it. */
function middleOf(bucket: number): number {
  words[1 - high] = 0;
  words[high] = ((bucket + firstTop) << (20 - mantissaBits)) | (1 << (19 - mantissaBits));
  return float[0];
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
