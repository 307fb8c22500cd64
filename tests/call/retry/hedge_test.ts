/**
 * hedge(): makes a slow call a second time, and takes the faster answer.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  attempt,
  background,
  callContext,
  chain,
  circuitBreaker,
  hedge,
  type HedgeOptions,
  idempotent,
  RetryBudget,
  TransportError,
} from "../../../mod.ts";
import { settle, Watched } from "../../support/calls.ts";
import { broken, type World, world } from "../_policy.ts";

function around<Res = string>(options: HedgeOptions = {}) {
  const made = world<string, Res>();
  const { clock, observer } = made.common;
  const settings = { idempotent: true, delayMs: 50, budget: new RetryBudget({ clock }), clock, observer, ...options };
  return { ...made, call: chain(made.service, hedge(settings)) };
}

/** Makes a call that takes so long. */
async function taking({ clock, calls, call }: World<string, string> & { call: unknown }, ms: number): Promise<void> {
  (call as (request: string) => Promise<string>)("question");
  const made = calls.at(-1)!;
  await clock.advance(ms);
  made.resolve("answer");
  await settle();
}

Deno.test("a call that is answered in time is made once", async () => {
  const { call, calls, clock, queue } = around();
  const watched = new Watched(call("question"));
  await clock.advance(49);
  calls[0].resolve("answer");
  await clock.advance(1000);
  assert.deepEqual([watched.reply, calls.length, queue.size], ["answer", 1, 0]);
});

Deno.test("a call that takes longer is made again; the first answer wins, and the other attempt is superseded", async () => {
  for (const winner of [0, 1]) {
    const { call, calls, clock, queue } = around();
    const watched = new Watched(call("question"));
    await clock.advance(50);
    assert.deepEqual(calls.map(({ request }) => request), ["question", "question"]);
    calls[winner].resolve(`answer ${winner}`);
    await settle();
    assert.equal(watched.reply, `answer ${winner}`);
    assert.equal(calls[winner].cancelled, undefined);
    assert.equal(calls[1 - winner].cancelled?.code, "superseded");
    calls[1 - winner].reject(calls[1 - winner].cancelled);
    await clock.advance(1000);
    assert.deepEqual([calls.length, queue.size, watched.settled], [2, 0, 1]);
  }
});

Deno.test("there are as many further attempts as allowed, each as much later, with their numbers", async () => {
  const { call, calls, clock, events } = around({ maxHedges: 3, name: "orders" });
  call("question", callContext({ metadata: { tenant: "acme" } }));
  for (const made of [2, 3, 4, 4]) {
    await clock.advance(50);
    assert.equal(calls.length, made);
  }
  assert.deepEqual(calls.map(({ context }) => context.get(attempt)), [1, 2, 3, 4]);
  assert.deepEqual(calls.map(({ context }) => context.metadata.tenant), Array(4).fill("acme"));
  assert.deepEqual(events, [2, 3, 4].map((n) => ({ type: "call-hedged", policy: "orders", attempt: n, delayMs: 50 })));
  calls[2].resolve("answer");
  await settle();
  assert.deepEqual(
    calls.map(({ cancelled }) => cancelled?.code),
    Array.from({ length: 4 }, (_, i) => i === 2 ? undefined : "superseded"),
  );
});

Deno.test("a failure makes no further attempt, and while another is under way that one decides", async () => {
  const quick = around();
  const failed = new Watched(quick.call("question"));
  quick.calls[0].reject(broken());
  await quick.clock.advance(1000);
  assert.deepEqual([failed.code, quick.calls.length, quick.queue.size], ["remote", 1, 0]);
  const { call, calls, clock } = around();
  const watched = new Watched(call("question"));
  await clock.advance(50);
  calls[0].reject(broken());
  await settle();
  assert.equal(watched.settled, 0);
  calls[1].resolve("answer");
  await settle();
  assert.equal(watched.reply, "answer");
});

Deno.test("where all fail the call fails as the first, unless only this side refused that", async () => {
  const far = () => new TransportError("remote", "The far side");
  const here = () => new TransportError("circuit-open", "This side");
  for (
    const [first, second, told] of [[far(), far(), 0], [far(), here(), 0], [here(), far(), 1], [here(), here(), 0]]
  ) {
    const { call, calls, clock } = around();
    const watched = new Watched(call("question"));
    await clock.advance(50);
    calls[1].reject(first);
    await settle();
    calls[0].reject(second);
    await settle();
    assert.equal(watched.error, told === 0 ? first : second);
  }
});

Deno.test("only calls that may be made more than once are hedged, and others pass untouched", async () => {
  for (const [option, said, times] of [[undefined, undefined, 1], [undefined, true, 2], [true, false, 1]] as const) {
    const { call, calls, clock } = around({ idempotent: option });
    const context = background.set(idempotent, said);
    call("question", context);
    if (times === 1) assert.equal(calls[0].context, context);
    await clock.advance(1000);
    assert.equal(calls.length, times);
  }
});

Deno.test("of HTTP, requests of idempotent methods without a body are hedged", async () => {
  for (const [method, body, times] of [["GET", null, 2], ["POST", null, 1], ["PUT", "order", 1], ["PUT", null, 2]]) {
    const { service, calls, clock } = world<Request, Response>();
    const call = hedge({ delayMs: 50, clock })(service);
    call(new Request("http://localhost/", { method, body } as RequestInit));
    await clock.advance(100);
    assert.equal(calls.length, times, `${method}`);
  }
});

Deno.test("no attempt is made that would come after the deadline", async () => {
  const { call, calls, clock, queue } = around();
  call("question", callContext({ deadline: 50 }));
  assert.equal(queue.size, 0);
  await clock.advance(100);
  assert.equal(calls.length, 1);
});

Deno.test("a caller that gives up cancels all attempts, and there are no more", async () => {
  const { call, calls, clock, queue } = around({ maxHedges: 5 });
  const controller = new AbortController();
  const watched = new Watched(call("question", callContext({ signal: controller.signal })));
  await clock.advance(50);
  controller.abort();
  assert.deepEqual(calls.map(({ cancelled }) => cancelled?.code), ["cancelled", "cancelled"]);
  assert.equal(queue.size, 0);
  await clock.advance(1000);
  assert.equal(calls.length, 2);
  for (const one of calls) one.reject(one.cancelled);
  await settle();
  assert.deepEqual([watched.code, watched.settled], ["cancelled", 1]);
  const after = around();
  after.call("question", callContext({ signal: controller.signal }));
  await after.clock.advance(1000);
  assert.equal(after.calls.length, 1);
});

Deno.test("tower-rs/tower#472: a hedge is paid for when it is sent, not when it might be", async () => {
  const budget = (clock: World<string, string>["clock"]) => new RetryBudget({ ratio: 0, minPerSecond: 0.2, clock });
  const made = world<string, string>();
  const { clock, calls, service } = made;
  const own = budget(clock);
  const call = hedge({ idempotent: true, delayMs: 50, clock, budget: own, maxHedges: 9 })(service);
  const together = [1, 2, 3].map(() => new Watched(call("question")));
  assert.equal(own.balance, 2);
  calls[0].resolve("answer");
  await clock.advance(49);
  assert.equal(own.balance, 2);
  await clock.advance(1);
  assert.equal(own.balance, 0);
  assert.equal(calls.length, 5);
  await clock.advance(500);
  assert.equal(calls.length, 5);
  for (const one of calls) one.resolve("answer");
  await settle();
  assert.deepEqual(together.map(({ reply }) => reply), Array(3).fill("answer"));
});

Deno.test("the delay is the percentile of what the latest calls took, once there are enough of them", async () => {
  const set = around({ delayMs: undefined, percentile: 0.9, minCalls: 10 });
  const { call, calls, clock } = set;
  for (let i = 0; i < 9; i++) await taking(set, 20);
  assert.equal(calls.length, 9);
  await taking(set, 500);
  assert.equal(calls.length, 10);
  call("question");
  // A bucket of the histogram is 4.5 percent wide.
  await clock.advance(19);
  assert.equal(calls.length, 11);
  await clock.advance(2);
  assert.equal(calls.length, 12);
});

Deno.test("where the percentile is too long nothing is hedged, and it is never shorter than the least", async () => {
  for (const [took, least, most, after] of [[300, 1, 200, undefined], [1, 10, 200, 10]]) {
    const set = around({ delayMs: undefined, minCalls: 5, minDelayMs: least, maxDelayMs: most });
    for (let i = 0; i < 5; i++) await taking(set, took!);
    set.call("question");
    await set.clock.advance((after ?? 5000) - 1);
    assert.equal(set.calls.length, 6);
    await set.clock.advance(1);
    assert.equal(set.calls.length, after === undefined ? 6 : 7);
  }
});

Deno.test("quick failures make the delay no shorter, and an overtaken attempt counts for what it took", async () => {
  const set = around({ delayMs: undefined, percentile: 0.5, minCalls: 4, windowMs: 60_000 });
  const { call, calls, clock } = set;
  for (let i = 0; i < 4; i++) await taking(set, 100);
  for (let i = 0; i < 50; i++) {
    call("question").catch(() => {});
    calls.at(-1)!.reject(broken());
    await settle();
  }
  // Hedges that answer in 1 ms, after first attempts that never do.
  for (let i = 0; i < 50; i++) {
    const before = calls.length;
    call("question");
    while (calls.length === before + 1) await clock.advance(1);
    await clock.advance(1);
    calls[before + 1].resolve("answer");
    await settle();
  }
  await clock.advance(6000);
  const before = calls.length;
  call("question");
  await clock.advance(95);
  assert.equal(calls.length, before + 1);
});

Deno.test("a superseded attempt does not open a breaker, and a hedge that a breaker refuses changes nothing", async () => {
  const { service, calls, clock } = world();
  const breaker = circuitBreaker({ failures: 1, clock });
  const call = chain(service, breaker, hedge({ idempotent: true, delayMs: 50, clock }));
  const watched = new Watched(call("question"));
  await clock.advance(50);
  calls[1].resolve("answer");
  await settle();
  calls[0].reject(calls[0].cancelled);
  await settle();
  assert.deepEqual([watched.reply, breaker.state], ["answer", "closed"]);
  const slow = new Watched(call("question"));
  const isolation = breaker.isolate();
  await clock.advance(50);
  assert.equal(calls.length, 3);
  calls[2].resolve("slow answer");
  await settle();
  assert.equal(slow.reply, "slow answer");
  isolation.end();
});

Deno.test("a hedge that answers for a first attempt that failed says nothing of latency", async () => {
  const set = around({ delayMs: undefined, percentile: 1, minCalls: 2, windowMs: 1_000_000 });
  const { call, calls, clock } = set;
  await taking(set, 20);
  await taking(set, 20);
  call("question");
  await clock.advance(21);
  calls[2].reject(broken());
  await clock.advance(500);
  calls[3].resolve("answer");
  await clock.advance(200_000);
  const before = calls.length;
  call("question");
  await clock.advance(21);
  assert.equal(calls.length, before + 2);
});
