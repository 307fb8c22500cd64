/**
 * What went wrong in pools and balancers of others, each test named after it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, TransportError } from "../../mod.ts";
import { settle } from "../support/calls.ts";
import { Random } from "../support/random.ts";
import { balanced } from "./_endpoints.ts";
import { finish, pooled, reconnecting } from "./_set_up.ts";

const fails = new TransportError("remote", "The endpoint says no", { processed: "yes" });

Deno.test("nodejs/undici#5845: for a call that was given up during the back-off nothing is dialled", async () => {
  const set = reconnecting({ waitForReady: true, initialBackoffMs: 100 });
  const controller = new AbortController();
  const call = set.call(0, callContext({ signal: controller.signal }));
  await set.refuse();
  assert.equal(set.transport.dialled, 1);
  controller.abort(new Error("gone"));
  await settle();
  assert.equal(call.code, "cancelled");
  await set.clock.advance(60_000);
  assert.equal(set.transport.dialled, 1, "nobody needs the socket");
  assert.deepEqual(set.transport.received, []);
  await finish(set);
});

Deno.test("nodejs/undici#5144: whoever waits when the only connection has reached its age gets the next one", async () => {
  const set = pooled({
    max: 1,
    callsPerConnection: 1,
    maxLifetimeMs: 10_000,
    acquireTimeoutMs: 60_000,
    random: () => 0,
  });
  const first = set.call();
  const old = await set.connect(1);
  const waiting = [set.call(), set.call()];
  await set.clock.advance(10_000);
  assert.equal(old.state, "draining");
  const next = await set.connect(1);
  for (const call of [...old.calls, ...next.calls]) call.reply();
  await settle();
  assert.deepEqual([first.settled, waiting[0].settled], [1, 1]);
  for (const call of [...next.calls]) call.reply();
  await settle();
  assert.equal(waiting[1].reply, 2);
  await finish(set);
});

Deno.test("nodejs/undici#4839: when all endpoints were down none is called alone, and each is found again", async () => {
  for (const strategy of ["round-robin", "least-loaded", "least-latency", "adaptive"] as const) {
    const draws = new Random(1);
    const set = balanced(["a", "b", "c"], { strategy, random: () => draws.below(1_000_000) / 1_000_000 });
    const calls = async (count: number, works: boolean): Promise<Record<string, number>> => {
      const got: Record<string, number> = { a: 0, b: 0, c: 0 };
      for (let i = 0; i < count; i++) {
        const { name, calls } = set.begin();
        got[name]++;
        await set.clock.advance(10);
        if (works) calls.at(-1)!.resolve("");
        else calls.at(-1)!.reject(fails);
        await settle();
      }
      return got;
    };
    for (const [name, count] of Object.entries(await calls(90, false))) {
      assert.ok(count <= 60, `${strategy}, down: ${name} got ${count} of 90`);
    }
    // The longest that any may be left out.
    await set.clock.advance(600_000);
    for (const [name, count] of Object.entries(await calls(90, true))) {
      assert.ok(count >= 10 && count <= 60, `${strategy}, up again: ${name} got ${count} of 90`);
    }
    await set.client.close();
  }
});
