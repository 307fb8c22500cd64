/**
 * What the report goes by of compression.
 *
 * @module
 */

import { growth } from "./growth.ts";
import type { ReportedCompression } from "./report_options.ts";
import type { CompressionReport } from "./report_snapshot.ts";

/** What only grows. */
export type CompressionTotals = Readonly<ReturnType<ReportedCompression["stats"]>>;

/** What compression did in the period. */
export interface CompressionPeriod extends CompressionTotals {
  readonly name: string;
  readonly part: ReportedCompression;
  /** Bytes given for each byte sent; undefined where none was sent. */
  readonly ratio: number | undefined;
}

/** A copy: what counts is often the very object that is given. */
export function compressionTotals(stats: CompressionTotals | undefined): CompressionTotals {
  const { compressed = 0, plain = 0, vain, bytesBefore = 0, plainBytes, bytesAfter = 0 } = stats ?? {};
  return { compressed, plain, vain, bytesBefore, plainBytes, bytesAfter };
}

/** What was done between two looks. */
export function compressionPeriod(
  name: string,
  part: ReportedCompression,
  before: CompressionTotals,
  after: CompressionTotals,
): CompressionPeriod {
  const grown = (of: keyof CompressionTotals): number => growth(before[of] ?? 0, after[of] ?? 0);
  const known = (of: "vain" | "plainBytes"): number | undefined => after[of] === undefined ? undefined : grown(of);
  const [bytesBefore, bytesAfter] = [grown("bytesBefore"), grown("bytesAfter")];
  return {
    name,
    part,
    compressed: grown("compressed"),
    plain: grown("plain"),
    vain: known("vain"),
    bytesBefore,
    plainBytes: known("plainBytes"),
    bytesAfter,
    ratio: bytesAfter === 0 ? undefined : bytesBefore / bytesAfter,
  };
}

/** What is told of it; nothing of what had nothing to do. */
export function compressionReport(
  { name, bytesBefore, bytesAfter, ratio, compressed, plain }: CompressionPeriod,
): CompressionReport[] {
  if (compressed + plain === 0) return [];
  return [{ name, bytesBefore, bytesAfter, ...(ratio === undefined ? {} : { ratio }), compressed, plain }];
}
