/**
 * The example of two servers behind NATS, in a short run.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { natsServer } from "../support/brokers.ts";
import { peerTest, run } from "../support/peer.ts";

const root = new URL("../..", import.meta.url).pathname;
const command = ["run", "--allow-all", "examples/cluster.ts"];

/** A figure of the table. */
function figure(table: string, name: string): number {
  const match = new RegExp(`^${name} +(\\d+)`, "m").exec(table);
  assert.ok(match !== null, `the table has a row ${name}:\n${table}`);
  return Number(match[1]);
}

peerTest("the example of a cluster loses no call when one of its servers is killed", [natsServer], async () => {
  const { stdout, stderr, code } = await run(Deno.execPath(), [...command, "--seconds", "3"], {
    cwd: root,
    timeoutMs: 60_000,
  });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  assert.equal(figure(stdout, "failed"), 0);
  assert.ok(figure(stdout, "calls") > 100);
  assert.equal(figure(stdout, "answered"), figure(stdout, "calls"));
  assert.ok(figure(stdout, "retried") > 0, "what the killed server had in hand was repeated");
  for (const name of ["one", "two", "three"]) assert.match(stdout, new RegExp(`[(,] ?${name} \\d`));
});

Deno.test("the example of a cluster says how to install the broker that is missing", async () => {
  const folder = await Deno.makeTempDir({ prefix: "wireway_" });
  const { stderr, code } = await run(Deno.execPath(), command, {
    cwd: root,
    timeoutMs: 60_000,
    env: { PATH: folder },
  });
  await Deno.remove(folder);
  assert.match(stderr, /apt install nats-server/);
  assert.equal(code, 1);
});
