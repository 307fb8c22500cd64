/**
 * balance() leaves out endpoints of which somebody else says that they are not
 * well.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../mod.ts";
import { balanced, type BalanceSetUp } from "./_endpoints.ts";

const fails = new TransportError("remote", "The script fails it", { remote: true });

/** Four endpoints in turn; those in `ill` are not well. */
function four(ill: Set<string>, ejection?: false): BalanceSetUp {
  return balanced(["a", "b", "c", "d"], {
    strategy: "round-robin",
    isHealthy: (name) => {
      if (ill.has(`throw ${name}`)) throw new Error("nobody knows");
      return !ill.has(name);
    },
    ...(ejection === undefined ? {} : { ejection }),
  });
}

async function reached(set: BalanceSetUp, count: number): Promise<string> {
  const names: string[] = [];
  for (let i = 0; i < count; i++) names.push(await set.once());
  return names.sort().join("");
}

const told = ({ events }: BalanceSetUp): string[] =>
  events.flatMap((event) =>
    event.type === "endpoint-ejected"
      ? [`${event.endpoint} out for ${event.forMs}: ${event.reason}`]
      : event.type === "endpoint-readmitted"
      ? [`${event.endpoint} back`]
      : []
  );

Deno.test("an endpoint that is not healthy gets no calls until it is", async () => {
  const ill = new Set<string>();
  const set = four(ill);
  assert.equal(await reached(set, 8), "aabbccdd");
  ill.add("b");
  await set.clock.advance(100);
  assert.equal(await reached(set, 6), "aaccdd");
  assert.deepEqual(set.client.stats().map(({ healthy }) => healthy), [true, false, true, true]);
  ill.clear();
  await set.clock.advance(99);
  assert.equal(await reached(set, 6), "aaccdd");
  await set.clock.advance(1);
  assert.equal(await reached(set, 8), "aabbccdd");
  assert.deepEqual(told(set), ["b out for Infinity: it is not healthy", "b back"]);
  await set.client.close();
});

Deno.test("where too few are healthy all carry calls, and whoever can't tell has nothing against an endpoint", async () => {
  const ill = new Set(["a", "b", "c"]);
  const set = four(ill);
  assert.equal(await reached(set, 8), "aabbccdd");
  ill.delete("c");
  await set.clock.advance(100);
  assert.equal(await reached(set, 4), "ccdd");
  ill.clear();
  ill.add("a").add("throw b");
  await set.clock.advance(100);
  assert.equal(await reached(set, 3), "bcd");
  await set.client.close();
});

Deno.test("an endpoint that is not healthy gets no calls, also where none is ejected", async () => {
  const set = four(new Set(["b"]), false);
  assert.equal(await reached(set, 6), "aaccdd");
  await set.client.close();
});

Deno.test("an endpoint that was ejected, too, is back when both reasons are gone", async () => {
  const ill = new Set<string>();
  const set = four(ill);
  for (let i = 0; i < 20; i++) await set.once((call, name) => name === "b" ? call.reject(fails) : call.resolve(""));
  ill.add("b");
  await set.clock.advance(30_000);
  assert.equal(await reached(set, 3), "acd");
  assert.deepEqual(told(set).map((line) => line.split(":")[0]), ["b out for 30000", "b out for Infinity"]);
  ill.clear();
  await set.clock.advance(100);
  assert.equal(await reached(set, 4), "abcd");
  assert.equal(told(set).at(-1), "b back");
  await set.client.close();
});
