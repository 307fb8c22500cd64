/**
 * Measures what Wireway promises under load, and prints for each promise
 * whether it is kept: `deno task bench:targets [--quick] [--plain] [--only TRANSPORT]`.
 *
 * Each transport is loaded by our own client and with our own server, two
 * processes on this machine: at its peak (a closed loop), at 10 000 calls a
 * second and at a tenth of its peak (open loops), this in turns with an echo by
 * hand on bare sockets: what the machine, the platform and the load tool cost
 * at that rate. HTTP/2 is loaded by `h2load` beside, where that is installed.
 * All processes run with the flags of V8 that `deno task doctor --calls` advises,
 * or with those of `DENO_V8_FLAGS`; with `--plain` V8 is left as it is.
 * What else runs on the machine is in the figures; the exit code is 1
 * where one of them is short.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { steadyV8Flags } from "../src/tuning/doctor/garbage.ts";
import { exists } from "./harness.ts";
import { hostLimits, provide } from "./load/capacity.ts";
import { h2load } from "./load/h2load.ts";
import { lostTime } from "./load/lost_time.ts";
import { type Measured, Rig, type RigOptions } from "./load/rig.ts";
import { Tally } from "./load/tally.ts";
import * as targets from "./load/targets.ts";
import { type TransportName, transportNames, usualConnections } from "./load/transports.ts";
import { watched } from "./load/watched.ts";

/** Calls in flight at the peak, and bytes of each. */
const concurrency = 128;
const size = 64;

/** Inherited by the processes that are measured. */
const v8Variable = "DENO_V8_FLAGS";

/** How long the machine is looked at, in milliseconds. */
const lostTimeMs = 3000;

/** How long things are measured, in seconds. */
interface Times {
  warmUp: number;
  peak: number;
  rate: number;
  /** A turn at a tenth of the peak, and how many there are. */
  turn: number;
  turns: number;
  many: number;
  sustained: number;
}

const full: Times = { warmUp: 2, peak: 5, rate: 10, turn: 2, turns: 7, many: 10, sustained: 180 };
const quick: Times = { warmUp: 1, peak: 2, rate: 2, turn: 1, turns: 3, many: 3, sustained: 20 };

/** What the sustained run and the many connections are measured on. */
const main: TransportName = "tcp";
const held: TransportName[] = ["tcp", "websocket", "bare"];

const lines: targets.Line[] = [];
const all = new Tally();
const promised: TransportName[] = transportNames.filter((name) => name !== "bare");
const { values: flags } = readFlags();
const times = flags.quick ? quick : full;
const names = flags.only === undefined ? promised : [flags.only as TransportName];
let peakOfMain = 0;

if (!flags.plain && !Deno.env.has(v8Variable)) Deno.env.set(v8Variable, steadyV8Flags);
console.log(machine());
lost("before");
for (const name of names) await attempt(name, () => transport(name));
if (names.includes("h2")) await attempt("h2load", byH2load);
for (
  const name of held.filter((name) =>
    names.includes(name) || (name === "bare" && names.some((name) => held.includes(name)))
  )
) {
  await attempt(`${name} with many connections`, () => manyConnections(name));
}
if (names.includes(main)) await attempt("a sustained run", sustained);
lines.push(targets.errorLine(all));
lost("behind all this");
console.log(`\n${targets.tableOf(lines)}\n`);
console.log(machine());
const met = targets.allMet(lines);
console.log(met ? "All targets are met" : `${lines.filter(({ met }) => met === false).length} targets are short`);
Deno.exit(met ? 0 : 1);

/** Measures; what can't be measured is short, and the others go on. */
async function attempt(subject: string, measure: () => Promise<void>): Promise<void> {
  try {
    await measure();
  } catch (error) {
    add({ subject, target: "can be measured", measured: (error as Error).message, met: false });
  }
}

/** The peak, 10 000 calls a second, and a tenth of the peak. */
async function transport(name: TransportName): Promise<void> {
  const connections = name === "http" ? concurrency : usualConnections(name);
  await using rig = await Rig.open(await rigOptions(name, connections));
  const { warmUp } = times;
  const peak = await rig.measure({ concurrency, warmUp, seconds: times.peak });
  told(`${name}, ${concurrency} calls in flight`, peak);
  const busy = await rig.measure({ rate: targets.busy.rate, warmUp, seconds: times.rate });
  // Where 10 000 a second are too much, calls that could not be started say nothing about errors.
  if (peak.throughput > targets.busy.rate) all.merge(busy.total);
  const subject = name === "h2" ? "h2, our client," : name;
  add(targets.busyLine(subject, busy.total, busy.throughput));
  const calmRate = Math.max(1, Math.floor(peak.throughput / 10));
  const [calm, floor] = await inTurns(rig, calmRate);
  for (const turn of calm) all.merge(turn);
  add(targets.calmLine(subject, calmRate, calm, floor));
  if (name === main) peakOfMain = peak.throughput;
}

/** A rate, in turns with bare sockets: what a machine does to the one it soon does to the other. */
async function inTurns(rig: Rig, rate: number): Promise<[Tally[], Tally[]]> {
  await using floor = await Rig.open(await rigOptions("bare", usualConnections("bare")));
  // As the transport did before: a process that has worked for a while collects its garbage otherwise than a new one.
  await floor.measure({ concurrency, warmUp: times.warmUp, seconds: times.peak });
  const measured: [Tally[], Tally[]] = [[], []];
  for (let turn = 0; turn < times.turns; turn++) {
    for (const [i, of] of [rig, floor].entries()) {
      const { total } = await of.measure({ rate, warmUp: times.warmUp / 2, seconds: times.turn });
      measured[i].push(total);
    }
  }
  return measured;
}

async function byH2load(): Promise<void> {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  if (!folders.some((folder) => exists(`${folder}/h2load`))) {
    return add({
      subject: "h2 server, loaded by h2load",
      target: "",
      measured: "h2load is not installed",
      met: undefined,
    });
  }
  const peak = await h2load(undefined, times.peak, size);
  const measured = `${targets.amount(peak.throughput)}/s`;
  add({ subject: "h2 server, loaded by h2load, 200 in flight", target: "(told)", measured, met: undefined });
  const busy = await h2load(targets.busy.rate, times.rate, size);
  all.merge(busy.tally);
  add(targets.busyLine("h2 server, loaded by h2load,", busy.tally, busy.throughput));
}

async function manyConnections(name: TransportName): Promise<void> {
  const { connections, rate } = targets.many;
  await using rig = await Rig.open(await rigOptions(name, connections));
  const measured = await rig.measure({ rate, warmUp: times.warmUp, seconds: times.many });
  if (name !== "bare") all.merge(measured.total);
  const line = targets.manyLine(name === "bare" ? "bare sockets" : name, measured.open, measured.total);
  add(name === "bare" ? { ...line, target: "(told)", met: undefined } : line);
  told(`${name}, ${targets.amount(connections)} connections`, measured);
}

/** Half the peak for some minutes. */
async function sustained(): Promise<void> {
  const connections = usualConnections(main);
  await using rig = await Rig.open(await rigOptions(main, connections));
  const rate = Math.floor(peakOfMain / 2);
  const { measured, growth } = await watched(rig, { rate, warmUp: times.warmUp, seconds: times.sustained });
  all.merge(measured.total);
  const what = `${main} at half the peak (${targets.amount(rate)} calls/s), ${times.sustained} s`;
  for (const [side, { rssBytes, rssLow, rssHigh }] of Object.entries(growth)) {
    add(targets.growthLine(`${what}, the ${side}`, rssBytes, rssLow, rssHigh));
  }
  told(what, measured);
}

/** What the machine alone takes from a process: it is in every latency. */
function lost(when: string): void {
  const { share, longestMs } = lostTime(lostTimeMs);
  const measured = `away ${(100 * share).toFixed(2)} % of the time, up to ${targets.ms(longestMs)} at once`;
  const subject = `the machine: a process that only looks at the clock, ${when}`;
  add({ subject, target: "(told)", measured, met: undefined });
}

/** Adds a figure that has no target: throughput, processors, memory. */
function told(subject: string, { throughput, total, client, server }: Measured): void {
  const share = ({ cpuShare, rssBytes }: typeof client): string =>
    `${(100 * cpuShare).toFixed(0)} % CPU ${(rssBytes / 1e6).toFixed(0)} MB`;
  const both = server === undefined ? `both ends ${share(client)}` : `client ${share(client)}, server ${share(server)}`;
  const measured = `${targets.amount(throughput)}/s, p99 ${targets.ms(total.percentile(0.99))}, ${both}`;
  add({ subject, target: "(told)", measured, met: undefined });
}

function add(line: targets.Line): void {
  lines.push(line);
  console.error(targets.tableOf([line]));
}

async function rigOptions(transport: TransportName, connections: number): Promise<RigOptions> {
  const provision = provide({ transport, connections, clients: 1, ownServer: true }, await hostLimits());
  const load = { size, timeoutMs: 5000, maxInFlight: 10_000, arrivals: "constant", seed: 1 } as const;
  return { transport, connections, ...provision, ...load };
}

function machine(): string {
  const load = Deno.loadavg().map((load) => load.toFixed(1)).join(", ");
  const v8 = Deno.env.get(v8Variable) ?? "no flags of V8";
  return `Deno ${Deno.version.deno}, ${v8}, ${navigator.hardwareConcurrency} cores, load ${load}: what else runs is in the figures`;
}

function readFlags() {
  const usage = `Usage: deno task bench:targets [--quick] [--plain] [--only TRANSPORT]
  --quick           runs of a few seconds
  --plain           without the flags of V8 that deno task doctor advises
  --only TRANSPORT  one of ${promised.join(", ")}`;
  try {
    const parsed = parseArgs({
      args: Deno.args,
      options: {
        quick: { type: "boolean" },
        plain: { type: "boolean" },
        only: { type: "string" },
        help: { type: "boolean" },
      },
    });
    const { only, help } = parsed.values;
    if (help) {
      console.log(usage);
      Deno.exit(0);
    }
    if (only === undefined || promised.includes(only as TransportName)) return parsed;
    console.error(`Cannot use --only ${only}: ${promised.join(", ")} are allowed`);
  } catch (error) {
    console.error(`Cannot read the command line: ${(error as Error).message.split(/[.\n]/)[0]}`);
    console.error(usage);
  }
  Deno.exit(2);
}
