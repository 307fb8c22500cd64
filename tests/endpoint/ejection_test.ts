/**
 * balance() leaves out endpoints that fail, and lets them back in.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { balance, type EjectionOptions, TransportError } from "../../mod.ts";
import { settle } from "../support/calls.ts";
import { balanced, type BalanceSetUp } from "./_endpoints.ts";

const fails = new TransportError("remote", "The script fails it", { remote: true });

/** Ten endpoints in turn, with no panic. */
function ten(ejection: EjectionOptions | false = {}, panicThreshold = 0): BalanceSetUp {
  const names = Array.from({ length: 10 }, (_, i) => `${i}`);
  return balanced(names, { strategy: "round-robin", ejection, panicThreshold });
}

/** Makes so many calls; those that reach one of `failing` fail. Says how many each endpoint got. */
async function calls(set: BalanceSetUp, count: number, failing: string[]): Promise<Record<string, number>> {
  const got: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const name = await set.once((call, endpoint) => failing.includes(endpoint) ? call.reject(fails) : call.resolve(""));
    got[name] = (got[name] ?? 0) + 1;
  }
  return got;
}

const ejections = ({ events }: BalanceSetUp): string[] =>
  events.flatMap((event) =>
    event.type === "endpoint-ejected"
      ? [`${event.endpoint} out for ${event.forMs}`]
      : event.type === "endpoint-readmitted"
      ? [`${event.endpoint} back`]
      : []
  );

Deno.test("an endpoint that fails five times in a row is left out, and let back in when its time is over", async () => {
  const set = ten();
  assert.equal((await calls(set, 50, ["3"]))["3"], 5);
  assert.equal((await calls(set, 40, []))["3"], undefined);
  assert.equal(set.client.stats()[3].ejected, true);
  await set.clock.advance(29_999);
  assert.equal((await calls(set, 20, []))["3"], undefined);
  await set.clock.advance(1);
  assert.equal((await calls(set, 20, []))["3"], 2);
  assert.deepEqual(ejections(set), ["3 out for 30000", "3 back"]);
  await set.client.close();
});

Deno.test("a success in between begins the count anew", async () => {
  const set = ten();
  for (let i = 0; i < 8; i++) {
    await calls(set, 40, ["3"]);
    await calls(set, 10, []);
  }
  assert.deepEqual(ejections(set), []);
});

Deno.test("each further ejection lasts longer, up to a limit, and health shortens it again", async () => {
  const set = ten({ baseEjectionMs: 1000, maxEjectionMs: 2500, intervalMs: 10_000 });
  for (const ms of [1000, 2000, 2500, 2500]) {
    await calls(set, 50, ["3"]);
    await set.clock.advance(ms);
    await calls(set, 10, []);
  }
  const [first, second, third, fourth] = ejections(set).filter((line) => line.includes("out"));
  assert.deepEqual([first, second, third, fourth], [1000, 2000, 2500, 2500].map((ms) => `3 out for ${ms}`));
  for (let i = 0; i < 5; i++) {
    await set.clock.advance(10_000);
    await calls(set, 10, []);
  }
  await calls(set, 50, ["3"]);
  assert.equal(ejections(set).at(-1), "3 out for 1000");
});

Deno.test("no more than a share of the endpoints is left out, and never the only one", async () => {
  const set = ten({ maxEjectedShare: 0.2 });
  await calls(set, 200, ["1", "2", "3", "4"]);
  assert.equal(ejections(set).length, 2);
  const alone = balanced(["a"], { strategy: "round-robin" });
  for (let i = 0; i < 20; i++) await alone.once((call) => call.reject(fails));
  assert.deepEqual(ejections(alone), []);
});

Deno.test("where too few are left all carry calls again", async () => {
  const set = ten({ maxEjectedShare: 1 }, 0.5);
  const failing = ["0", "1", "2", "3", "4", "5", "6", "7"];
  await calls(set, 400, failing);
  const got = await calls(set, 40, []);
  assert.equal(Object.keys(got).length, 10);
});

Deno.test("what this side refused and what callers gave up never ejects an endpoint", async () => {
  const set = ten();
  for (const code of ["cancelled", "too-many-calls", "circuit-open", "superseded", "closed"] as const) {
    for (let i = 0; i < 60; i++) {
      await set.once((call) => call.reject(new TransportError(code, "Not the peer's fault")));
    }
  }
  assert.deepEqual(ejections(set), []);
});

Deno.test("a late failure of an earlier call does not lengthen an ejection", async () => {
  const set = balanced(["a", "b"], { strategy: "round-robin", panicThreshold: 0 });
  for (let i = 0; i < 30; i++) set.call();
  const { calls } = set.endpoints[0];
  for (const call of calls.slice(0, 5)) call.reject(fails);
  await settle();
  await set.clock.advance(10_000);
  for (const call of calls.slice(5)) call.reject(fails);
  await settle();
  assert.deepEqual(ejections(set), ["a out for 30000"]);
  await set.clock.advance(20_000);
  assert.ok([await set.once(), await set.once()].includes("a"));
});

Deno.test("an endpoint whose success rate is far below that of the others is left out at the next comparison", async () => {
  const set = ten({ consecutiveFailures: 0, minCalls: 20 });
  for (let i = 0; i < 200; i++) {
    await set.once((call, endpoint) => endpoint === "7" && i % 3 === 0 ? call.reject(fails) : call.resolve(""));
  }
  for (let i = 0; i < 200; i++) {
    await set.once((call, endpoint) => endpoint === "7" && i % 20 < 10 ? call.reject(fails) : call.resolve(""));
  }
  await set.clock.advance(10_000);
  await calls(set, 10, []);
  assert.deepEqual(ejections(set), ["7 out for 30000"]);
  const event = set.events.find(({ type }) => type === "endpoint-ejected") as { reason: string };
  assert.match(event.reason, /% of its calls succeed, .* of all/);
});

Deno.test("too few calls or too few endpoints are not compared", async () => {
  for (const options of [{ minCalls: 1000 }, { minEndpoints: 11, minCalls: 20 }]) {
    const set = ten({ consecutiveFailures: 0, ...options });
    await calls(set, 400, ["7"]);
    await set.clock.advance(10_000);
    await calls(set, 10, []);
    assert.deepEqual(ejections(set), []);
  }
});

Deno.test("an ejected endpoint that is no longer listed is not counted any more", async () => {
  let push!: (names: string[]) => void;
  async function* lists(): AsyncGenerator<string[]> {
    yield ["a", "b", "c"];
    for (;;) yield await new Promise<string[]>((resolve) => void (push = resolve));
  }
  const set = balanced(lists(), { strategy: "round-robin", panicThreshold: 0 });
  await settle();
  for (let i = 0; i < 15; i++) await set.once((call, name) => name === "a" ? call.reject(fails) : call.resolve(""));
  push(["b", "c"]);
  await settle();
  for (let i = 0; i < 12; i++) await set.once((call, name) => name === "b" ? call.reject(fails) : call.resolve(""));
  assert.deepEqual(ejections(set), ["a out for 30000", "b out for 30000"]);
  await set.client.close();
});

Deno.test("with ejection: false nobody is ever left out", async () => {
  const set = ten(false);
  await calls(set, 200, ["3"]);
  assert.deepEqual(ejections(set), []);
  assert.equal((await calls(set, 20, ["3"]))["3"], 2);
});

Deno.test("an endpoint that was let back in starts slowly", async () => {
  const names = ["a", "b"];
  const set = balanced(names, { strategy: "least-loaded", slowStartMs: 1000, panicThreshold: 0, random: () => 0 });
  for (let i = 0; i < 5; i++) {
    set.begin();
    set.endpoints[0].calls.at(-1)!.reject(fails);
    await settle();
  }
  assert.deepEqual(ejections(set), ["a out for 30000"]);
  await set.clock.advance(30_000);
  for (let i = 0; i < 10; i++) set.begin();
  assert.ok(set.client.stats()[0].load <= 1, `${set.client.stats()[0].load} calls at once`);
  await set.clock.advance(1000);
  for (let i = 0; i < 10; i++) set.begin();
  assert.ok(set.client.stats()[0].load >= 9);
});

Deno.test("an endpoint that fails whenever it is back is left out for longer each time, up to the longest", async () => {
  const set = ten({ maxEjectionMs: 90_000 });
  const times: number[] = [];
  for (let seconds = 0; seconds < 600; seconds++) {
    await calls(set, 50, ["3"]);
    await set.clock.advance(1000);
  }
  for (const event of set.events) if (event.type === "endpoint-ejected") times.push(event.forMs);
  assert.deepEqual(times, [30_000, 60_000, 90_000, 90_000, 90_000, 90_000, 90_000, 90_000].slice(0, times.length));
  assert.ok(times.length >= 6);
  // However long it has failed, it is trusted again after a few intervals in health.
  await set.clock.advance(90_000);
  for (let seconds = 0; seconds < 50; seconds++) {
    await calls(set, 20, []);
    await set.clock.advance(1000);
  }
  await calls(set, 50, ["3"]);
  assert.equal(ejections(set).at(-1), "3 out for 30000");
  await set.client.close();
});

Deno.test("a request that its caller aborts says nothing of the endpoint, whatever error that brings forth", async () => {
  await using call = balance<string, Request, Response>({
    endpoints: ["a", "b"],
    connect: () =>
      Object.assign(({ signal }: Request) =>
        new Promise<Response>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
      ),
  });
  for (let i = 0; i < 20; i++) {
    const controller = new AbortController();
    const reply = call(new Request("http://localhost/", { signal: controller.signal }));
    controller.abort();
    await assert.rejects(reply, { name: "AbortError" });
  }
  assert.deepEqual(call.stats().map(({ ejected }) => ejected), [false, false]);
});
