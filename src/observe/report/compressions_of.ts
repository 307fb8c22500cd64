/**
 * What compresses in chains, as its stages tell it.
 *
 * @module
 */

import { adjustablesOf, stagesOf } from "../../core/describe.ts";
import type { ReportedCompression } from "./report_options.ts";

/** The factories whose stages compress. */
const compressing = ["compress", "contentEncoding"];

/**
 * Finds `compress()` and `contentEncoding()` in chains, with what they count and
 * what can be changed of them: for `compressions` of {@linkcode report}. Each is
 * named after its chain and its factory, such as `orders.compress`; further ones
 * of the same kind in one chain get a number.
 *
 * @example
 * ```ts
 * import { chain, compress, compressionsOf, mux, pool, report, tcp } from "@wireway/wireway";
 * const call = chain(tcp({ port: 9000 }), compress(), mux(), pool());
 * const performance = report({ compressions: compressionsOf({ orders: call }) });
 * for (const { name, ratio } of performance.snapshot().compressions) console.log(name, ratio); // "orders.compress"
 * ```
 */
export function compressionsOf(chains: Readonly<Record<string, object>>): Record<string, ReportedCompression> {
  const found: Record<string, ReportedCompression> = {};
  for (const [chain, part] of Object.entries(chains)) {
    for (const kind of compressing) {
      const adjustables = adjustablesOf(part).filter(({ name }) => name === kind);
      stagesOf(part).filter(({ name }) => name === kind).forEach(({ figures = () => [] }, index) => {
        const stats = (): ReturnType<ReportedCompression["stats"]> => {
          const all = new Map(figures().map(({ name, value }) => [name, value]));
          const number = (...names: string[]): number | undefined =>
            names.map((name) => all.get(name)).find((value) => typeof value === "number");
          return {
            compressed: number("compressed", "encoded") ?? 0,
            plain: number("plain") ?? 0,
            vain: number("in vain"),
            bytesBefore: number("bytes before") ?? 0,
            plainBytes: number("plain bytes"),
            bytesAfter: number("bytes after") ?? 0,
          };
        };
        found[`${chain}.${kind}${index === 0 ? "" : ` ${index + 1}`}`] = { stats, adjustable: adjustables[index] };
      });
    }
  }
  return found;
}
