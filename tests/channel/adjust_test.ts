/**
 * Middleware for messages whose settings are changed while connections are open.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { adjustablesOf, batch, chain, compress, CompressionStats, ManualClock, memory, shape } from "../../mod.ts";
import { settle } from "../support/calls.ts";
import { join, numbered, type Pair, part, Recorder } from "../support/channels.ts";

function recorders(pair: Pair): [Recorder, Recorder] {
  const [near, far] = [new Recorder(), new Recorder()];
  pair.near.receive(near);
  pair.far.receive(far);
  return [near, far];
}

Deno.test("a rate that is raised lets go at once what waits for it, in the direction that this end sends", async () => {
  const clock = new ManualClock();
  const transport = chain(memory(), shape({ clock, burstBytes: 100, fragmentBytes: 256 }));
  const [stage] = adjustablesOf(transport);
  stage.adjust("upBytesPerSecond", 100);
  const pair = await join(transport);
  const [near, far] = recorders(pair);
  await settle();
  for (let number = 0; number < 8; number++) void pair.near.send(numbered(number, 200));
  await clock.advance(1);
  const before = far.messages.length;
  assert.ok(before < 8, `${before} went`);
  stage.adjust("burstBytes", 10_000);
  stage.adjust("upBytesPerSecond", Infinity);
  await settle();
  await clock.advance(1);
  assert.equal(far.messages.length, 8);
  assert.throws(() => stage.adjust("downBytesPerSecond", 0), { code: "invalid-option" });
  assert.throws(() => stage.adjust("fragmentBytes", 512), { code: "unsupported" });
  await part(pair, near, far);
});

Deno.test("batches are gathered by the settings of the moment", async () => {
  const clock = new ManualClock();
  const transport = chain(memory(), batch({ clock, lingerMs: 0, maxMessages: 100 }));
  const [stage] = adjustablesOf(transport);
  const pair = await join(transport);
  const [near, far] = recorders(pair);
  stage.adjust("lingerMs", 10);
  void pair.near.send("first");
  await settle();
  assert.equal(far.messages.length, 0, "it lingers");
  stage.adjust("maxMessages", 2);
  void pair.near.send("second");
  await settle();
  assert.equal(far.messages.length, 2, "two are a batch now");
  assert.throws(() => stage.adjust("lingerMs", Infinity), { code: "invalid-option" });
  assert.throws(() => stage.adjust("highWaterBytes", 0x7fff_ffff), { code: "invalid-option" });
  assert.throws(() => stage.adjust("maxBytes", 1024), { code: "unsupported" });
  await part(pair, near, far);
});

Deno.test("messages are compressed from the threshold of the moment on", async () => {
  const stats = new CompressionStats();
  const transport = chain(memory(), compress({ format: "lz4", thresholdBytes: 10_000, stats }));
  const pair = await join(transport);
  const [near, far] = recorders(pair);
  await settle();
  void pair.near.send(new Uint8Array(5000));
  assert.equal(stats.compressed, 0);
  adjustablesOf(transport)[0].adjust("thresholdBytes", 1000);
  void pair.near.send(new Uint8Array(5000));
  assert.equal(stats.compressed, 1);
  await settle();
  assert.equal(far.messages.length, 2);
  await part(pair, near, far);
});
