/**
 * webhook(): what arrives, what is tried again, and what is given up.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { http, ManualClock, serve, type Webhook, webhook, type WebhookOptions } from "../../../mod.ts";

/** A webhook whose requests the test answers one by one. */
class World {
  readonly clock = new ManualClock();
  readonly requests: { body: unknown; key: string | null; redirect: string; signal: AbortSignal }[] = [];
  readonly lost: string[] = [];
  readonly hook: Webhook;
  /** What the next requests are answered by; past the last, by 200. */
  answers: (number | Error | "never")[] = [];

  constructor(options: WebhookOptions = {}) {
    this.hook = webhook("https://alerts.example/x", {
      clock: this.clock,
      random: () => 1,
      onLost: (message, reason) => this.lost.push(`${(message as { n: number }).n}: ${reason}`),
      fetch: async (request) => {
        const { signal, redirect, headers } = request;
        this.requests.push({ body: await request.json(), key: headers.get("idempotency-key"), redirect, signal });
        const answer = this.answers.shift() ?? 200;
        if (answer instanceof Error) throw answer;
        if (answer !== "never") return new Response("answer", { status: answer });
        return await new Promise<Response>((_, reject) => {
          signal.addEventListener("abort", () => reject(new Error("aborted")));
        });
      },
      ...options,
    });
  }

  /** Lets requests come and go: the platform reads their bodies in turns of its own. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) {
      await this.clock.advance(0);
      await new Promise<void>((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
          port1.close();
          resolve();
        };
        port2.postMessage(0);
      });
    }
  }
}

Deno.test("messages arrive at a real server in order, as JSON", async () => {
  const got: [string, string | null, unknown][] = [];
  const server = await serve(http({ port: 0 }), async (request: Request) => {
    got.push([request.method, request.headers.get("content-type"), await request.json()]);
    return new Response("thanks");
  });
  using hook = webhook(`http://127.0.0.1:${server.addr.port}/alerts`, { headers: { "x-who": "test" } });
  hook.send({ text: "one" });
  hook.send({ text: "two" });
  await hook.idle();
  assert.deepEqual(got, [
    ["POST", "application/json", { text: "one" }],
    ["POST", "application/json", { text: "two" }],
  ]);
  assert.deepEqual(hook.stats(), { waiting: 0, delivered: 2, lost: 0 });
  await server.shutdown();
});

Deno.test("what fails for now is tried again with the same key, after twice the wait each time", async () => {
  const world = new World();
  world.answers = [503, new Error("refused"), 429];
  world.hook.send({ n: 1 });
  await world.settle();
  const seen = [world.requests.length];
  for (const waitMs of [499, 1, 999, 1, 1999, 1]) {
    await world.clock.advance(waitMs);
    await world.settle();
    seen.push(world.requests.length);
  }
  assert.deepEqual(seen, [1, 1, 2, 2, 3, 3, 4]);
  assert.equal(new Set(world.requests.map(({ key }) => key)).size, 1);
  assert.deepEqual(world.hook.stats(), { waiting: 0, delivered: 1, lost: 0 });
});

Deno.test("a refusal is final, and so is the last attempt; the next message goes on", async () => {
  const world = new World({ attempts: 2 });
  world.answers = [400, 500, 500, 302];
  for (const n of [1, 2, 3, 4]) world.hook.send({ n });
  await world.settle();
  await world.clock.advance(500);
  await world.settle();
  assert.deepEqual(world.lost, [
    "1: Message not delivered: it answered 400",
    "2: Message not delivered: 2 attempts failed, the last: it answered 500",
    "3: Message not delivered: it answered 302",
  ]);
  assert.equal(world.requests[0].redirect, "manual");
  assert.deepEqual(world.hook.stats(), { waiting: 0, delivered: 1, lost: 3 });
});

Deno.test("an attempt that is not answered in time is cancelled and made again", async () => {
  const world = new World({ timeoutMs: 1000 });
  world.answers = ["never"];
  world.hook.send({ n: 1 });
  await world.settle();
  await world.clock.advance(999);
  assert.equal(world.requests[0].signal.aborted, false);
  await world.clock.advance(1);
  assert.equal(world.requests[0].signal.aborted, true);
  await world.settle();
  await world.clock.advance(500);
  await world.settle();
  assert.deepEqual(world.hook.stats(), { waiting: 0, delivered: 1, lost: 0 });
  assert.equal(world.clock.pending, 0);
});

Deno.test("only so many wait; the oldest is dropped, and closing gives up the rest", async () => {
  const world = new World({ maxWaiting: 3 });
  world.answers = ["never"];
  for (const n of [1, 2, 3, 4, 5]) world.hook.send({ n });
  assert.deepEqual(world.lost, ["2: Message not delivered: 3 others wait", "3: Message not delivered: 3 others wait"]);
  await world.settle();
  world.hook.close();
  await world.settle();
  assert.deepEqual(world.lost.slice(2), [1, 4, 5].map((n) => `${n}: Message not delivered: it was closed`));
  world.hook.send({ n: 6 });
  assert.deepEqual(world.hook.stats(), { waiting: 0, delivered: 0, lost: 6 });
  assert.equal(world.clock.pending, 0);
});

Deno.test("what is no JSON is lost, and what is no address is refused", async () => {
  const world = new World();
  world.hook.send(1n);
  await world.settle();
  world.hook.send(undefined);
  await world.settle();
  assert.equal(world.hook.stats().lost, 2);
  assert.equal(world.requests.length, 0);
  for (const url of ["nowhere", "ftp://host/x"]) {
    assert.throws(() => webhook(url), { code: "invalid-option", message: /option url is/ });
  }
});

Deno.test("where there is room for one only, a newer one takes the place of the one on its way", async () => {
  const world = new World({ maxWaiting: 1, attempts: 1 });
  world.answers = ["never"];
  world.hook.send({ n: 1 });
  await world.settle();
  world.hook.send({ n: 2 });
  assert.deepEqual(world.hook.stats(), { waiting: 1, delivered: 0, lost: 1 });
  await world.clock.advance(5000);
  await world.settle();
  assert.deepEqual(world.requests.map(({ body }) => body), [{ n: 1 }, { n: 2 }]);
  assert.deepEqual(world.hook.stats(), { waiting: 0, delivered: 1, lost: 1 });
});

Deno.test("a message that comes as the last one is just delivered is sent as well, whatever the moment", async () => {
  for (let turns = 0; turns < 20; turns++) {
    const answered = Promise.withResolvers<void>();
    const hook = webhook("https://alerts.example/x", {
      fetch: () => {
        answered.resolve();
        return Promise.resolve(new Response(null, { status: 204 }));
      },
    });
    hook.send({ n: 1 });
    await answered.promise;
    for (let turn = 0; turn < turns; turn++) await undefined;
    hook.send({ n: 2 });
    for (let turn = 0; turn < 50; turn++) await undefined;
    assert.deepEqual(hook.stats(), { waiting: 0, delivered: 2, lost: 0 }, `after ${turns} turns`);
  }
});

Deno.test("a fetch that never answers and heeds no signal holds nothing up", async () => {
  let calls = 0;
  const world = new World({
    attempts: 1,
    fetch: () => calls++ === 0 ? new Promise<Response>(() => {}) : Promise.resolve(new Response()),
  });
  world.hook.send({ n: 1 });
  world.hook.send({ n: 2 });
  await world.clock.advance(5000);
  await world.settle();
  assert.deepEqual(world.hook.stats(), { waiting: 0, delivered: 1, lost: 1 });
  assert.equal(world.clock.pending, 0);
});

Deno.test("what goes wrong in the settings costs the message that it is about, and no other", async () => {
  const world = new World({
    random: () => {
      throw new Error("no dice");
    },
  });
  world.answers = [503];
  world.hook.send({ n: 1 });
  world.hook.send({ n: 2 });
  await world.settle();
  assert.deepEqual(world.lost, ["1: Message not delivered: no dice"]);
  assert.deepEqual(world.hook.stats(), { waiting: 0, delivered: 1, lost: 1 });
});
