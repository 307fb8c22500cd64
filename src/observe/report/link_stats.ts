/**
 * What went over the connections of a transport, as its stage tells it.
 *
 * @module
 */

import { stagesOf } from "../../core/describe.ts";
import type { ReportedLink } from "./report_options.ts";

/**
 * Reads what went over the connections of a chain: the figures of its wire, of
 * what it has dialled and what it has accepted together. For
 * {@linkcode ReportedLink.stats}.
 *
 * @example
 * ```ts
 * import { chain, linkStats, mux, tcp } from "@wireway/wireway";
 * const stats = linkStats(chain(tcp({ port: 9000 }), mux()));
 * console.log(stats().bytesOut);
 * ```
 */
export function linkStats(chain: object): ReportedLink["stats"] {
  const [wire] = stagesOf(chain);
  return () => {
    const figures = wire.figures?.() ?? [];
    const sum = (name: string): number | undefined => {
      const found = figures.filter((one) => one.name === name || one.name.endsWith(` ${name}`));
      const values = found.map(({ value }) => value).filter((value) => typeof value === "number");
      return values.length === 0 ? undefined : values.reduce((total, value) => total + value, 0);
    };
    // What http() dials are sessions: on own sockets a connection each.
    const connectionsOpen = sum("open") ?? sum("sessions");
    const [bytesIn, bytesOut] = ["bytes in", "bytes out"].map(sum);
    return {
      ...(connectionsOpen === undefined ? {} : { connectionsOpen }),
      ...(bytesIn === undefined ? {} : { bytesIn }),
      ...(bytesOut === undefined ? {} : { bytesOut }),
    };
  };
}
