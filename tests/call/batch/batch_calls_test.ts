/**
 * batchCalls(): makes many calls one call with a list.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  batchCalls,
  type BatchCallsOptions,
  type CallContext,
  callContext,
  chain,
  deadlinesOf,
  ManualClock,
  type Service,
  type TransportError,
} from "../../../mod.ts";
import { failure, scripted, settle, Watched } from "../../support/calls.ts";

type Answer = string | Error;

function setUp(options: BatchCallsOptions<string, string> = {}) {
  const clock = new ManualClock();
  const { service, calls } = scripted<readonly string[], readonly Answer[]>();
  const call = chain(service, batchCalls<string, string>({ clock, ...options }));
  const batches = () => calls.map(({ request }) => request.join(""));
  const answer = (index: number) => calls[index].resolve(calls[index].request.map((one) => one.toUpperCase()));
  return { clock, calls, call, batches, answer, queue: deadlinesOf(clock) };
}

Deno.test("batchCalls() sends what comes together as one list, and gives each call its answer", async () => {
  const { call, batches, answer } = setUp();
  const all = ["a", "b", "c"].map((one) => call(one));
  assert.deepEqual(batches(), []);
  await settle();
  assert.deepEqual(batches(), ["abc"]);
  answer(0);
  assert.deepEqual(await Promise.all(all), ["A", "B", "C"]);
});

Deno.test("batchCalls() waits as long as each round of promise reactions brings further calls", async () => {
  const { call, batches, answer } = setUp();
  const all = ["a", "b", "c", "d"].map(async (one, index) => {
    for (let turn = 0; turn < index; turn++) await undefined;
    return await call(one);
  });
  await settle();
  assert.deepEqual(batches(), ["abcd"]);
  answer(0);
  await Promise.all(all);
});

Deno.test("batchCalls() cuts what is more than fits, by count and by bytes", async () => {
  const counted = setUp({ maxBatch: 2 });
  for (const one of "abcde") new Watched(counted.call(one));
  await settle();
  assert.deepEqual(counted.batches(), ["ab", "cd", "e"]);
  const weighed = setUp({ maxBytes: 5, sizeOf: (request) => Number(request) });
  for (const one of "2298311") new Watched(weighed.call(one));
  await settle();
  assert.deepEqual(weighed.batches(), ["22", "9", "8", "311"]);
});

Deno.test("batchCalls() gathers no more than so many in one turn", async () => {
  const { call, batches } = setUp({ maxBatch: 2 });
  for (let i = 0; i < 32; i++) new Watched(call("x"));
  assert.equal(batches().length, 16, "without waiting for the turn's end");
  await settle();
  assert.equal(batches().length, 16);
});

Deno.test("batchCalls() lingers when it is told to, until it is full, flushed, or out of patience", async () => {
  const { call, batches, clock, queue } = setUp({ lingerMs: 10, maxBatch: 3 });
  new Watched(call("a"));
  await clock.advance(9);
  new Watched(call("b"));
  assert.deepEqual(batches(), []);
  await clock.advance(1);
  assert.deepEqual(batches(), ["ab"]);
  for (const one of "cde") new Watched(call(one));
  assert.deepEqual(batches(), ["ab", "cde"], "full");
  new Watched(call("f"));
  call.flush();
  assert.deepEqual(batches(), ["ab", "cde", "f"], "flushed");
  assert.equal(queue.size, 0);
  call.flush();
  await clock.advance(100);
  assert.equal(batches().length, 3, "nothing is sent where nothing waits");
});

Deno.test("batchCalls() sends the lingering ones when they have bytes enough", () => {
  const { call, batches } = setUp({ lingerMs: 10, maxBytes: 5, sizeOf: (request) => Number(request) });
  for (const one of "23") new Watched(call(one));
  assert.deepEqual(batches(), ["23"]);
  new Watched(call("7"));
  assert.deepEqual(batches(), ["23", "7"]);
});

Deno.test("batchCalls() puts the urgent first, and has no linger for the most urgent", async () => {
  const { call, batches } = setUp({ maxBatch: 2 });
  const at = (priority: number) => callContext({ priority });
  for (const [one, priority] of [["a", 3], ["b", 7], ["c", 1], ["d", 3], ["e", 0]] as const) {
    new Watched(call(one, at(priority)));
  }
  await settle();
  assert.deepEqual(batches(), ["ec", "ad", "b"]);
  const lingering = setUp({ lingerMs: 1000 });
  new Watched(lingering.call("a"));
  new Watched(lingering.call("b", at(0)));
  await settle();
  assert.deepEqual(lingering.batches(), ["ba"]);
});

Deno.test("batchCalls() fails the calls whose own answers are errors, and no others", async () => {
  const { call, calls } = setUp();
  const all = ["a", "b"].map((one) => new Watched(call(one)));
  await settle();
  const error = new Error("no b");
  calls[0].resolve(["A", error]);
  await settle();
  assert.deepEqual(all.map(({ reply, error }) => [reply, error]), [["A", undefined], [undefined, error]]);
});

Deno.test("batchCalls() tells every call of a batch that fails, and remembers nothing (dataloader keeps failed keys)", async () => {
  const { call, calls, answer } = setUp({ key: (request) => request });
  const all = ["a", "b", "a"].map((one) => new Watched(call(one)));
  await settle();
  calls[0].reject(new Error("batch lost"));
  await settle();
  assert.deepEqual(
    all.map(({ error, settled }) => [(error as Error).message, settled]),
    Array(3).fill(["batch lost", 1]),
  );
  const again = call("a");
  await settle();
  answer(1);
  assert.equal(await again, "A");
});

Deno.test("batchCalls() refuses an answer that does not fit its list", async () => {
  for (const wrong of [[], ["A", "B", "C"], "AB", null]) {
    const { call, calls } = setUp();
    const all = [call("a"), call("b")];
    await settle();
    calls[0].resolve(wrong as readonly Answer[]);
    for (const one of all) await failure(one, "invalid-reply", "yes");
  }
});

Deno.test("batchCalls() fails the calls where the inner service throws at once", async () => {
  const call = batchCalls<string, string>()(() => {
    throw new TypeError("broken");
  });
  await assert.rejects(call("a"), TypeError);
});

Deno.test("batchCalls() leaves out who gave up before it went", async () => {
  const { call, batches, answer, clock } = setUp({ lingerMs: 10 });
  const controller = new AbortController();
  const gone = new Watched(call("a", callContext({ signal: controller.signal })));
  const late = new Watched(call("b", callContext({ deadline: 5 })));
  const stays = call("c");
  controller.abort();
  await clock.advance(10);
  assert.deepEqual(batches(), ["c"]);
  assert.deepEqual([gone.code, late.code], ["cancelled", "deadline-exceeded"]);
  for (const { error } of [gone, late]) assert.equal((error as TransportError).processed, "no");
  answer(0);
  assert.equal(await stays, "C");
});

Deno.test("batchCalls() sends nothing where all gave up, and keeps no deadline", async () => {
  const { call, batches, clock, queue } = setUp({ lingerMs: 10 });
  for (const deadline of [3, 5]) new Watched(call("a", callContext({ deadline })));
  await clock.advance(100);
  assert.deepEqual(batches(), []);
  assert.equal(queue.size, 0);
});

Deno.test("batchCalls() does not count the bytes of those who gave up", () => {
  const { call, batches } = setUp({ lingerMs: 10, maxBytes: 5, sizeOf: (request) => Number(request) });
  const controller = new AbortController();
  new Watched(call("1"));
  new Watched(call("3", callContext({ signal: controller.signal })));
  controller.abort();
  new Watched(call("3"));
  assert.deepEqual(batches(), []);
  new Watched(call("1"));
  assert.deepEqual(batches(), ["131"]);
});

Deno.test("batchCalls() keeps little of those who gave up while others linger", async () => {
  const { call, batches, clock } = setUp({ lingerMs: 10 });
  new Watched(call("a"));
  for (let i = 0; i < 1000; i++) {
    const controller = new AbortController();
    new Watched(call("x", callContext({ signal: controller.signal })));
    controller.abort();
  }
  await clock.advance(10);
  assert.deepEqual(batches(), ["a"]);
});

Deno.test("batchCalls() cancels a batch only when all its calls have given up (as tRPC's comment promises)", async () => {
  const { call, calls } = setUp();
  const controllers = [new AbortController(), new AbortController()];
  const all = controllers.map(({ signal }, index) => new Watched(call(String(index), callContext({ signal }))));
  await settle();
  controllers[0].abort();
  await settle();
  assert.equal(all[0].code, "cancelled");
  assert.deepEqual([calls[0].cancelled], [undefined]);
  controllers[1].abort();
  await settle();
  assert.equal(calls[0].cancelled?.code, "cancelled");
  calls[0].resolve(["0", "1"]);
  await settle();
  assert.deepEqual(all.map(({ settled }) => settled), [1, 1]);
});

Deno.test("batchCalls() gives the batch the latest deadline, the highest priority, and metadata all share", async () => {
  const { call, calls } = setUp();
  const seen = async (...contexts: CallContext[]): Promise<[number, number, string | undefined]> => {
    for (const context of contexts) new Watched(call("x", context));
    await settle();
    const { deadline, priority, metadata } = calls.at(-1)!.context;
    return [deadline, priority, metadata.tenant];
  };
  const tenant = callContext({ metadata: { tenant: "a" } });
  assert.deepEqual(await seen(tenant.with({ deadline: 50 }), tenant.with({ deadline: 70, priority: 1 })), [70, 1, "a"]);
  assert.deepEqual(await seen(tenant.with({ deadline: 50 }), tenant), [Infinity, 3, "a"]);
  const other = callContext({ metadata: { tenant: "b" } });
  assert.deepEqual(await seen(tenant, other), [Infinity, 3, undefined], "nobody speaks for another tenant");
});

Deno.test("batchCalls() asks once for those of one key, and gives all of them the answer", async () => {
  const { call, batches, answer } = setUp({ key: (request) => request[0], maxBatch: 2 });
  const all = ["a1", "b1", "a2", "b2", "c1"].map((one) => call(one));
  await settle();
  assert.deepEqual(batches(), ["a1b1", "c1"]);
  answer(0);
  answer(1);
  assert.deepEqual(await Promise.all(all), ["A1", "B1", "A1", "B1", "C1"]);
});

Deno.test("batchCalls() reads answers of another form, and fails the calls whose answers can't be read", async () => {
  type Wire = { ok: string } | { fault: string };
  const inner: Service<readonly string[], readonly Wire[]> = (all) =>
    Promise.resolve(all.map((one) => one === "bad" ? { fault: "no" } : { ok: one }));
  const call = batchCalls<string, string, Wire>({
    read: (answer) => {
      if ("fault" in answer) throw new RangeError(answer.fault);
      return answer.ok;
    },
  })(inner);
  const [good, bad] = await Promise.allSettled([call("good"), call("bad")]);
  assert.deepEqual(good, { status: "fulfilled", value: "good" });
  assert.ok(bad.status === "rejected" && bad.reason instanceof RangeError);
});

Deno.test("batchCalls() sends what waits when it is closed, waits for the answers, and closes what is inside", async () => {
  const { service, calls } = scripted<readonly string[], readonly Answer[]>();
  let closed = 0;
  const inner = Object.assign(service, { close: () => Promise.resolve(void closed++) });
  const call = batchCalls<string, string>({ lingerMs: 1000, clock: new ManualClock() })(inner);
  const reply = call("a");
  const closing = call.close();
  assert.equal(calls.length, 1);
  await failure(call("b"), "closed", "no");
  await settle();
  assert.equal(closed, 0);
  calls[0].resolve(["A"]);
  assert.equal(await reply, "A");
  await closing;
  await call.close();
  assert.equal(closed, 1);
});

Deno.test("batchCalls() waits no longer than its grace when it is closed, and hands on what is left of that", async () => {
  for (const [graceMs, waitedMs] of [[5000, 5000], [undefined, 30_000]]) {
    const clock = new ManualClock();
    const given: unknown[] = [];
    const inner = { close: (options: unknown) => Promise.resolve(void given.push(options)) };
    const call = batchCalls<string, string>({ clock })(Object.assign(() => new Promise<Answer[]>(() => {}), inner));
    void call("never answered");
    const closing = new Watched(call.close({ graceMs, unreadGraceMs: 7 }));
    await clock.advance(waitedMs! - 1);
    assert.equal(closing.settled, 0);
    await clock.advance(1);
    assert.deepEqual([closing.settled, clock.pending], [1, 0]);
    assert.deepEqual(given, [{ graceMs: graceMs && 0, unreadGraceMs: 7 }]);
  }
});

Deno.test("batchCalls() refuses options that make no sense, naming them", () => {
  for (const options of [{ maxBatch: 0 }, { lingerMs: -1 }, { maxBytes: 0 }, { key: "x" }, { linger: 1 }]) {
    assert.throws(() => batchCalls(options as BatchCallsOptions<string, string>), { code: "invalid-option" });
  }
});
