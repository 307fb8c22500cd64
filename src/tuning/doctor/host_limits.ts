/**
 * The limits that a host sets to connections, as far as they can be read.
 *
 * @module
 */

import { tried } from "../host_process.ts";

/**
 * Limits of a host. What can't be read is undefined.
 *
 * @example
 * ```ts
 * import { type HostLimits, hostLimits } from "@wireway/wireway/doctor";
 * const { somaxconn, openFiles }: HostLimits = hostLimits();
 * console.log(somaxconn ?? "not known", openFiles?.soft ?? "not known");
 * ```
 */
export interface HostLimits {
  /** The most that a listener's backlog may be. */
  readonly somaxconn: number | undefined;
  /** Connections that may be half made. */
  readonly tcpMaxSynBacklog: number | undefined;
  /** The ports that connections out of this host are given. */
  readonly portRange: readonly [first: number, last: number] | undefined;
  /** Bytes that a connection's receive buffer has: at least, at first, at most. */
  readonly tcpRmem: readonly [least: number, first: number, most: number] | undefined;
  /** Bytes that a connection's send buffer has: at least, at first, at most. */
  readonly tcpWmem: readonly [least: number, first: number, most: number] | undefined;
  /** Whether segments carry times, 0 where not. */
  readonly tcpTimestamps: number | undefined;
  /** Whether windows can be larger than 64 KiB, 0 where not. */
  readonly tcpWindowScaling: number | undefined;
  /** Whether what has come is acknowledged bit by bit, 0 where not. */
  readonly tcpSack: number | undefined;
  /** Time that a connection waits for the end of a peer that it has closed, in seconds. */
  readonly tcpFinTimeout: number | undefined;
  /** Whether ports of ended connections are used anew for new ones out of this host: 0 never, 1 always, 2 on loopback. */
  readonly tcpTwReuse: number | undefined;
  /** Files and sockets that this process may have open; the hard limit is the most that it may ask for. */
  readonly openFiles: { readonly soft: number; readonly hard: number } | undefined;
  /** What `DENO_V8_FLAGS` said to V8 when this process began; empty where nothing did. */
  readonly v8Flags: string | undefined;
}

/**
 * Reads one of the system's files; undefined where it can't be read.
 *
 * @example
 * ```ts
 * import { hostLimits, type ReadHostFile } from "@wireway/wireway/doctor";
 * const read: ReadHostFile = (path) => path.endsWith("somaxconn") ? "4096" : undefined;
 * console.log(hostLimits(read).somaxconn);
 * ```
 */
export type ReadHostFile = (path: string) => string | undefined;

/**
 * Reads the limits of this host, from Linux' `/proc`. Needs `--allow-all`, as
 * Deno demands for `/proc/self`; what may not be read is undefined. Changes
 * nothing.
 *
 * @example
 * ```ts
 * import { hostLimits } from "@wireway/wireway/doctor";
 * console.log(hostLimits().portRange);
 * ```
 */
export function hostLimits(read: ReadHostFile = readHostFile): HostLimits {
  const one = (name: string): number | undefined => numbersIn(read(`/proc/sys/net/${name}`), 1)?.[0];
  const three = (name: string) => numbersIn(read(`/proc/sys/net/${name}`), 3) as [number, number, number] | undefined;
  return {
    somaxconn: one("core/somaxconn"),
    tcpMaxSynBacklog: one("ipv4/tcp_max_syn_backlog"),
    portRange: numbersIn(read("/proc/sys/net/ipv4/ip_local_port_range"), 2) as [number, number] | undefined,
    tcpRmem: three("ipv4/tcp_rmem"),
    tcpWmem: three("ipv4/tcp_wmem"),
    tcpTimestamps: one("ipv4/tcp_timestamps"),
    tcpWindowScaling: one("ipv4/tcp_window_scaling"),
    tcpSack: one("ipv4/tcp_sack"),
    tcpFinTimeout: one("ipv4/tcp_fin_timeout"),
    tcpTwReuse: one("ipv4/tcp_tw_reuse"),
    openFiles: openFilesIn(read("/proc/self/limits")),
    v8Flags: variableIn(read("/proc/self/environ"), "DENO_V8_FLAGS"),
  };
}

function readHostFile(path: string): string | undefined {
  if (typeof Deno === "undefined" || Deno.build.os !== "linux") return undefined;
  return tried(() => Deno.readTextFileSync(path));
}

function numbersIn(text: string | undefined, count: number): number[] | undefined {
  const numbers = text?.trim().split(/\s+/).map(Number);
  return numbers?.length === count && numbers.every((number) => Number.isInteger(number)) ? numbers : undefined;
}

function openFilesIn(text: string | undefined): { soft: number; hard: number } | undefined {
  const found = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(text ?? "");
  if (found === null) return undefined;
  const [soft, hard] = found.slice(1).map((limit) => limit === "unlimited" ? Infinity : Number(limit));
  return { soft, hard };
}

function variableIn(text: string | undefined, name: string): string | undefined {
  return text === undefined ? undefined : new RegExp(`(?:^|\\0)${name}=([^\\0]*)`).exec(text)?.[1] ?? "";
}
