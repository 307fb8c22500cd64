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
import { diagnose, hostLimits, type HostLoad, showFindings } from "../src/tuning/doctor/doctor.ts";

const usage = `Usage: deno task doctor [options]
  --connections N  connections open at once (1000)
  --rate N         connections made a second (a tenth of the connections)
  --calls N        calls that one process answers a second (V8's flags are not looked at)
  --bandwidth N    bits a second that one connection shall carry (buffers are not looked at)
  --rtt MS         the round trip to the peers, in milliseconds (50)
  --outgoing       the connections go out from here, all to one address`;

function loadOf(args: string[]): HostLoad {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args,
    options: { connections: text, rate: text, calls: text, bandwidth: text, rtt: text, outgoing: { type: "boolean" } },
  });
  const number = (value: string | undefined): number | undefined => value === undefined ? undefined : Number(value);
  return {
    connections: number(values.connections),
    connectionsPerSecond: number(values.rate),
    callsPerSecond: number(values.calls),
    bandwidthBitsPerSecond: number(values.bandwidth),
    roundTripMs: number(values.rtt),
    outgoing: values.outgoing,
  };
}

if (import.meta.main) {
  try {
    const limits = hostLimits();
    const findings = diagnose(limits, loadOf(Deno.args));
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
