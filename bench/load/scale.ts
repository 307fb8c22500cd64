/**
 * Scales of a diagram: from values to places, and which values get a line.
 *
 * @module
 */

/** Puts values on an axis. */
export interface Scale {
  /** The place of a value. */
  at(value: number): number;
  /** The values that get a line. */
  ticks: number[];
}

/** An even axis from 0 to `max`, over the places `from` to `to`, with some `count` lines. */
export function linear(max: number, from: number, to: number, count: number): Scale {
  const top = max > 0 ? max : 1;
  const rough = top / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough)!;
  const ticks = Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step);
  return { at: (value) => from + (to - from) * value / top, ticks };
}

/** A logarithmic axis from the power of ten below `min` to the one above `max`. */
export function logarithmic(min: number, max: number, from: number, to: number): Scale {
  const low = Math.floor(Math.log10(min));
  const high = Math.max(low + 1, Math.ceil(Math.log10(max)));
  const at = (value: number): number => {
    const share = (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low);
    return from + (to - from) * Math.min(1, share);
  };
  return { at, ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)) };
}
