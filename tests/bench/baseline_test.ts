/**
 * Baselines of the benches: what is kept, and what counts as a regression.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { chanceOfMore, compareRounds, surest } from "../../bench/compare_rounds.ts";
import { Random } from "../support/random.ts";
import { run, type RunResult } from "../support/process.ts";

const root = new URL("../..", import.meta.url).pathname;

function baseline(...args: string[]): Promise<RunResult> {
  const command = ["run", "--allow-all", "bench/baseline.ts", ...args];
  return run(Deno.execPath(), command, { cwd: root, timeoutMs: 120_000, env: { NO_COLOR: "1" } });
}

Deno.test("the chance of a difference is that of the exact test of Mann and Whitney", () => {
  // Of the 10 orders of 3 and 2 values one has all of the second above all of the first.
  assert.equal(chanceOfMore([1, 2, 3], [4, 5]), 1 / 10);
  assert.equal(chanceOfMore([1, 2, 4], [3, 5]), 2 / 10);
  assert.equal(chanceOfMore([4, 5, 6], [1, 2]), 1);
  assert.equal(chanceOfMore([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 1 / 252);
  // Ties speak against a difference.
  assert.equal(chanceOfMore([1, 1], [1, 1]), 1);
  // U = 19 of 5 and 5: the tables have 0.111 for one side.
  assert.ok(Math.abs(chanceOfMore([1, 2, 3, 6, 9], [4, 5, 7, 8, 10]) - 0.1111) < 0.001);
});

Deno.test("a regression is one by more than the tolerance, and said with its confidence", () => {
  const before = [1, 1.01, 1.02, 0.99, 1];
  const slower = compareRounds(before, before.map((ratio) => ratio * 1.1), 0.05);
  assert.ok(Math.abs(slower.change - 0.1) < 1e-9);
  assert.equal(slower.slower, 1 - 1 / 252);
  assert.ok(slower.faster < 0.01);
  const within = compareRounds(before, before.map((ratio) => ratio * 1.03), 0.05);
  assert.ok(within.slower < 0.2, `${within.slower}`);
  const faster = compareRounds(before, before.map((ratio) => ratio * 0.8), 0.05);
  assert.equal(faster.faster, 1 - 1 / 252);
});

Deno.test("so many rounds can be sure of so much, whatever they measure", () => {
  assert.deepEqual([surest(3, 3), surest(5, 5), surest(1, 1)], [1 - 1 / 20, 1 - 1 / 252, 0.5]);
  assert.equal(compareRounds([1, 1, 1], [9, 9, 9], 0.05).slower, surest(3, 3));
});

Deno.test("noise alone is seldom said to be a regression", () => {
  const random = new Random(3);
  const series = (): number[] => Array.from({ length: 5 }, () => 1 + random.below(200) / 1000);
  let alarms = 0;
  for (let i = 0; i < 500; i++) if (compareRounds(series(), series(), 0.05).slower >= 0.99) alarms++;
  assert.ok(alarms <= 5, `${alarms} of 500`);
});

Deno.test("a baseline is saved, and a bench that became slower is reported and fails", async () => {
  const folder = await Deno.makeTempDir({ prefix: "wireway_" });
  try {
    const path = join(folder, "before.json");
    const few = ["--only", "chain_bench", "--rounds", "3"];
    const saved = await baseline("save", path, ...few);
    assert.equal(saved.code, 0, saved.stderr);
    const kept = JSON.parse(await Deno.readTextFile(path));
    const key = "chain_bench.ts: chain(): five pass-through middleware";
    assert.equal(kept.ratios[key].length, 3);
    assert.ok(kept.ratios[key].every((ratio: number) => ratio > 0));
    // As if it had been a hundred times as fast before.
    kept.ratios[key] = kept.ratios[key].map((ratio: number) => ratio / 100);
    kept.ratios["chain_bench.ts: chain(): another"] = [1, 1, 1];
    await Deno.writeTextFile(path, JSON.stringify(kept));
    // Of three rounds each none can be told to be slower at 99 %: that would pass, whatever was measured.
    const unsure = await baseline("compare", path, ...few, "--fail");
    assert.deepEqual([unsure.code, unsure.stdout], [2, ""]);
    const why =
      /^Cannot be 99\.0 % sure by 3 rounds against 3: 95\.0 % at the most; give --rounds more, or --confidence/;
    assert.match(unsure.stderr, why);
    const compared = await baseline("compare", path, ...few, "--confidence", "95", "--tolerance", "1000", "--fail");
    assert.equal(compared.code, 1, compared.stdout + compared.stderr);
    assert.match(compared.stdout, /five pass-through middleware .* \+[\d.]+ % +SLOWER, 95\.0 % sure/);
    assert.match(compared.stdout, /^1 of 2 slower by more than 1000\.0 %$/m);
    assert.match(compared.stdout, /^Gone: chain_bench\.ts: chain\(\): another$/m);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a wrong command line or a file that is no baseline is said in words", async () => {
  const folder = await Deno.makeTempDir({ prefix: "wireway_" });
  try {
    const path = join(folder, "x.json");
    await Deno.writeTextFile(path, '{"format":1,"ratios":{"a":["1"]}}');
    const cases: [args: string[], message: RegExp][] = [
      [[], /^Usage: /],
      [["compare", join(folder, "none.json")], /there is no such file; save makes it/],
      [["compare", path], /it is no baseline of this format/],
      [["save", "a/b"], /Cannot use the name a\/b/],
      [["save", "a", "--rounds", "0"], /Cannot use --rounds 0: 1 to 50 is allowed/],
      [["save", "a", "--only", "nothing"], /no bench has it in its name/],
      [["save", "a", "--fail"], /Cannot use --fail with save/],
      [["compare", "a", "--fast"], /Cannot read the command line: Unknown option '--fast'/],
    ];
    await Promise.all(cases.map(async ([args, message]) => {
      const { code, stderr } = await baseline(...args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("deno bench finds the suites, and each group has a floor", async () => {
  const args = ["bench", "--allow-all", "--json", "--quiet", "bench/chain_bench.ts"];
  const { code, stdout } = await run(Deno.execPath(), args, { cwd: root, timeoutMs: 60_000 });
  assert.equal(code, 0);
  const { benches } = JSON.parse(stdout);
  assert.deepEqual(benches.filter(({ baseline }: { baseline: boolean }) => baseline).length, 1);
  assert.equal(benches.length, 3);
});
