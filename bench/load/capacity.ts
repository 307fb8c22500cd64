/**
 * What this machine allows a load test: open files and client ports.
 *
 * @module
 */

import { socketsEach, type TransportName } from "./transports.ts";
import { UsageError } from "./usage_error.ts";

/** The limits of a machine. */
export interface HostLimits {
  /** Files that one process may have open at the most: its hard limit. */
  openFiles: number;
  /** Ports that connections to one address can have at this end. */
  clientPorts: number;
}

/** What is to be held. */
export interface Demand {
  transport: TransportName;
  connections: number;
  /** Client processes that were asked for. */
  clients: number;
  /** Whether the server is a process of ours. */
  ownServer: boolean;
}

/** What it takes. */
export interface Provision {
  /** Client processes. */
  clients: number;
  /** Addresses of the loopback on which our server listens. */
  addresses: number;
}

/** Files that a process has open beside its connections. */
const spareFiles = 100;

/** How much of the range of ports is used: others on the machine need some. */
const usablePorts = 0.9;

/** Client processes at the most. */
const maxClients = 64;

/** Where the limits can't be read, those of a common Linux. */
const commonLimits: HostLimits = { openFiles: 1024, clientPorts: 28_232 };

/** Reads the limits of this machine. */
export async function hostLimits(): Promise<HostLimits> {
  const limits = { ...commonLimits };
  try {
    const shell = new Deno.Command("sh", { args: ["-c", "ulimit -Hn"], stdin: "null", stderr: "null" });
    const text = new TextDecoder().decode((await shell.output()).stdout).trim();
    limits.openFiles = text === "unlimited" ? Infinity : Number(text) || limits.openFiles;
    const [from, to] = (await Deno.readTextFile("/proc/sys/net/ipv4/ip_local_port_range")).trim().split(/\s+/).map(
      Number,
    );
    if (to > from) limits.clientPorts = to - from + 1;
  } catch {
    // Another system: the common limits have to do.
  }
  return limits;
}

/**
 * How many processes and addresses the connections take. Throws
 * {@linkcode UsageError} with the limit that stands in the way.
 */
export function provide({ transport, connections, clients, ownServer }: Demand, limits: HostLimits): Provision {
  if (clients > connections) {
    throw new UsageError(`Cannot use --clients ${clients}: there are ${connections} connections to share`);
  }
  const { openFiles, clientPorts } = limits;
  const each = socketsEach(transport);
  if (transport === "stdio") return { clients, addresses: 1 };
  if (transport === "memory") {
    if (clients > 1) throw new UsageError("Cannot use --clients with --transport memory: both ends are in one process");
    return { clients: 1, addresses: 1 };
  }
  const held = Math.floor((openFiles - spareFiles) / each);
  const remedy = "raise the hard limit (`ulimit -Hn`, nofile in /etc/security/limits.conf)";
  if (ownServer && connections > held) {
    throw new UsageError(
      `Cannot hold ${connections} connections: the server process may have ${openFiles} files open, ` +
        `which is enough for ${held}; ${remedy}`,
    );
  }
  const needed = Math.max(clients, Math.ceil(connections / held));
  if (!(needed <= maxClients)) {
    throw new UsageError(
      `Cannot hold ${connections} connections: a client process may have ${openFiles} files open, ` +
        `and ${maxClients} processes are the most; ${remedy}`,
    );
  }
  const perAddress = Math.floor(clientPorts * usablePorts);
  const addresses = transport === "unix" ? 1 : Math.ceil(connections * each / perAddress);
  if (addresses > 1 && !ownServer) {
    throw new UsageError(
      `Cannot hold ${connections} connections: this machine has ${clientPorts} client ports to one address ` +
        "(net.ipv4.ip_local_port_range)",
    );
  }
  return { clients: needed, addresses };
}
