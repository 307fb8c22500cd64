/**
 * The strategies of pool(): which connection carries a call.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type PoolOptions, TransportError } from "../../mod.ts";
import { settle } from "../support/calls.ts";
import { Random } from "../support/random.ts";
import type { ScriptedSession } from "./_script.ts";
import { finish, pooled, type PoolSetUp } from "./_set_up.ts";

/** A pool of `count` connections, all open. */
async function open(count: number, options: PoolOptions<number, number>): Promise<[PoolSetUp, ScriptedSession[]]> {
  const set = pooled({ min: count, max: count, prewarm: true, ...options });
  const sessions: ScriptedSession[] = [];
  for (let i = 0; i < count; i++) sessions.push(await set.connect());
  return [set, sessions];
}

/** Makes a call and ends it after `ms`; says which connection carried it. */
async function timed(
  { call, clock }: PoolSetUp,
  sessions: ScriptedSession[],
  msOf: (index: number) => number,
  fails: (index: number) => boolean = () => false,
): Promise<number> {
  call();
  const index = sessions.findIndex(({ load }) => load > 0);
  await clock.advance(msOf(index));
  const [carried] = sessions[index].calls;
  if (fails(index)) carried.fail(new TransportError("remote", "The script fails it", { remote: true }));
  else carried.reply();
  await settle();
  return index;
}

Deno.test("round-robin takes each connection in its turn, and leaves out those that are full", async () => {
  const [set, sessions] = await open(3, { strategy: "round-robin" });
  for (let i = 0; i < 6; i++) set.call();
  assert.deepEqual(sessions.map(({ load }) => load), [2, 2, 2]);
  sessions[1].drain();
  await settle();
  for (let i = 0; i < 4; i++) set.call();
  assert.deepEqual([sessions[0].load, sessions[2].load], [4, 4]);
  await finish(set);
});

Deno.test("least-latency sends most calls to the fastest connection, and still tries the others", async () => {
  const random = new Random(7);
  const draw = (): number => random.below(1000) / 1000;
  const [set, sessions] = await open(3, { strategy: "least-latency", random: draw });
  const carried = [0, 0, 0];
  for (let i = 0; i < 600; i++) carried[await timed(set, sessions, (index) => [5, 50, 50][index])]++;
  assert.ok(carried[0] > 340, `${carried}`);
  assert.ok(carried[1] > 0 && carried[2] > 0, `${carried}`);
  await finish(set);
});

Deno.test("least-latency notices a slow answer at once, and forgets it with time", async () => {
  const [set, sessions] = await open(2, { strategy: "least-latency" });
  let slow = 0;
  const ms = (index: number): number => index === slow ? 400 : 2;
  for (let i = 0; i < 4; i++) await timed(set, sessions, ms);
  for (let i = 0; i < 20; i++) assert.equal(await timed(set, sessions, ms), 1);
  slow = 1;
  await timed(set, sessions, ms);
  const carried = [];
  for (let i = 0; i < 3; i++) carried.push(await timed(set, sessions, ms));
  assert.ok(carried.includes(0), `${carried}`);
  await finish(set);
});

Deno.test("least-latency does not take a connection that fails at once for a fast one", async () => {
  const [set, sessions] = await open(2, { strategy: "least-latency" });
  const carried = [0, 0];
  for (let i = 0; i < 40; i++) {
    carried[await timed(set, sessions, (index) => index === 0 ? 1 : 20, (index) => index === 0)]++;
  }
  assert.ok(carried[1] > 35, `${carried}`);
  await finish(set);
});

Deno.test("least-latency gives one of which nothing is known one call, not all of them", async () => {
  const [set, sessions] = await open(2, { strategy: "least-latency" });
  await timed(set, sessions, () => 10);
  // The other one is new: the first call is its, the next ones are not while that is not answered.
  for (let i = 0; i < 5; i++) set.call();
  const loads = sessions.map(({ load }) => load).sort();
  assert.deepEqual(loads, [1, 4]);
  await finish(set);
});

Deno.test("what callers gave up says nothing about a connection", async () => {
  const [set, sessions] = await open(2, { strategy: "least-latency" });
  for (let i = 0; i < 4; i++) await timed(set, sessions, () => 10);
  const cancelled = new TransportError("cancelled", "The caller left");
  const before = await timed(set, sessions, () => 10);
  set.call();
  const index = sessions.findIndex(({ load }) => load > 0);
  await set.clock.advance(900);
  sessions[index].calls[0].fail(cancelled);
  await settle();
  const after = [await timed(set, sessions, () => 10), await timed(set, sessions, () => 10)];
  assert.ok(after.includes(before) && after.includes(index), `${before} ${index} ${after}`);
  await finish(set);
});

Deno.test("adaptive avoids a connection that fails, and one that is slow", async () => {
  const random = new Random(3);
  const draw = (): number => random.below(1000) / 1000;
  const [set, sessions] = await open(3, { strategy: "adaptive", random: draw });
  const carried = [0, 0, 0];
  for (let i = 0; i < 300; i++) {
    carried[await timed(set, sessions, (index) => [10, 10, 80][index], (index) => index === 1)]++;
  }
  assert.ok(carried[0] > 180, `${carried}`);
  await finish(set);
});

Deno.test("adaptive goes by its weights: with age alone the youngest carries the calls", async () => {
  const weights = { latency: 0, errors: 0, age: 1 };
  const [set, sessions] = await open(1, { strategy: "adaptive", weights, min: 1, max: 2, callsPerConnection: 1 });
  await set.clock.advance(1_800_000);
  set.call();
  set.call();
  sessions.push(await set.connect());
  for (const session of sessions) for (const call of [...session.calls]) call.reply();
  await settle();
  for (let i = 0; i < 5; i++) assert.equal(await timed(set, sessions, () => 1), 1);
  await finish(set);
});
