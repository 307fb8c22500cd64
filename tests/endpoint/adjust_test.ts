/**
 * A pool whose settings are changed while it works.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { adjustablesOf, type AdjustableStage, ManualClock, pool, type PoolOptions } from "../../mod.ts";
import { settle, Watched } from "../support/calls.ts";
import { ScriptedTransport } from "./_script.ts";

function setUp(options: PoolOptions<number, number>): {
  clock: ManualClock;
  transport: ScriptedTransport;
  client: ReturnType<ReturnType<typeof pool<number, number>>>;
  stage: AdjustableStage;
} {
  const clock = new ManualClock();
  const transport = new ScriptedTransport();
  const middleware = pool<number, number>({ clock, random: () => 1, ...options });
  return { clock, transport, client: middleware(transport), stage: adjustablesOf(middleware)[0] };
}

async function connect(transport: ScriptedTransport, capacity = 1): Promise<void> {
  transport.dials[0].succeed(capacity);
  await settle();
}

Deno.test("a pool that grows opens connections for those who wait", async () => {
  const { transport, client, stage } = setUp({ max: 1 });
  const calls = [0, 1, 2].map((request) => new Watched(client(request)));
  await connect(transport);
  assert.equal(transport.dials.length, 0);
  stage.adjust("max", 3);
  await connect(transport);
  await connect(transport);
  assert.deepEqual([client.stats().active, client.stats().waiting], [3, 0]);
  for (const session of transport.alive) session.calls[0].reply();
  await settle();
  assert.deepEqual(calls.map(({ reply }) => reply), [0, 1, 2]);
  await client.close();
});

Deno.test("a pool that shrinks lets the idlest connections finish, and loses no call", async () => {
  const { transport, client, stage } = setUp({ max: 3 });
  const calls = [0, 1, 2].map((request) => new Watched(client(request)));
  for (let dial = 0; dial < 3; dial++) await connect(transport);
  transport.alive[1].calls[0].reply();
  await settle();
  stage.adjust("max", 1);
  await settle();
  const { total, draining } = client.stats();
  assert.deepEqual([total, draining, transport.alive.length], [1, 1, 2], "the idle one is gone, one more finishes");
  for (const session of [...transport.alive]) session.calls[0].reply();
  await settle();
  assert.deepEqual(calls.map(({ reply }) => reply), [0, 1, 2]);
  assert.equal(client.stats().total, 1);
  await client.close();
});

Deno.test("more connections are kept from the moment on at which a pool in use is told to", async () => {
  const { transport, client, stage } = setUp({ max: 4, min: 1, prewarm: true });
  await connect(transport);
  stage.adjust("min", 3);
  assert.equal(transport.dials.length, 2);
  assert.throws(() => stage.adjust("min", 5), { code: "invalid-option" });
  assert.throws(() => stage.adjust("max", 2), { code: "invalid-option" });
  assert.throws(() => stage.adjust("prewarm", false), { code: "unsupported" });
  assert.equal(stage.settings().max.value, 4);
  await connect(transport);
  await connect(transport);
  await client.close();
});

Deno.test("an idle timeout that was made shorter or longer holds for connections that are open", async () => {
  const { clock, transport, client, stage } = setUp({ max: 2, idleTimeoutMs: 60_000, validateAfterIdleMs: Infinity });
  const call = new Watched(client(1));
  await connect(transport);
  transport.alive[0].calls[0].reply();
  await settle();
  assert.equal(call.reply, 1);
  stage.adjust("idleTimeoutMs", 1000);
  stage.adjust("idleTimeoutMs", 40_000);
  await clock.advance(30_000);
  assert.equal(client.stats().total, 1);
  stage.adjust("idleTimeoutMs", 1000);
  await clock.advance(1250);
  assert.equal(client.stats().total, 0);
  await client.close();
});

Deno.test("a closed pool hears of no changes, and one that waits is told in the new time", async () => {
  const { clock, transport, client, stage } = setUp({ max: 1, acquireTimeoutMs: 5000 });
  stage.adjust("acquireTimeoutMs", 100);
  const call = new Watched(client(1));
  await clock.advance(100);
  assert.equal(call.code, "acquire-timeout");
  await connect(transport);
  await client.close();
  stage.adjust("min", 1);
  assert.equal(transport.dials.length, 0);
});
