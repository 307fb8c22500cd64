/**
 * Says whether this host's limits suit a load, and what to change. Changes
 * nothing.
 *
 *     deno task doctor --connections 10000 --rate 500 --calls 20000 --bandwidth 1e9 --rtt 20
 *
 * @module
 */

import { parseArgs } from "node:util";
import { preset, presetNames } from "../mod.ts";
import { diagnose, type HostLimits, hostLimits, type HostLoad, showFindings } from "../src/tuning/doctor/doctor.ts";

const usage = `Usage: deno task doctor [options]
Says what of this host's limits is in the way of a load, and the commands that change it. Changes nothing.

  --connections N  connections open at once (1000)
  --rate N         connections made a second (a tenth of the connections)
  --calls N        calls that one process answers a second (V8's flags are not looked at)
  --bandwidth N    bits a second that one connection shall carry (buffers are not looked at)
  --rtt MS         the round trip to the peers, in milliseconds (50)
  --outgoing       the connections go out from here, all to one address
  --help           print this`;

/** What diagnose() calls what the command line says. */
const names = {
  connections: "connections",
  rate: "connectionsPerSecond",
  calls: "callsPerSecond",
  bandwidth: "bandwidthBitsPerSecond",
  rtt: "roundTripMs",
} as const;

function loadOf(args: string[], limits: HostLimits): HostLoad | "help" {
  const [text, flag] = [{ type: "string" }, { type: "boolean" }] as const;
  const { values } = parseArgs({
    args,
    options: { connections: text, rate: text, calls: text, bandwidth: text, rtt: text, outgoing: flag, help: flag },
  });
  if (values.help) return "help";
  if (values.rtt !== undefined && values.bandwidth === undefined) {
    throw new Error("Cannot use --rtt without --bandwidth: buffers are looked at for both");
  }
  const given = Object.entries(names).flatMap(([flag, name]) => {
    const value = values[flag as keyof typeof names];
    return value === undefined ? [] : [[name, checked(limits, flag, name, value)]];
  });
  return { ...Object.fromEntries(given), ...(values.outgoing ? { outgoing: true } : {}) };
}

/** A number that diagnose() takes; what it refuses is told by the name that was typed. */
function checked(limits: HostLimits, flag: string, name: keyof HostLoad, value: string): number {
  const number = value.trim() === "" ? NaN : Number(value);
  try {
    diagnose(limits, { bandwidthBitsPerSecond: 1, [name]: number });
  } catch (error) {
    const [, allowed] = /allowed is (.*)$/.exec((error as Error).message) ?? [];
    throw new Error(`Cannot use --${flag} ${value}: allowed is ${allowed ?? "a number"}`);
  }
  return number;
}

if (import.meta.main) {
  try {
    const limits = hostLimits();
    const load = loadOf(Deno.args, limits);
    if (load === "help") {
      console.log(usage);
      Deno.exit(0);
    }
    const findings = diagnose(limits, load);
    console.log(showFindings(findings));
    if (limits.somaxconn !== undefined) {
      const capped = presetNames.filter((name) => preset(name).backlog > limits.somaxconn!);
      if (capped.length > 0) {
        console.log(`The backlogs of these presets are cut to ${limits.somaxconn}: ${capped.join(", ")}`);
      }
    }
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${usage}`);
    Deno.exit(2);
  }
}
