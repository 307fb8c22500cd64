/**
 * balance(): spreads calls over several endpoints.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { balance, type BalanceOptions, callContext, chain, describe, timeout } from "../../mod.ts";
import { settle } from "../support/calls.ts";
import { balanced } from "./_endpoints.ts";

const names = ["a", "b", "c", "d"];

Deno.test("round-robin gives each endpoint its turn", async () => {
  const { once } = balanced(names, { strategy: "round-robin" });
  const order = [];
  for (let i = 0; i < 8; i++) order.push(await once());
  assert.deepEqual(order.slice(0, 4).sort(), names);
  assert.deepEqual(order.slice(4), order.slice(0, 4));
});

Deno.test("least-loaded counts what is in flight at each endpoint", () => {
  const { begin } = balanced(names, { strategy: "least-loaded" });
  const order = Array.from({ length: 8 }, () => begin().name);
  assert.deepEqual(order.sort(), ["a", "a", "b", "b", "c", "c", "d", "d"]);
});

Deno.test("a response is in flight until its body was read", async () => {
  const client = balance<string, Request, Response>({
    endpoints: ["a"],
    connect: () => () => Promise.resolve(new Response("a long story")),
  });
  const response = await client(new Request("http://a/"));
  assert.equal(client.stats()[0].load, 1);
  await response.text();
  assert.equal(client.stats()[0].load, 0);
  await client.close();
});

Deno.test("consistent-hash sends a key to the same endpoint, and spreads keys evenly", () => {
  const { begin } = balanced(names, { strategy: "consistent-hash", hashKey: (request) => request });
  const places = new Map<string, string>();
  const counts: Record<string, number> = {};
  for (let i = 0; i < 4000; i++) {
    const { name } = begin(`key ${i}`);
    places.set(`key ${i}`, name);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  for (const name of names) assert.ok(counts[name] > 850 && counts[name] < 1150, JSON.stringify(counts));
  for (let i = 0; i < 4000; i += 97) assert.equal(begin(`key ${i}`).name, places.get(`key ${i}`));
});

Deno.test("when an endpoint goes only its own keys move, and they come back with it", async () => {
  const lists = pushed<readonly string[]>();
  const { begin } = balanced(lists, { strategy: "consistent-hash", hashKey: (request) => request });
  lists.push(names);
  await settle();
  const where = (): string[] => Array.from({ length: 500 }, (_, i) => begin(`${i}`).name);
  const before = where();
  lists.push(names.filter((name) => name !== "b"));
  await settle();
  const without = where();
  for (let i = 0; i < 500; i++) {
    if (before[i] === "b") assert.notEqual(without[i], "b");
    else assert.equal(without[i], before[i]);
  }
  lists.push(names);
  await settle();
  assert.deepEqual(where(), before);
});

Deno.test("calls wait for the first list of endpoints, and are told when they wait too long", async () => {
  const lists = pushed<readonly string[]>();
  const { call, endpoints, clock, client } = balanced(lists, { acquireTimeoutMs: 100, maxWaiting: 3 });
  const waiting = call("1");
  const late = call("2", callContext({ deadline: 50 }));
  const controller = new AbortController();
  const left = call("3", callContext({ signal: controller.signal }));
  assert.equal(call("4").settled, 0);
  await settle();
  assert.equal(call("5").settled, 0);
  const refused = call("6");
  controller.abort();
  await settle();
  assert.equal(left.code, "cancelled");
  assert.equal(refused.code, "overloaded");
  await clock.advance(60);
  assert.equal(late.code, "deadline-exceeded");
  lists.push(["a"]);
  await settle();
  assert.equal(endpoints[0].calls.length, 1);
  endpoints[0].calls[0].resolve("done");
  await settle();
  assert.equal(waiting.reply, "done");
  await client.close();

  const silent = balanced(pushed<readonly string[]>(), { acquireTimeoutMs: 100 });
  const call2 = silent.call();
  await silent.clock.advance(100);
  assert.equal(call2.code, "acquire-timeout");
  await silent.client.close();
});

Deno.test("an endpoint that is no longer listed finishes its calls, is closed, and gets no more", async () => {
  const lists = pushed<readonly string[]>();
  const { endpoints, begin, once, client } = balanced(lists, { strategy: "round-robin" });
  lists.push(["a", "b"]);
  await settle();
  const held = [begin(), begin()].find(({ name }) => name === "b")!;
  lists.push(["a", "c"]);
  await settle();
  const order = [await once(), await once(), await once()];
  assert.ok(!order.includes("b") && order.includes("c"), `${order}`);
  assert.equal(held.closed, 0);
  held.calls[0].resolve("");
  await settle();
  assert.equal(held.closed, 1);
  await client.close();
  assert.deepEqual(endpoints.map(({ closed }) => closed), [1, 1, 1]);
});

Deno.test("two endpoints of one name are one, and an unchanged list changes nothing", async () => {
  const lists = pushed<readonly string[]>();
  const { endpoints } = balanced(lists);
  lists.push(["a", "a", "b"]);
  await settle();
  lists.push(["b", "a"]);
  await settle();
  assert.deepEqual(endpoints.map(({ name }) => name), ["a", "b"]);
});

Deno.test("with no endpoint a call is refused as not processed", async () => {
  const { call, client } = balanced([]);
  const refused = call();
  await settle();
  assert.equal(refused.code, "connect-failed");
  await client.close();
  const closed = call();
  await settle();
  assert.equal(closed.code, "closed");
});

Deno.test("a source of endpoints that fails is told to the observer, and what was listed stays", async () => {
  async function* lists(): AsyncGenerator<readonly string[]> {
    yield ["a"];
    await settle(5);
    throw new RangeError("no such name");
  }
  const { events, begin, client } = balanced(lists());
  await settle();
  assert.equal(events[0].type, "dial-failed");
  assert.match(JSON.stringify((events[0] as { error: Error }).error.message), /no such name/);
  assert.equal(begin().name, "a");
  await client.close();
});

Deno.test("close() ends the source of endpoints, closes them all and refuses those who wait", async () => {
  const lists = pushed<readonly string[]>();
  const { call, client } = balanced(lists);
  const waiting = call();
  await client.close();
  await settle();
  assert.equal(waiting.code, "closed");
  assert.equal(lists.ended, true);
  assert.equal(client.close(), client.close());
});

Deno.test("a new endpoint starts slowly, and those of the first list do not", async () => {
  const lists = pushed<readonly string[]>();
  const { begin, clock, client, endpoints } = balanced(lists, { strategy: "least-loaded", slowStartMs: 1000 });
  lists.push(["a", "b"]);
  await settle();
  assert.deepEqual(client.stats().map(({ weight }) => weight), [1, 1]);
  for (let i = 0; i < 20; i++) begin();
  lists.push(["a", "b", "c"]);
  await settle();
  for (let i = 0; i < 10; i++) begin();
  const c = endpoints[2];
  assert.ok(c.calls.length <= 1, `${c.calls.length} calls at once`);
  await clock.advance(500);
  for (let i = 0; i < 10; i++) begin();
  assert.ok(c.calls.length >= 3 && c.calls.length <= 9, `${c.calls.length} calls at half of its weight`);
  await clock.advance(500);
  for (let i = 0; i < 30; i++) begin();
  const loads = client.stats().map(({ load }) => load);
  assert.ok(Math.max(...loads) - Math.min(...loads) <= 1, `${loads}`);
});

Deno.test("a balancer is the base of a chain, and describes itself", async () => {
  const { client } = balanced(["a"]);
  const call = chain(client, timeout({ ms: 100 }));
  assert.match(describe(call), /^timeout\(.*\nbalance\(\{ strategy: "least-latency"/);
  await call.close();
});

Deno.test("balance() refuses options that make no sense, naming them", () => {
  const connect = () => () => Promise.resolve("");
  const wrong: object[] = [
    { connect },
    { endpoints: [] },
    { endpoints: [], connect, strategy: "random" },
    { endpoints: [], connect, strategy: "consistent-hash" },
    { endpoints: [], connect, hashKey: () => "" },
    { endpoints: [], connect, ejection: true },
    { endpoints: [], connect, ejection: { consecutive: 4 } },
    { endpoints: [], connect, panicThreshold: 2 },
  ];
  for (const options of wrong) {
    assert.throws(() => balance(options as BalanceOptions<string, string, string>), { code: "invalid-option" });
  }
});

/** Lists that the test gives out. */
function pushed<T>(): AsyncIterable<T> & { push(value: T): void; readonly ended: boolean } {
  const values: T[] = [];
  let wake: (() => void) | undefined;
  let ended = false;
  return {
    push(value): void {
      values.push(value);
      wake?.();
    },
    get ended() {
      return ended;
    },
    [Symbol.asyncIterator]: () => ({
      async next() {
        while (values.length === 0) await new Promise<void>((resolve) => void (wake = resolve));
        return { done: false, value: values.shift()! };
      },
      return() {
        ended = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
}
