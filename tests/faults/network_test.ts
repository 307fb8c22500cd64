/**
 * resilient() over real connections whose network fails: whatever happens,
 * every call is settled, what must not be sent twice is not, and the client
 * finds its way back.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext } from "../../mod.ts";
import { until } from "../support/channels.ts";
import { FaultWorld, transports } from "./_world.ts";

for (const name of Object.keys(transports)) {
  const test = (title: string, run: (world: FaultWorld) => Promise<void>, timeoutMs = 900): void => {
    Deno.test(`${name}: ${title}`, () => FaultWorld.run(name, run, { timeoutMs }));
  };

  test("latency: calls wait for it, and none is made twice", async (world) => {
    world.proxy.delay(15);
    await world.calls(60, 12);
    assert.deepEqual([world.answered, world.executions], [60, 60]);
  }, 20_000);

  test("reset: connections that are cut are opened again, and calls that may be made again are answered", async (world) => {
    await world.calls(300, 10, (index) => {
      if (index % 60 === 30) world.proxy.cutAll("reset");
    });
    assert.ok(world.proxy.accepted >= 5, `${world.proxy.accepted} connections`);
    assert.ok(world.answered >= 240, `${world.answered} calls were answered`);
    await world.recovers();
  });

  test("reset in the middle of a reply: the reply is not taken for a whole one", async (world) => {
    await world.recovers();
    for (let i = 0; i < 4; i++) {
      world.proxy.cutAfterBytes(300, "down", { how: i % 2 === 0 ? "reset" : "fin" });
      await world.calls(6, 3);
    }
    await world.recovers();
  });

  for (const direction of ["up", "down"] as const) {
    test(`loss of bytes on the way ${direction}: their connection ends, and no other`, async (world) => {
      await world.recovers();
      for (const bytes of [1, 7, 100]) {
        world.proxy.lose(bytes, direction);
        await world.calls(6, 3);
        await world.recovers();
      }
      await world.idle();
    });
  }

  test("half-open: dead connections are replaced, though nobody says that they are dead", async (world) => {
    await world.calls(20, 10);
    const before = world.proxy.accepted;
    world.proxy.freeze();
    await world.calls(40, 10);
    await world.recovers();
    assert.ok(world.proxy.accepted > before, "other connections were opened");
    const failed = world.failed;
    await world.calls(20, 4);
    assert.ok(world.failed - failed <= 10, "new calls go over the new connections");
  });

  test("slow drip: calls end in time, and are answered when it is over", async (world) => {
    await world.recovers();
    world.proxy.throttle(150);
    await world.calls(8, 4);
    assert.ok(world.failed > 0);
    world.proxy.throttle(Infinity);
    await world.recovers();
  });

  test("blackhole: calls end in time, the breaker opens, refuses, and closes when it is over", async (world) => {
    await world.recovers();
    world.proxy.pause();
    await world.becomes("open");
    const [answered, executions] = [world.answered, world.executions];
    await world.calls(20, 20);
    assert.equal(world.answered, answered);
    assert.ok(world.codes.has("deadline-exceeded"));
    assert.equal(world.executions, executions);
    world.proxy.resume();
    await world.becomes("closed");
    await world.recovers();
  }, 400);

  test("flapping: the breaker and the pool hold back, and all is well when it is over", async (world) => {
    await world.recovers();
    let flaps = 0;
    const timer = setInterval(() => {
      world.proxy.refuse(++flaps % 2 === 1);
      world.proxy.cutAll(flaps % 4 < 2 ? "reset" : "fin");
    }, 20);
    try {
      while (flaps < 20) await world.calls(12, 12);
    } finally {
      clearInterval(timer);
    }
    // No more than a connection for each of the pool's places and flap that let any through.
    assert.ok(world.proxy.accepted <= 1 + 10 * 11, `${world.proxy.accepted} connections`);
    world.proxy.refuse(false);
    await world.recovers();
    await world.becomes("closed");
    await world.idle();
  });

  test("a caller that gives up in the middle of a fault leaves nothing behind", async (world) => {
    await world.recovers();
    world.proxy.pause();
    const controller = new AbortController();
    const calls = Array.from({ length: 10 }, () => world.client("-1 x", callContext({ signal: controller.signal })));
    await until(() => world.client.stats().pool.active + world.client.stats().pool.waiting > 0, "calls in flight");
    controller.abort();
    const outcomes = await Promise.allSettled(calls);
    assert.ok(outcomes.every(({ status }) => status === "rejected"));
    assert.equal(world.client.stats().breaker, "closed", "who gives up is no failure of the far side");
    world.proxy.resume();
    await world.idle();
    await world.recovers();
  });
}
