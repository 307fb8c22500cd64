/**
 * The context of a call: derivation, deadlines, priority, metadata, keys.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  background,
  CallContext,
  callContext,
  Cancellation,
  contextKey,
  ManualClock,
  type Metadata,
  type Session,
  TransportError,
} from "../../src/core/mod.ts";

function refused(run: () => unknown, text: RegExp): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof TransportError);
    assert.equal(error.code, "invalid-request");
    assert.equal(error.processed, "no");
    assert.match(error.message, text);
    return true;
  });
}

const peer = { load: 0 } as unknown as Session<unknown, unknown>;

Deno.test("a context that says nothing has no deadline, priority 3 and no metadata", () => {
  const context = callContext();
  assert.equal(context.deadline, Infinity);
  assert.equal(context.deadlineEnforced, false);
  assert.equal(context.priority, 3);
  assert.deepEqual({ ...context.metadata }, {});
  assert.equal(context.cancellation, undefined);
  assert.equal(context.peer, undefined);
  assert.equal(context.timeLeftMs(), Infinity);
  assert.equal(context.signal.aborted, false);
});

Deno.test("deriving a context leaves the first one as it was", () => {
  const key = contextKey("attempt", 0);
  const first = callContext({ deadline: 100, priority: 5, metadata: { tenant: "acme" } });
  const controller = new AbortController();
  const second = first.with({ deadline: 50, priority: 1, metadata: { user: "7" }, peer, signal: controller.signal })
    .set(key, 9);
  controller.abort();
  assert.equal(first.deadline, 100);
  assert.equal(first.priority, 5);
  assert.deepEqual({ ...first.metadata }, { tenant: "acme" });
  assert.equal(first.peer, undefined);
  assert.equal(first.cancellation, undefined);
  assert.equal(first.get(key), 0);
  assert.equal(second.deadline, 50);
  assert.equal(second.priority, 1);
  assert.deepEqual({ ...second.metadata }, { tenant: "acme", user: "7" });
  assert.equal(second.peer, peer);
  assert.equal(second.get(key), 9);
  assert.ok(second.signal.aborted);
});

Deno.test("what is not changed is handed down", () => {
  const key = contextKey("user", "nobody");
  const cancellation = new Cancellation();
  const metadata: Metadata = Object.freeze({ a: "1" });
  const first = new CallContext(100, true, 2, peer, cancellation, metadata).set(key, "ann");
  const other = { load: 1 } as unknown as Session<unknown, unknown>;
  for (const derived of [first.with({}), first.set(contextKey("x", 0), 1), first.withPeer(other)]) {
    assert.equal(derived.deadline, 100);
    assert.equal(derived.deadlineEnforced, true);
    assert.equal(derived.priority, 2);
    assert.equal(derived.cancellation, cancellation);
    assert.equal(derived.metadata, metadata);
    assert.equal(derived.get(key), "ann");
  }
  assert.equal(first.with({}).peer, peer);
  assert.equal(first.withPeer(other).peer, other);
});

Deno.test("the earliest deadline wins, however it is given", async () => {
  const clock = new ManualClock();
  await clock.advance(1000);
  assert.equal(callContext({ timeoutMs: 200, clock }).deadline, 1200);
  assert.equal(callContext({ timeoutMs: 200, deadline: 1100, clock }).deadline, 1100);
  assert.equal(callContext({ timeoutMs: 50, deadline: 1100, clock }).deadline, 1050);
  const context = callContext({ deadline: 1100 });
  assert.equal(context.with({ timeoutMs: 500, clock }).deadline, 1100, "a later one changes nothing");
  assert.equal(context.with({ deadline: Infinity }).deadline, 1100);
  assert.equal(context.with({ timeoutMs: 10, clock }).deadline, 1010);
  assert.equal(context.with({ timeoutMs: -5, clock }).deadline, 995, "time that is over is over");
});

Deno.test("an enforced deadline stays enforced only as long as it is the one that holds", () => {
  const enforced = callContext({ priority: 6 }).bounded(100, new Cancellation());
  assert.equal(enforced.deadline, 100);
  assert.equal(enforced.priority, 6);
  assert.equal(enforced.deadlineEnforced, true);
  assert.equal(enforced.with({ deadline: 200 }).deadlineEnforced, true);
  assert.equal(enforced.with({ deadline: 50 }).deadlineEnforced, false);
});

Deno.test("the time left is that until the deadline, and never negative", async () => {
  const clock = new ManualClock();
  const context = callContext({ timeoutMs: 100, clock });
  assert.equal(context.timeLeftMs(clock), 100);
  await clock.advance(60);
  assert.equal(context.timeLeftMs(clock), 40);
  await clock.advance(60);
  assert.equal(context.timeLeftMs(clock), 0);
});

Deno.test("a deadline that is no number is refused", () => {
  refused(() => callContext({ timeoutMs: NaN }), /not a number/);
  refused(() => callContext({ deadline: NaN }), /not a number/);
});

Deno.test("priorities are the integers from 0 to 7", () => {
  for (const priority of [0, 3, 7]) assert.equal(callContext({ priority }).priority, priority);
  for (const priority of [-1, 8, 1.5, NaN, Infinity]) {
    refused(() => background.with({ priority }), /integer from 0 to 7/);
  }
});

Deno.test("metadata is joined, the later value winning, and copied", () => {
  const given = { tenant: "acme", trace: "1" };
  const context = callContext({ metadata: given }).with({ metadata: { trace: "2" } });
  given.tenant = "changed";
  assert.deepEqual({ ...context.metadata }, { tenant: "acme", trace: "2" });
});

Deno.test("metadata keys are lower-case field names", () => {
  for (const key of ["a", "x-trace_id.1", "!#$%&'*+.^_`|~-", "k".repeat(255)]) {
    assert.equal(callContext({ metadata: { [key]: "v" } }).metadata[key], "v");
  }
  for (const key of ["", "Upper", "with space", "a:b", "ä", "a\n", "k".repeat(256)]) {
    refused(() => callContext({ metadata: { [key]: "v" } }), /not a lower-case field name/);
  }
});

Deno.test("metadata values are printable ASCII without space at the ends", () => {
  for (const value of ["", "v", "a b", "~!", "x".repeat(65_535)]) {
    assert.equal(callContext({ metadata: { k: value } }).metadata.k, value);
  }
  for (const value of [" a", "a ", "a\r\nb: c", "\0", "é", "\x7f", "x".repeat(65_536)]) {
    refused(() => callContext({ metadata: { k: value } }), /metadata k: its value is not printable ASCII/);
  }
  refused(() => callContext({ metadata: { k: 5 as unknown as string } }), /not printable ASCII/);
});

Deno.test("metadata named like parts of an object is only data", () => {
  const { metadata } = callContext({ metadata: JSON.parse(`{"__proto__":"p","constructor":"c"}`) });
  assert.equal(metadata["constructor"], "c");
  assert.equal(metadata["__proto__"], "p");
  assert.equal(metadata["tostring"], undefined);
  assert.equal(Object.getPrototypeOf(metadata), null);
});

Deno.test("metadata that is made on demand is made only when somebody asks", () => {
  let made = 0;
  const context = new CallContext(Infinity, false, 3, undefined, undefined, () => {
    made++;
    return { lazy: "yes" };
  });
  const derived = context.with({ priority: 1 }).set(contextKey("k", 0), 1);
  assert.equal(made, 0);
  assert.equal(derived.metadata.lazy, "yes");
  assert.equal(made, 1);
});

Deno.test("typed keys are told apart by identity, not by name", () => {
  const one = contextKey("user", "nobody");
  const two = contextKey("user", "nobody");
  const context = callContext().set(one, "ann");
  assert.equal(context.get(one), "ann");
  assert.equal(context.get(two), "nobody");
  assert.equal(context.set(one, "bob").get(one), "bob");
  assert.equal(context.get(one), "ann");
});

Deno.test("a key whose value is undefined does not fall back to its default", () => {
  const key = contextKey<string | undefined>("maybe", "default");
  assert.equal(background.get(key), "default");
  assert.equal(background.set(key, undefined).get(key), undefined);
});
