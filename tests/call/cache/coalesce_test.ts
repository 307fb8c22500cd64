/**
 * coalesce(): makes identical calls in flight one.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  background,
  callContext,
  chain,
  coalesce,
  type CoalesceOptions,
  deadlinesOf,
  idempotent,
  ManualClock,
  timeout,
  type TransportEvent,
} from "../../../mod.ts";
import { failure, scripted, type ScriptedCall, settle, Watched } from "../../support/calls.ts";

function setUp(options: CoalesceOptions<string> = {}) {
  const clock = new ManualClock();
  const { service, calls } = scripted<string, string>();
  return { clock, calls, service, queue: deadlinesOf(clock), call: chain(service, coalesce({ clock, ...options })) };
}

/** What a call was cancelled with. */
function ended({ cancelled }: ScriptedCall<string, string>): string | undefined {
  return cancelled?.code;
}

/** A signal, and how many listen to it. */
function counted(): { signal: AbortSignal; count: () => number } {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  Object.assign(signal, {
    addEventListener(...args: Parameters<typeof addEventListener>): void {
      listeners++;
      addEventListener.apply(signal, args);
    },
    removeEventListener(...args: Parameters<typeof removeEventListener>): void {
      listeners--;
      removeEventListener.apply(signal, args);
    },
  });
  return { signal, count: () => listeners };
}

Deno.test("coalesce() makes one call of identical ones in flight, and gives its reply to all", async () => {
  const { call, calls } = setUp();
  const all = [call("a"), call("b"), call("a"), call("a")];
  assert.deepEqual(calls.map(({ request }) => request), ["a", "b"]);
  calls[0].resolve("A");
  calls[1].resolve("B");
  assert.deepEqual(await Promise.all(all), ["A", "B", "A", "A"]);
});

Deno.test("coalesce() gives an error to all who wait", async () => {
  const { call, calls } = setUp();
  const all = [new Watched(call("a")), new Watched(call("a"))];
  const error = new Error("fault");
  calls[0].reject(error);
  await settle();
  assert.deepEqual(all.map((one) => one.error), [error, error]);
});

Deno.test("coalesce() keeps nothing: dataloader would remember a failed call, here the next one is made again", async () => {
  const { call, calls } = setUp();
  const first = call("a");
  calls[0].reject(new Error("fault"));
  await assert.rejects(first, /fault/);
  const second = call("a");
  assert.equal(calls.length, 2);
  calls[1].resolve("A");
  assert.equal(await second, "A");
});

Deno.test("coalesce() rejects where the inner service throws at once, and makes the next call again", async () => {
  let calls = 0;
  const call = coalesce()((_: string): Promise<string> => {
    calls++;
    throw new TypeError("broken");
  });
  await assert.rejects(call("a"), TypeError);
  await assert.rejects(call("a"), TypeError);
  assert.equal(calls, 2);
});

Deno.test("coalesce() lets one caller give up without the others (undici#dedupe: the first one's abort killed all)", async () => {
  const { call, calls } = setUp();
  const controllers = [new AbortController(), new AbortController(), new AbortController()];
  const all = controllers.map(({ signal }) => new Watched(call("a", callContext({ signal }))));
  controllers[0].abort();
  await settle();
  assert.deepEqual(all.map(({ code }) => code), ["cancelled", undefined, undefined]);
  assert.equal(ended(calls[0]), undefined);
  calls[0].resolve("A");
  await settle();
  assert.deepEqual(all.map(({ reply, settled }) => [reply, settled]), [[undefined, 1], ["A", 1], ["A", 1]]);
});

Deno.test("coalesce() cancels the call when the last one has given up, and begins anew for the next", async () => {
  const { call, calls } = setUp();
  const controllers = [new AbortController(), new AbortController()];
  const all = controllers.map(({ signal }) => new Watched(call("a", callContext({ signal }))));
  controllers[1].abort();
  assert.equal(ended(calls[0]), undefined);
  controllers[0].abort();
  assert.equal(ended(calls[0]), "cancelled");
  const next = call("a");
  assert.equal(calls.length, 2);
  calls[0].resolve("too late");
  calls[1].resolve("A");
  assert.equal(await next, "A");
  assert.deepEqual(all.map(({ settled, code }) => [settled, code]), [[1, "cancelled"], [1, "cancelled"]]);
});

Deno.test("coalesce() ends each caller at its own deadline, and the call at the latest of them", async () => {
  const { call, calls, clock, queue } = setUp();
  const all = [50, 150, 100].map((deadline) => new Watched(call("a", callContext({ deadline }))));
  assert.equal(calls[0].context.deadline, Infinity);
  await clock.advance(50);
  assert.deepEqual(all.map(({ code }) => code), ["deadline-exceeded", undefined, undefined]);
  await clock.advance(99);
  assert.deepEqual(all.map(({ code }) => code), ["deadline-exceeded", undefined, "deadline-exceeded"]);
  assert.equal(ended(calls[0]), undefined);
  await clock.advance(1);
  assert.equal(all[1].code, "deadline-exceeded");
  assert.equal(ended(calls[0]), "deadline-exceeded");
  assert.equal(queue.size, 0);
});

Deno.test("coalesce() goes on for one without a deadline when all others have run out of time", async () => {
  const { call, calls, clock } = setUp();
  const first = new Watched(call("a", callContext({ deadline: 50 })));
  const second = call("a");
  await clock.advance(1000);
  assert.equal(first.code, "deadline-exceeded");
  assert.equal(ended(calls[0]), undefined);
  calls[0].resolve("A");
  assert.equal(await second, "A");
});

Deno.test("coalesce() leaves the deadline to an outer timeout() that sees to it", async () => {
  const { service, clock, queue, calls } = setUp();
  const call = chain(service, coalesce({ clock }), timeout({ ms: 50, clock }));
  const watched = new Watched(call("a"));
  assert.equal(queue.size, 1);
  await clock.advance(50);
  assert.equal(watched.code, "deadline-exceeded");
  assert.equal(ended(calls[0]), "deadline-exceeded");
});

Deno.test("coalesce() leaves nothing behind: no deadline, and no listener on a long-lived signal", async () => {
  const { call, calls, queue } = setUp();
  const { signal, count } = counted();
  const all = [call("a", callContext({ signal, deadline: 50 })), call("a", callContext({ signal, deadline: 70 }))];
  assert.equal(count(), 2);
  assert.equal(queue.size, 2);
  calls[0].resolve("A");
  await Promise.all(all);
  assert.equal(count(), 0, "AbortSignal.any() would have grown on it");
  assert.equal(queue.size, 0);
});

Deno.test("coalesce() does not begin for one who was cancelled before, or whose time is over", async () => {
  const { call, calls, clock } = setUp();
  await clock.advance(100);
  await failure(call("a", callContext({ deadline: 100 })), "deadline-exceeded", "no");
  await failure(call("a", callContext({ signal: AbortSignal.abort() })), "cancelled", "no");
  assert.equal(calls.length, 0);
});

Deno.test("coalesce() gives the call the metadata and the priority of the one who came first", () => {
  const { call, calls } = setUp();
  call("a", callContext({ metadata: { trace: "1" }, priority: 1 })).catch(() => {});
  call("a", callContext({ metadata: { trace: "2" }, priority: 5 })).catch(() => {});
  assert.equal(calls[0].context.metadata.trace, "1");
  assert.equal(calls[0].context.priority, 1);
});

Deno.test("coalesce() does not join what the key keeps apart, or what has none", async () => {
  const { call, calls } = setUp({
    key: (request, { metadata }) => request.startsWith("get ") ? `${metadata.tenant} ${request}` : undefined,
  });
  const at = (tenant: string) => callContext({ metadata: { tenant } });
  const all = [call("get x", at("a")), call("get x", at("b")), call("get x", at("a")), call("set x"), call("set x")];
  assert.equal(calls.length, 4, "the write is made twice");
  for (const [index, one] of calls.entries()) one.resolve(String(index));
  assert.deepEqual(await Promise.all(all), ["0", "1", "0", "2", "3"]);
});

Deno.test("coalesce() never joins a call that says that it is not idempotent", () => {
  const { call, calls } = setUp();
  for (let i = 0; i < 2; i++) call("a", background.set(idempotent, false)).catch(() => {});
  call("a").catch(() => {});
  assert.equal(calls.length, 3);
});

Deno.test("coalesce() tells text and bytes apart, and joins bytes by what they are", async () => {
  const { service, calls } = scripted<string | Uint8Array, string>();
  const call = chain(service, coalesce());
  const odd = "\0b\x01\x02";
  const all = [call(new Uint8Array([1, 2])), call(new Uint8Array([1, 2])), call("\x01\x02"), call(odd), call("\0sx")];
  assert.equal(calls.length, 4);
  for (const one of calls) one.resolve("");
  await Promise.all(all);
  const large = new Uint8Array(100_000).fill(7);
  const both = [call(large), call(large.slice())];
  assert.equal(calls.length, 5);
  calls[4].resolve("");
  await Promise.all(both);
});

Deno.test("coalesce() refuses requests of which it can't know what they are the same as", async () => {
  const call = chain((request: { id: number }) => request.id, coalesce());
  const error = await failure(call({ id: 1 }), "unsupported", "no");
  assert.match(error.message, /Object, not text or bytes; give coalesce\(\) a key/);
});

Deno.test("coalesce() tells its observer of each call that joined another", async () => {
  const events: TransportEvent[] = [];
  const { call, calls } = setUp({ observer: (event) => events.push(event), name: "reads" });
  const all = [call("a"), call("a")];
  assert.deepEqual(events, [{ type: "call-answered", policy: "reads", from: "shared" }]);
  calls[0].resolve("A");
  await Promise.all(all);
});

Deno.test("coalesce() refuses options that make no sense, naming them", () => {
  for (const options of [{ key: "x" }, { maxBodyBytes: -1 }, { clock: 1 }, { name: "" }, { ttlMs: 1 }]) {
    assert.throws(() => coalesce(options as unknown as CoalesceOptions<string>), { code: "invalid-option" });
  }
});
