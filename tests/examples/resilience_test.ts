/**
 * The example that breaks the network, in a short run.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { run } from "../support/process.ts";

const root = new URL("../..", import.meta.url).pathname;

/** The two figures of a row of the table. */
function row(table: string, name: string): [number, number] {
  const match = new RegExp(`^${name} +([\\d.]+)[^\\d\\n]*([\\d.]+)`, "m").exec(table);
  assert.ok(match !== null, `the table has a row ${name}:\n${table}`);
  return [Number(match[1]), Number(match[2])];
}

/** One run of the example. */
async function shown(): Promise<string> {
  const command = ["run", "--allow-all", "examples/resilience.ts", "--seconds", "3"];
  const { stdout, stderr, code } = await run(Deno.execPath(), command, { cwd: root, timeoutMs: 60_000 });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  assert.deepEqual(row(stdout, "payments made twice"), [0, 0]);
  for (const measured of ["calls", "connections opened", "connection set-up, p50", "bytes on the wire, per call"]) {
    assert.ok(row(stdout, measured).every((figure) => figure > 0), measured);
  }
  assert.ok(row(stdout, "memory of the process").every((mebibytes) => mebibytes > 10));
  return stdout;
}

Deno.test("the example of a broken network shows a client that keeps its promises, beside one that does not", async () => {
  // A promise of so many milliseconds can't be kept on a machine that stands still: one run of three must show it.
  const runs: string[] = [];
  const kept = (table: string): boolean => {
    const failed = row(table, "failed calls");
    return failed[1] < failed[0] / 2 && row(table, "latency, longest")[1] < 2500;
  };
  do runs.push(await shown()); while (!kept(runs.at(-1)!) && runs.length < 3);
  assert.ok(kept(runs.at(-1)!), runs.join("\n"));
});

Deno.test("the example of a broken network refuses a run that is too long or too short", async () => {
  const command = ["run", "--allow-all", "examples/resilience.ts", "--seconds", "1"];
  const { stderr, code } = await run(Deno.execPath(), command, { cwd: root, timeoutMs: 60_000 });
  assert.equal(stderr, "Cannot use --seconds 1: a number from 3 to 60 is allowed\n");
  assert.equal(code, 1);
});
