/**
 * Conformance of sessions: what goes with a call, and calls that are given up.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type CallContext, callContext, ManualClock, type Metadata } from "../../mod.ts";
import { failure } from "../support/calls.ts";
import { numbered, turns, until } from "../support/channels.ts";
import { echo, Gate, quiet } from "./_session_world.ts";
import type { Capabilities, SessionTest } from "./session_suite.ts";

const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** Registers them. */
export function contextTests(test: SessionTest, can: Capabilities): void {
  test(can.context ? "carries metadata to the handler" : "carries no metadata", {}, async (world) => {
    const seen: { context: CallContext; metadata: Metadata }[] = [];
    await world.serve((request, context) => {
      seen.push({ context, metadata: { ...context.metadata } });
      return request;
    });
    const session = await world.dial();
    const metadata = { traceparent: trace, tenant: "acme", "x!#$%&'*+.^_`|~-9": "a b ~", empty: "" };
    await session.call(new Uint8Array(1), callContext({ metadata }));
    await session.call(new Uint8Array(1));
    assert.deepEqual(seen[0].metadata, can.context ? metadata : {});
    assert.deepEqual(seen[1].metadata, {});
    assert.equal(seen[0].context.deadline, Infinity);
    assert.notEqual(seen[0].context.peer, undefined);
  });

  test(can.context ? "carries the time left to the handler" : "carries no deadline", {
    clock: new ManualClock(),
  }, async (world) => {
    const clock = world.clock!;
    await world.serve((_, context) => new TextEncoder().encode(String(context.timeLeftMs(clock))));
    const session = await world.dial();
    // Whatever the two ends still have to say to each other at the beginning is not to take that long.
    await session.call(new Uint8Array(1));
    await clock.advance(12_345);
    const context = callContext({ deadline: clock.now() + 700 });
    assert.equal(
      new TextDecoder().decode(await session.call(new Uint8Array(1), context)),
      can.context ? "700" : "Infinity",
    );
    assert.equal(new TextDecoder().decode(await session.call(new Uint8Array(1))), "Infinity");
  });

  test("rejects a call when its deadline passes, and tells the handler where it can", {
    clock: new ManualClock(),
  }, async (world) => {
    const clock = world.clock!;
    const gate = new Gate();
    const server = await world.serve(gate.handler);
    const session = await world.dial();
    const late = failure(
      session.call(numbered(1, 4), callContext({ deadline: clock.now() + 50 })),
      "deadline-exceeded",
    );
    const other = session.call(numbered(2, 4));
    await gate.reached(2);
    await clock.advance(49);
    assert.equal(session.load, 2);
    await clock.advance(1);
    assert.equal((await late).processed, "maybe");
    if (can.context) await until(() => gate.cancelled === 1, "the cancelled handler");
    gate.open();
    assert.deepEqual(await other, numbered(2, 4));
    await quiet(server);
    await until(() => session.load === 0, "a session without calls");
    assert.equal(gate.cancelled, can.context ? 1 : 0);
  });

  test("does not send a call whose deadline has passed", { clock: new ManualClock() }, async (world) => {
    const server = await world.serve(echo);
    const session = await world.dial();
    await world.clock!.advance(1000);
    for (const deadline of [-1, 0, 999, 1000]) {
      await failure(session.call(numbered(1, 4), callContext({ deadline })), "deadline-exceeded", "no");
    }
    await session.call(numbered(2, 4), callContext({ deadline: 1_000_000 }));
    assert.equal(server.calls.started, 1);
    assert.equal(session.load, 0);
  });

  test("rejects a cancelled call at once, and tells the handler where it can", {}, async (world) => {
    const gate = new Gate();
    const server = await world.serve(gate.handler);
    const session = await world.dial();
    const controller = new AbortController();
    const calls = Array.from({ length: 5 }, (_, i) => {
      const context = i < 3 ? callContext({ signal: controller.signal }) : undefined;
      return session.call(numbered(i, 4), context);
    });
    const cancelled = calls.slice(0, 3).map((call) => failure(call, "cancelled", "maybe"));
    await gate.reached(5);
    controller.abort(new Error("the user left"));
    for (const error of await Promise.all(cancelled)) assert.match(error.message, /the user left/);
    if (can.context) await until(() => gate.cancelled === 3, "the cancelled handlers");
    gate.open();
    assert.deepEqual(await calls[3], numbered(3, 4));
    assert.deepEqual(await calls[4], numbered(4, 4));
    await quiet(server);
    await until(() => session.load === 0, "a session without calls");
    assert.equal(gate.cancelled, can.context ? 3 : 0, "the others' handlers hear nothing");
  });

  test("does not send a call that was cancelled before", {}, async (world) => {
    const server = await world.serve(echo);
    const session = await world.dial();
    const context = callContext({ signal: AbortSignal.abort(new Error("gone")) });
    await failure(session.call(numbered(1, 4), context), "cancelled", "no");
    await session.call(numbered(2, 4));
    assert.equal(server.calls.started, 1);
  });

  test("mixes up no replies when many calls are cancelled as they are answered", {}, async (world) => {
    let controller = new AbortController();
    const server = await world.serve(async (request) => {
      await turns(request[3] % 3);
      // In the middle of each round, while some are being answered and some are not.
      if (request[2] === request[3]) controller.abort();
      return request;
    });
    const session = await world.dial();
    let cancelled = 0;
    for (let round = 0; round < 20; round++) {
      controller = new AbortController();
      const { signal } = controller;
      await Promise.all(Array.from({ length: 12 }, async (_, i) => {
        const request = numbered((round % 12) * 256 + i, 16);
        try {
          const context = i % 2 === 0 ? callContext({ signal }) : undefined;
          assert.deepEqual(await session.call(request, context), request);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "cancelled");
          cancelled++;
        }
      }));
    }
    await quiet(server);
    assert.ok(cancelled > 0, "some were cancelled");
    await until(() => session.load === 0, "a session without calls");
  });

  const slow = can.reorder
    ? "does not hold up other calls for a slow one"
    : "runs other handlers beside a slow one, and keeps their replies in order";
  test(slow, {}, async (world) => {
    const gate = new Gate();
    let quick = 0;
    await world.serve((request, context) => {
      if (request[3] === 0) return gate.handler(request, context);
      quick++;
      return request;
    });
    const session = await world.dial();
    const order: number[] = [];
    const calls = Array.from({ length: 20 }, async (_, i) => {
      await session.call(numbered(i, 4));
      order.push(i);
    });
    await until(() => quick === 19, "the other handlers");
    if (can.reorder) await Promise.all(calls.slice(1));
    assert.equal(order.includes(0), false);
    gate.open();
    await Promise.all(calls);
    if (!can.reorder) assert.deepEqual(order, order.toSorted((a, b) => a - b));
  });
}
