/**
 * What of a host's limits is in the way of a load, and what to do about it.
 *
 * @module
 */

import { fraction, integer, readOptions } from "../../core/options.ts";
import { bytesOnTheWay } from "../../util/bytes_on_the_way.ts";
import { isSteady, manyCallsPerSecond, steadyV8Flags } from "./garbage.ts";
import type { HostLimits } from "./host_limits.ts";

/**
 * The load that a host shall carry.
 *
 * @example
 * ```ts
 * import { diagnose, hostLimits, type HostLoad } from "@wireway/wireway/doctor";
 * const load: HostLoad = { connections: 10_000, connectionsPerSecond: 500 };
 * diagnose(hostLimits(), load);
 * ```
 */
export interface HostLoad {
  /** Connections open at once. @default {1000} */
  connections?: number;
  /** Connections made a second, by clients of this host or to servers on it. @default {connections / 10} */
  connectionsPerSecond?: number;
  /** Calls or messages that one process shall answer a second. Default: the collection of garbage is not looked at. */
  callsPerSecond?: number;
  /** What one connection shall carry, in bits a second. Default: the buffers are not looked at. */
  bandwidthBitsPerSecond?: number;
  /** The round trip to the peers, in milliseconds. @default {50} */
  roundTripMs?: number;
  /** Whether the connections go out from here, all to one address, instead of coming in. @default {false} */
  outgoing?: boolean;
}

/**
 * What was found of one limit.
 *
 * @example
 * ```ts
 * import type { Finding } from "@wireway/wireway/doctor";
 * const isTrouble = ({ verdict }: Finding): boolean => verdict === "change";
 * ```
 */
export interface Finding {
  /** What the limit is called: `net.core.somaxconn`. */
  readonly name: string;
  /** `good` for the load; `change`, which is in its way; `unknown`, what could not be read. */
  readonly verdict: "good" | "change" | "unknown";
  /** What it is now, in words. */
  readonly now: string;
  /** Why that is so. */
  readonly why: string;
  /** What would change it, to be run by somebody who may; none where all is good. */
  readonly commands: readonly string[];
}

/** A load that takes no ports: its connections come in. */
const none = { connections: 0, connectionsPerSecond: 0 };

/** Descriptors that a process has beside its connections: files, listeners, pipes, of the runtime too. */
const otherDescriptors = 256;

/** How long a port of an ended connection is kept from use, in seconds; Linux has it built in. */
const timeWaitSeconds = 60;

/**
 * Compares a host's limits with the load that it shall carry. It only says what
 * to do: nothing is changed.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { diagnose, hostLimits } from "@wireway/wireway/doctor";
 * for (const { name, verdict, why, commands } of diagnose(hostLimits(), { connections: 10_000 })) {
 *   if (verdict === "change") console.log(name, why, commands.join("; "));
 * }
 * ```
 */
export function diagnose(limits: HostLimits, load: HostLoad = {}): Finding[] {
  const read = readOptions("diagnose()", load, {
    connections: integer(1000, 1, 100_000_000),
    connectionsPerSecond: fraction(undefined, 0, 100_000_000),
    callsPerSecond: fraction(undefined, 0, 1e9),
    bandwidthBitsPerSecond: fraction(undefined, 1, 1e13),
    roundTripMs: fraction(50, 0, 3_600_000),
    outgoing: { allowed: "true or false", fallback: false, accepts: (value) => typeof value === "boolean" },
  });
  const perSecond = read.connectionsPerSecond ?? read.connections / 10;
  const complete = { ...read, connectionsPerSecond: perSecond };
  return [
    openFiles(limits, complete.connections),
    ...(complete.outgoing ? [] : backlogs(limits, perSecond)),
    ...ports(limits, complete.outgoing ? complete : none),
    ...(read.bandwidthBitsPerSecond === undefined
      ? []
      : buffers(limits, bytesOnTheWay(read.bandwidthBitsPerSecond, read.roundTripMs))),
    ...switches(limits),
    finTimeout(limits),
    ...(read.callsPerSecond === undefined ? [] : [garbage(limits, read.callsPerSecond)]),
  ];
}

function openFiles({ openFiles }: HostLimits, connections: number): Finding {
  const name = "open files";
  if (openFiles === undefined) return unknown(name, "each connection is an open file");
  const { soft, hard } = openFiles;
  const needed = connections + otherDescriptors;
  const now = `${count(soft)} (soft), ${count(hard)} (hard)`;
  if (soft >= needed) return good(name, now, `${connections} connections and ${otherDescriptors} other files fit`);
  const commands = [`ulimit -n ${needed}`, `systemctl edit your-service  # [Service] LimitNOFILE=${needed}`];
  if (hard < needed) {
    commands.unshift(
      `echo '* hard nofile ${needed}' | sudo tee /etc/security/limits.d/wireway.conf  # then log in anew`,
    );
  }
  return change(
    name,
    now,
    `each connection is an open file: ${connections} and ${otherDescriptors} others are needed`,
    commands,
  );
}

function backlogs({ somaxconn, tcpMaxSynBacklog }: HostLimits, perSecond: number): Finding[] {
  // A listener that is busy for a second must not turn anybody away.
  const needed = powerOfTwo(Math.max(512, perSecond));
  const why = `${Math.ceil(perSecond)} connections come in a second in which nobody accepts them`;
  const backlog = Math.min(65_535, needed);
  return [
    atLeast(
      "net.core.somaxconn",
      somaxconn,
      needed,
      `${why}; it caps a listener's backlog: give that as ${backlog}, too`,
    ),
    atLeast("net.ipv4.tcp_max_syn_backlog", tcpMaxSynBacklog, needed, `${why}, half made at first`),
  ];
}

function ports(
  { portRange, tcpTwReuse }: HostLimits,
  load: { connections: number; connectionsPerSecond: number },
): Finding[] {
  const name = "net.ipv4.ip_local_port_range";
  const findings: Finding[] = [];
  const needed = load.connections + Math.ceil(load.connectionsPerSecond * timeWaitSeconds);
  const why = load === none
    ? "connections out of here take a port each, and this load has none"
    : `${load.connections} connections to one address take a port each, and ` +
      `${Math.ceil(load.connectionsPerSecond)} a second keep theirs for ${timeWaitSeconds} s after their end`;
  if (portRange === undefined) findings.push(unknown(name, why));
  else {
    const [first, last] = portRange;
    const ports = last - first + 1;
    const now = `${first} to ${last}: ${ports} ports`;
    const widest = 65_535 - 1024 + 1;
    if (ports >= needed) findings.push(good(name, now, `${why}: ${needed} are needed`));
    else {
      const more = needed > widest
        ? `; ${widest} are the most: share the load over more addresses, or keep connections`
        : "";
      const commands = ports < widest ? [sysctl(name, '"1024 65535"')] : [];
      findings.push(change(name, now, `${why}: ${needed} are needed${more}`, commands));
    }
  }
  const reuse = "net.ipv4.tcp_tw_reuse";
  const reuseWhy = "lets a new connection out take the port of one that has ended a second ago; needs tcp_timestamps";
  if (tcpTwReuse === undefined) findings.push(unknown(reuse, reuseWhy));
  else if (tcpTwReuse === 1 || (portRange !== undefined && portRange[1] - portRange[0] + 1 >= needed)) {
    findings.push(good(reuse, `${tcpTwReuse}`, reuseWhy));
  } else findings.push(change(reuse, `${tcpTwReuse}`, reuseWhy, [sysctl(reuse, "1")]));
  return findings;
}

function buffers({ tcpRmem, tcpWmem }: HostLimits, onTheWay: number): Finding[] {
  // Linux counts its own bookkeeping in: about half of a buffer holds data.
  const needed = powerOfTwo(2 * onTheWay);
  const why = `${Math.ceil(onTheWay)} bytes are on their way in one round trip, and half of a buffer holds data`;
  return ([["net.ipv4.tcp_rmem", tcpRmem], ["net.ipv4.tcp_wmem", tcpWmem]] as const).map(([name, now]) => {
    if (now === undefined) return unknown(name, why);
    const shown = `${now.join(" ")} (the last is the most)`;
    if (now[2] >= needed) return good(name, shown, why);
    return change(name, shown, `${why}: ${needed} are needed at most`, [
      sysctl(name, `"${now[0]} ${now[1]} ${needed}"`),
    ]);
  });
}

function switches({ tcpTimestamps, tcpWindowScaling, tcpSack }: HostLimits): Finding[] {
  return ([
    ["net.ipv4.tcp_window_scaling", tcpWindowScaling, "without it no more than 64 KiB are on their way at once"],
    ["net.ipv4.tcp_sack", tcpSack, "without it one lost segment has many sent again"],
    ["net.ipv4.tcp_timestamps", tcpTimestamps, "without it round trips are measured badly and ports are not used anew"],
  ] as const).map(([name, now, why]) =>
    now === undefined
      ? unknown(name, why)
      : now === 0
      ? change(name, "0", why, [sysctl(name, "1")])
      : good(name, `${now}`, why)
  );
}

function finTimeout({ tcpFinTimeout }: HostLimits): Finding {
  const name = "net.ipv4.tcp_fin_timeout";
  const why = "a peer that never ends its side holds a closed connection for so many seconds";
  if (tcpFinTimeout === undefined) return unknown(name, why);
  if (tcpFinTimeout <= 60) return good(name, `${tcpFinTimeout}`, why);
  return change(name, `${tcpFinTimeout}`, why, [sysctl(name, "30")]);
}

function garbage({ v8Flags }: HostLimits, callsPerSecond: number): Finding {
  const name = "DENO_V8_FLAGS";
  const why = "by itself V8 stops the program for some 15 ms every few seconds, to collect what each read leaves";
  if (v8Flags === undefined) return unknown(name, why);
  const now = v8Flags === "" ? "not set" : v8Flags;
  if (callsPerSecond < manyCallsPerSecond) {
    return good(name, now, `${callsPerSecond} calls a second leave little garbage`);
  }
  if (isSteady(v8Flags)) return good(name, now, "the sizes of V8's heap were chosen");
  const flags = v8Flags === "" ? steadyV8Flags : `${v8Flags},${steadyV8Flags}`;
  return change(name, now, why, [`export DENO_V8_FLAGS=${flags}`]);
}

function atLeast(name: string, now: number | undefined, needed: number, why: string): Finding {
  if (now === undefined) return unknown(name, why);
  return now >= needed ? good(name, `${now}`, why) : change(name, `${now}`, why, [sysctl(name, `${needed}`)]);
}

function sysctl(name: string, value: string): string {
  return `sudo sysctl -w ${name}=${value}`;
}

function good(name: string, now: string, why: string): Finding {
  return { name, verdict: "good", now, why, commands: [] };
}

function change(name: string, now: string, why: string, commands: readonly string[]): Finding {
  return { name, verdict: "change", now, why, commands };
}

function unknown(name: string, why: string): Finding {
  return { name, verdict: "unknown", now: "can't be read here", why, commands: [] };
}

function count(limit: number): string {
  return limit === Infinity ? "no limit" : `${limit}`;
}

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, least)));
}
