/**
 * Whether a series of measurements rises: linear regression by least squares.
 *
 * @module
 */

/** A line through points, and how sure it is. */
export interface Trend {
  /** How much y rises for each 1 of x. */
  slope: number;
  /** The interval of 95 % for the slope: infinite where there are fewer than three points. */
  low: number;
  /** Its upper end. */
  high: number;
  /** How sure it is that the slope is above 0, from 0 to 1. */
  confidence: number;
}

/**
 * Fits a line. The interval is that of Student's t-distribution with n − 2
 * degrees of freedom; it takes the errors of the points as independent.
 */
export function trendOf(points: readonly (readonly [x: number, y: number])[]): Trend {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  let [xx, xy, yy] = [0, 0, 0];
  for (const [x, y] of points) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  if (n < 2 || xx === 0) return { slope: 0, low: -Infinity, high: Infinity, confidence: 0.5 };
  const slope = xy / xx;
  const freedom = n - 2;
  if (freedom < 1) return { slope, low: -Infinity, high: Infinity, confidence: 0.5 };
  const residual = Math.max(0, yy - slope * xy);
  const error = Math.sqrt(residual / freedom / xx);
  const half = tQuantile(0.975, freedom) * error;
  const confidence = error === 0 ? (slope > 0 ? 1 : slope < 0 ? 0 : 0.5) : tDistribution(slope / error, freedom);
  return { slope, low: slope - half, high: slope + half, confidence };
}

/** The share of Student's t-distribution below `t`, by Simpson's rule over its density in the angle arctan(t / √ν). */
export function tDistribution(t: number, freedom: number): number {
  // With t = √ν tan θ the density is proportional to cos^(ν−1) θ: smooth, and on a bounded interval.
  const area = (to: number): number => {
    const steps = 400;
    const width = to / steps;
    let sum = 0;
    for (let i = 0; i <= steps; i++) {
      const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
      sum += weight * Math.cos(i * width) ** (freedom - 1);
    }
    return sum * width / 3;
  };
  return 0.5 + area(Math.atan(t / Math.sqrt(freedom))) / area(Math.PI / 2) / 2;
}

/** The t below which `share` of the distribution lies, by bisection. */
export function tQuantile(share: number, freedom: number): number {
  let [low, high] = [0, 1000];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (tDistribution(middle, freedom) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
