/**
 * What the system's TCP has counted: segments sent, sent again, lost.
 *
 * @module
 */

import { tried } from "./host_process.ts";

/**
 * Counters of the system's TCP since it started, over all connections of all
 * programs that share its network. A counter that the system does not keep is
 * undefined.
 *
 * @example
 * ```ts
 * import { tcpCounters, type TcpCounters } from "@wireway/wireway";
 * const counters: TcpCounters | undefined = tcpCounters();
 * console.log(counters?.segmentsRetransmitted ?? "not known here");
 * ```
 */
export interface TcpCounters {
  /** Segments received, those with errors included. */
  readonly segmentsIn: number | undefined;
  /** Segments sent, without those that only repeat bytes. */
  readonly segmentsOut: number | undefined;
  /** Segments sent again because no acknowledgement came. */
  readonly segmentsRetransmitted: number | undefined;
  /** Segments sent again that were lost again. */
  readonly retransmissionsLost: number | undefined;
  /** Segments received with a wrong checksum or a wrong length. */
  readonly segmentsDamaged: number | undefined;
  /** Times that the wait for an acknowledgement ran out. */
  readonly timeouts: number | undefined;
  /** Connections turned away because a listener's backlog was full. */
  readonly backlogOverflows: number | undefined;
  /** Connections that are established now. */
  readonly established: number | undefined;
}

/**
 * Reads the counters of the system's TCP. Undefined where the system has none
 * (it is not Linux), or where they may not be read: Deno demands `--allow-all`
 * for `/proc`.
 *
 * @example How much of what was sent had to be sent again
 * ```ts
 * import { tcpCounters } from "@wireway/wireway";
 * const { segmentsOut, segmentsRetransmitted } = tcpCounters() ?? {};
 * if (segmentsOut && segmentsRetransmitted !== undefined) console.log(segmentsRetransmitted / segmentsOut);
 * ```
 */
export function tcpCounters(): TcpCounters | undefined {
  if (typeof Deno === "undefined" || Deno.build.os !== "linux") return undefined;
  const read = (path: string): string => tried(() => Deno.readTextFileSync(path)) ?? "";
  const counters = tcpCountersIn(read("/proc/net/snmp"), read("/proc/net/netstat"));
  return Object.values(counters).every((value) => value === undefined) ? undefined : counters;
}

/** The counters in the texts of `/proc/net/snmp` and `/proc/net/netstat`. */
export function tcpCountersIn(snmp: string, netstat: string): TcpCounters {
  const tcp = tableOf(snmp, "Tcp");
  const more = tableOf(netstat, "TcpExt");
  return {
    segmentsIn: tcp.get("InSegs"),
    segmentsOut: tcp.get("OutSegs"),
    segmentsRetransmitted: tcp.get("RetransSegs"),
    retransmissionsLost: more.get("TCPLostRetransmit"),
    segmentsDamaged: tcp.get("InErrs"),
    timeouts: more.get("TCPTimeouts"),
    backlogOverflows: more.get("ListenOverflows"),
    established: tcp.get("CurrEstab"),
  };
}

/** The values of a protocol by name: one line has the names, the next one the values. */
function tableOf(text: string, protocol: string): Map<string, number> {
  const [names = [], values = []] = text.split("\n").filter((line) => line.startsWith(`${protocol}:`))
    .map((line) => line.trim().split(/\s+/).slice(1));
  const pairs = names.map((name, index): [string, number] => [name, Number(values[index])]);
  return new Map(pairs.filter(([, value]) => Number.isFinite(value)));
}
