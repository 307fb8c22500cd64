/**
 * Puts load on a transport: `deno task load --help` says how.
 *
 * A server process and one or more client processes run beside this one, which
 * starts them, prints a line a second and puts together what they measured.
 * Ctrl-C ends the measurement and prints what there is; a second one ends
 * everything at once.
 *
 * @module
 */

import { hostLimits, provide } from "./load/capacity.ts";
import { judge, type Objectives } from "./load/objectives.ts";
import { type LoadOptions, readLoadOptions, usage } from "./load/options.ts";
import { plot } from "./load/plot.ts";
import { ramp } from "./load/ramp.ts";
import { asData, asText, type Found, heading, progressLine, type Setting } from "./load/result.ts";
import { type Measured, Rig, type Step } from "./load/rig.ts";
import { watched } from "./load/watched.ts";
import type { Tally } from "./load/tally.ts";
import { UsageError } from "./load/usage_error.ts";

/** How often each end of the interval around the breaking point is measured again. */
const repeats = 3;

if (import.meta.main) Deno.exit(await main(Deno.args));

/** Runs a command line; resolves with the exit code. */
async function main(words: string[]): Promise<number> {
  try {
    const options = readLoadOptions(words);
    if (options === "help") {
      console.log(usage());
      return 0;
    }
    await checkPlace(options.plot);
    return await load(options);
  } catch (error) {
    console.error((error as Error).message);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function load(options: LoadOptions): Promise<number> {
  const { connections, server, transport } = options;
  const ownServer = server === undefined;
  const provision = provide({ ...options, ownServer }, await hostLimits());
  let rig: Rig | undefined;
  const interrupt = (): void => {
    if (rig === undefined || rig.stopped) Deno.exit(130);
    rig.stop();
  };
  Deno.addSignalListener("SIGINT", interrupt);
  try {
    rig = await Rig.open({ ...options, ...provision });
    const { rate, concurrency, size } = options;
    const mode = concurrency === undefined ? "open" : "closed";
    const { dialMs } = rig;
    const { clients } = provision;
    const setting: Setting = { transport, mode, rate, concurrency, connections, clients, size, dialMs };
    if (!options.quiet) console.error(heading(setting));
    const found = await find(rig, options, setting);
    console.log(options.json ? JSON.stringify(asData(found)) : asText(found));
    if (options.plot !== undefined) await draw(options.plot, found);
    return isGood(found) ? 0 : 1;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
    await rig?.close();
  }
}

async function find(rig: Rig, options: LoadOptions, setting: Setting): Promise<Found> {
  const { rate, concurrency, warmUp, seconds, quiet } = options;
  const onTick = quiet ? undefined : (second: number, tally: Tally): void => {
    console.error(progressLine(second, tally));
  };
  const step: Step = { rate, concurrency, warmUp, seconds };
  const objectives = objectivesOf(options);
  if (options.ramp) return await findBreaking(rig, options, setting, onTick);
  const { measured, growth } = options.soak
    ? await watched(rig, step, onTick)
    : { measured: await rig.measure(step, onTick), growth: undefined };
  const verdict = objectives && judge(measured.total, objectives);
  return { setting, measured, interrupted: rig.stopped, verdict, growth };
}

async function findBreaking(
  rig: Rig,
  options: LoadOptions,
  setting: Setting,
  onTick: ((second: number, tally: Tally) => void) | undefined,
): Promise<Found> {
  const { warmUp, seconds, rate: from = 1000, maxRate, precisionPercent, quiet } = options;
  const good = new Map<number, Measured>();
  const objectives = objectivesOf(options)!;
  const breaking = await ramp({
    from: Math.min(from, maxRate),
    maxRate,
    precision: precisionPercent / 100,
    repeats,
    objectives,
    async measure(rate) {
      const measured = await rig.measure({ rate, warmUp, seconds }, onTick);
      if (rig.stopped) return undefined;
      if (judge(measured.total, objectives).met) good.set(rate, measured);
      return measured.total;
    },
    onStep({ rate, met, reason }) {
      if (!quiet) console.error(`${met ? "met" : "missed"} at ${Math.round(rate)} a second: ${reason}`);
    },
  });
  const { rate } = breaking;
  return { setting: { ...setting, rate: rate || from }, measured: good.get(rate), interrupted: rig.stopped, breaking };
}

function objectivesOf({ p99Ms, errorPercent }: LoadOptions): Objectives | undefined {
  if (p99Ms === undefined && errorPercent === undefined) return undefined;
  return { p99Ms: p99Ms ?? Infinity, errorShare: (errorPercent ?? 100) / 100 };
}

/** Whether there is something, and it keeps to the objectives. */
function isGood({ measured, verdict, breaking }: Found): boolean {
  if (breaking !== undefined) return breaking.rate > 0;
  return measured !== undefined && measured.total.ok > 0 && (verdict?.met ?? true);
}

/** A picture that can't be written is told before the run, and not after it. */
async function checkPlace(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  try {
    await Deno.writeTextFile(path, "", { append: true });
  } catch (error) {
    throw new UsageError(`Cannot use --plot ${path}: ${(error as Error).message.split(":")[0]}`);
  }
}

async function draw(path: string, { setting, measured }: Found): Promise<void> {
  if (measured === undefined) return console.error("Cannot draw: nothing was measured");
  const { total, ticks, throughput } = measured;
  const subtitle = `${Math.round(throughput).toLocaleString("en")} a second, p99 ${
    (total.percentile(0.99) ?? NaN).toFixed(2)
  } ms, ${total.failed} errors`;
  await Deno.writeTextFile(path, plot({ title: heading(setting), subtitle, ticks, total }));
}
