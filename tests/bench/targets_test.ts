/**
 * The targets of the load tests: what passes, and what falls short.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Tally } from "../../bench/load/tally.ts";
import * as targets from "../../bench/load/targets.ts";
import { run } from "../support/process.ts";

const root = new URL("../..", import.meta.url).pathname;

/** A thousand calls, of which the slowest `slow` took `ms`. */
function tallyOf(slow: number, ms: number): Tally {
  const tally = new Tally();
  for (let i = 0; i < 1000; i++) tally.succeed(i < slow ? ms : 0.2);
  return tally;
}

Deno.test("10 000 calls a second pass where all were answered in time", () => {
  const met = (tally: Tally, throughput: number) => targets.busyLine("tcp", tally, throughput).met;
  assert.equal(met(tallyOf(0, 0), 10_000), true);
  assert.equal(met(tallyOf(0, 0), 9_800), false);
  assert.equal(met(tallyOf(9, 500), 10_000), true);
  assert.equal(met(tallyOf(20, 250), 10_000), false);
  assert.equal(met(tallyOf(60, 110), 10_000), false);
  assert.equal(met(tallyOf(20, 150), 10_000), true);
  assert.equal(met(new Tally(), 10_000), false);
});

Deno.test("the other targets pass and fall short at their limits", () => {
  assert.equal(targets.manyLine("tcp", 10_000, tallyOf(20, 19)).met, true);
  assert.equal(targets.manyLine("tcp", 10_000, tallyOf(20, 21)).met, false);
  assert.equal(targets.manyLine("tcp", 9_999, tallyOf(0, 0)).met, false);
  assert.equal(targets.growthLine("x", 49e6, 0, 60e6).met, true);
  assert.equal(targets.growthLine("x", 51e6, 0, 60e6).met, false);
  const few = tallyOf(0, 0);
  assert.equal(targets.errorLine(few).met, true);
  few.count("remote", 2);
  const { met, measured } = targets.errorLine(few);
  assert.deepEqual([met, measured], [false, "0.1996 % of 1,002, remote 2"]);
  assert.equal(targets.errorLine(new Tally()).met, false);
});

Deno.test("a tenth of the peak is judged by the turn in the middle, and told with the range of all", () => {
  const calm = (...ms: number[]) =>
    targets.calmLine("tcp", 1000, ms.map((slow) => tallyOf(20, slow)), [tallyOf(20, 2)]);
  assert.equal(calm(0.9, 0.8, 30).met, true);
  assert.equal(calm(1.1, 0.8, 30).met, false);
  assert.equal(
    calm(30, 0.8, 0.9).measured,
    "p50 0.20 ms, p99 0.90 ms, 0.80 ms to 30 ms (bare sockets: p50 0.20 ms, p99 2.00 ms, 2.00 ms to 2.00 ms)",
  );
  const silent = targets.calmLine("tcp", 1000, [new Tally(), tallyOf(20, 0.8), tallyOf(20, 0.8)], []);
  assert.equal(silent.met, false, "a turn in which nothing was answered");
});

Deno.test("the table says pass, SHORT or nothing, and all are met only without a SHORT", () => {
  const line = (met: boolean | undefined): targets.Line => ({ subject: "a", target: "b", measured: "c", met });
  assert.equal(targets.tableOf([line(true), line(false), line(undefined)]), "a  b  c  pass\na  b  c  SHORT\na  b  c");
  assert.equal(targets.allMet([line(true), line(undefined)]), true);
  assert.equal(targets.allMet([line(true), line(false)]), false);
});

Deno.test("bench:targets measures a transport and ends with whether its targets are met", async () => {
  const args = ["run", "--allow-all", "bench/targets.ts", "--quick", "--only", "memory"];
  const { code, stdout, stderr } = await run(Deno.execPath(), args, { cwd: root, timeoutMs: 60_000 });
  assert.match(stdout, /^memory at 10,000 calls\/s .* p95 [\d.]+ ms, p99 [\d.]+ ms +(pass|SHORT)$/m, stderr);
  assert.match(stdout, /^memory at a tenth of the peak .*(pass|SHORT)$/m);
  assert.match(stdout, /^errors over all of these calls .*(pass|SHORT)$/m);
  assert.match(stdout, /% CPU \d+ MB/);
  assert.equal(code, /SHORT/.test(stdout) ? 1 : 0);
  assert.equal(/^All targets are met$/m.test(stdout), code === 0);
});

Deno.test("bench:targets refuses what it does not know", async () => {
  const args = ["run", "--allow-all", "bench/targets.ts", "--only", "udp"];
  const { code, stderr } = await run(Deno.execPath(), args, { cwd: root });
  assert.equal(code, 2);
  assert.match(stderr, /^Cannot use --only udp: tcp, tls/);
  const help = await run(Deno.execPath(), ["run", "--allow-all", "bench/targets.ts", "--help"], { cwd: root });
  assert.equal(help.code, 0);
  assert.match(help.stdout, /^Usage: deno task bench:targets .*\n {2}--quick/);
});
