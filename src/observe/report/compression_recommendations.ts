/**
 * What a report says of compression: what saves nothing is not worth its work,
 * and what saves much is worth more of it where there are processors for it.
 *
 * @module
 */

import { change, enoughCalls, manyCalls, numberOf, replacement, round } from "./change.ts";
import type { CompressionPeriod } from "./compression_figures.ts";
import type { ReportFigures } from "./report_figures.ts";
import type { Recommendation } from "./report_snapshot.ts";

/** The least and the most that is recommended for `thresholdBytes`. */
const [leastThreshold, mostThreshold] = [256, 64 * 1024];

/** The share of bytes below which nothing to speak of is saved: what compress() itself goes by. */
const littleSaved = 0.1;

/** What should be changed of what compresses. */
export function forCompression(one: CompressionPeriod, { cpuShare }: ReportFigures): Recommendation[] {
  const { name, part: { adjustable }, compressed, plain, vain = 0, bytesBefore, bytesAfter, plainBytes } = one;
  const tried = compressed + vain;
  const threshold = numberOf(adjustable, "thresholdBytes");
  if (threshold === undefined || tried < enoughCalls) return [];
  // Where those that are sent as they are are not counted, all bytes are of those that were compressed.
  const [before, after] = [bytesBefore - (plainBytes ?? 0), bytesAfter - (plainBytes ?? 0)];
  const saved = before <= 0 ? 0 : Math.max(0, 1 - after / before);
  const { ratio } = one;
  const measured = { bytesBefore, bytesAfter, ratio, compressed, plain, vain: one.vain, cpuShare };
  const useless = vain >= (1 - littleSaved) * tried || (compressed > 0 && saved < littleSaved);
  const most = Math.min(mostThreshold, 4 * threshold);
  const withUse = cpuShare === undefined ? "" : `, with ${percent(cpuShare)} % of a processor in use`;
  const done = vain > 0
    ? `${vain} of ${tried} that were tried did not get smaller by a tenth`
    : `${tried} that were compressed have ${percent(saved)} % less bytes`;
  if (useless) {
    const mean = vain > 0 ? (plainBytes ?? bytesBefore) / plain : before / compressed;
    const why = `${done}, with ${round(mean)} bytes each`;
    if (mean < most && most > threshold) {
      const short = `${why}: short ones are not worth it`;
      return change(name, adjustable, "thresholdBytes", () => most, () => short, measured);
    }
    const off = `${why}${withUse}: the work is in vain`;
    return [
      ...replacement(name, adjustable, "format", "none", off, measured),
      ...replacement(name, adjustable, "encode", false, off, measured),
    ];
  }
  if (cpuShare !== undefined && cpuShare >= 0.9) return forLessWork(one, cpuShare, saved, most, measured);
  const short = plain - vain;
  const mean = (plainBytes ?? 0) / plain;
  const half = Math.max(leastThreshold, Math.floor(threshold / 2));
  const idle = cpuShare !== undefined && cpuShare < 0.5;
  const wanted = short >= manyCalls && vain < tried / 10 && (plainBytes ?? 0) >= bytesBefore / 2 && mean >= half;
  if (idle && wanted && saved >= 0.5 && half < threshold) {
    const why = `${plainBytes} of ${bytesBefore} bytes were sent as they are, in ${plain} of ${
      round(mean)
    } bytes each, those that were compressed have ${percent(saved)} % less${withUse}`;
    return change(name, adjustable, "thresholdBytes", () => half, () => why, measured);
  }
  return [];
}

/** Where processors are what is short: what costs the most for the least. */
function forLessWork(
  { name, part: { adjustable } }: CompressionPeriod,
  cpuShare: number,
  saved: number,
  threshold: number,
  measured: Readonly<Record<string, number | undefined>>,
): Recommendation[] {
  const use = `${percent(cpuShare)} % of a processor was in use`;
  const level = numberOf(adjustable, "level");
  if (level !== undefined && level > 1) {
    const why = `${use}, and level ${level} takes several times the work of level 1 for a tenth less bytes`;
    return change(name, adjustable, "level", () => 1, () => why, measured);
  }
  if (saved >= 0.3) return [];
  const why = `${use}, and what was compressed has no more than ${percent(saved)} % less bytes`;
  const larger = (from: number): number => Math.max(from, threshold);
  return change(name, adjustable, "thresholdBytes", larger, () => why, measured);
}

function percent(share: number): number {
  return Math.round(100 * share);
}
