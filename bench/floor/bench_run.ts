/**
 * Runs bench files, several times each, and reads what `deno bench` says.
 *
 * @module
 */

import { readName } from "./group.ts";

/** What was measured of one bench, in nanoseconds per call. */
export interface Row {
  /** The bench, without what an iteration is. */
  name: string;
  /** What it is compared with. */
  group: string;
  /** What a call is: a call, a frame, a message. */
  unit: string;
  /** Whether it is the floor of its group. */
  floor: boolean;
  /** The shortest iteration of all rounds. */
  least: number;
  /** The average of the calmest round: collecting garbage is in it, other programs mostly are not. */
  average: number;
  /** Of the calmest round too, and of iterations: a single call may have taken longer. */
  p99: number;
  /** `average` beside the floor's. */
  ratio: number;
  /** `average` less the floor's. */
  more: number;
  /** `least` less the floor's. */
  leastMore: number;
}

/** As much of the JSON of `deno bench` as is used here. */
interface Report {
  benches: {
    group: string | null;
    name: string;
    baseline: boolean;
    results: { ok?: { min: number; avg: number; p99: number }; failed?: unknown }[];
  }[];
}

/** Measures a file `rounds` times, each in a new process. Throws where it can't be run to its end. */
export async function measure(path: string, rounds: number): Promise<Row[]> {
  const rows = new Map<string, Row>();
  for (let round = 0; round < rounds; round++) {
    for (const row of await measureOnce(path)) {
      const key = `${row.group}\n${row.name}`;
      const known = rows.get(key);
      const least = Math.min(row.least, known?.least ?? Infinity);
      rows.set(key, { ...(known !== undefined && known.average < row.average ? known : row), least });
    }
  }
  return besideFloors([...rows.values()]);
}

/** Measures a file once, in a new process. Throws where it can't be run to its end. */
export async function measureOnce(path: string): Promise<Row[]> {
  return besideFloors((await run(path)).benches.map(rowOf));
}

function besideFloors(all: Row[]): Row[] {
  for (const row of all) {
    const floor = all.find(({ group, floor }) => floor && group === row.group);
    if (floor === undefined) throw new Error(`Bench has no floor: ${row.name}`);
    row.ratio = row.average / floor.average;
    row.more = row.average - floor.average;
    row.leastMore = row.least - floor.least;
  }
  return all;
}

function rowOf({ group, name: text, baseline, results }: Report["benches"][number]): Row {
  const measured = results[0]?.ok;
  if (measured === undefined) throw new Error(`Bench failed: ${text}: ${JSON.stringify(results[0]?.failed)}`);
  const { name, count, unit } = readName(text);
  return {
    name,
    group: group ?? "",
    unit,
    floor: baseline,
    least: measured.min / count,
    average: measured.avg / count,
    p99: measured.p99 / count,
    ratio: NaN,
    more: NaN,
    leastMore: NaN,
  };
}

async function run(path: string): Promise<Report> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["bench", "--allow-all", "--quiet", "--json", path],
    stdin: "null",
    stderr: "inherit",
  });
  const { success, code, stdout } = await command.output();
  if (!success) throw new Error(`Bench failed: exit code ${code}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
