/**
 * mux() from caller to handler and back: calls, sends, both directions, errors,
 * and what travels with a call.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  background,
  type CallContext,
  callContext,
  type ErrorCode,
  errorCodes,
  TransportError,
} from "../../src/core/mod.ts";
import { bytes, HeldCalls, joined } from "./_joined.ts";
import { isPending, rejection, resolution, settle } from "./_settle.ts";

/** The error that a caller gets for what a handler throws. */
async function thrownAcross(thrown: unknown): Promise<TransportError> {
  const { session } = await joined(() => {
    throw thrown;
  });
  return await rejection(session.call(bytes()), thrown instanceof TransportError ? thrown.code : "remote");
}

Deno.test("a call is answered, by a handler that answers at once and by one that takes its time", async () => {
  const { session } = await joined((request) => request[0] === 1 ? request : Promise.resolve(request));
  assert.deepEqual(await session.call(bytes(1, 2)), bytes(1, 2));
  assert.deepEqual(await session.call(bytes(3)), bytes(3));
  assert.deepEqual(await session.call(bytes()), bytes());
});

Deno.test("1000 calls at once get each their own reply, whatever the order of the replies", async () => {
  const held = new HeldCalls();
  const { session } = await joined(held.handler);
  const replies = Array.from({ length: 1000 }, (_, i) => session.call(bytes(i >> 8, i & 255)));
  assert.equal(session.load, 1000);
  await settle();
  assert.equal(held.calls.length, 1000);
  const order = held.calls.map((_, i) => i).sort((a, b) => ((a * 7919) % 1009) - ((b * 7919) % 1009));
  for (const i of order) held.calls[i].reply(bytes(...held.calls[i].request, 9));
  for (let i = 0; i < 1000; i++) assert.deepEqual(await replies[i], bytes(i >> 8, i & 255, 9));
  assert.equal(session.load, 0);
});

Deno.test("a reply does not wait for the calls before it", async () => {
  const held = new HeldCalls();
  const { session } = await joined(held.handler);
  const first = session.call(bytes(1));
  const second = session.call(bytes(2));
  await settle();
  held.calls[1].reply(bytes(22));
  assert.deepEqual(await resolution(second), bytes(22));
  await isPending(first);
  held.calls[0].reply(bytes(11));
  assert.deepEqual(await resolution(first), bytes(11));
});

Deno.test("a one-way send reaches the handler and takes no place among the calls", async () => {
  const seen: Uint8Array[] = [];
  const { session, server } = await joined((request) => {
    seen.push(request);
    return request;
  });
  session.send(bytes(7, 7));
  session.send(bytes());
  assert.equal(session.load, 0);
  await settle();
  assert.deepEqual(seen, [bytes(7, 7), bytes()]);
  assert.equal(server.calls.started, 2);
  assert.equal(server.calls.inFlight, 0);
});

Deno.test("a one-way send carries a deadline, a priority and metadata", async () => {
  let context: CallContext | undefined;
  const { session, clock } = await joined((request, given) => {
    context = given;
    return request;
  });
  session.send(bytes(1), callContext({ timeoutMs: 80, priority: 6, metadata: { tenant: "acme" }, clock }));
  await settle();
  assert.equal(context!.deadline, 80);
  assert.equal(context!.priority, 6);
  assert.deepEqual({ ...context!.metadata }, { tenant: "acme" });
});

Deno.test("a one-way send that fails is counted, and harms nothing", async () => {
  const { session, server } = await joined((request) => {
    if (request[0] === 1) throw new Error("at once");
    if (request[0] === 2) return Promise.reject(new Error("later"));
    return request;
  });
  session.send(bytes(1));
  session.send(bytes(2));
  assert.deepEqual(await session.call(bytes(3)), bytes(3));
  assert.deepEqual({ ...server.calls }, { inFlight: 0, started: 3, failed: 2, refused: 0 });
});

Deno.test("the server calls back on the connection that a call came in on", async () => {
  const { session } = await joined(async (request, context) => {
    const answer = await context.peer!.call(bytes(request[0] + 1)) as Uint8Array;
    return bytes(...answer, 100);
  }, { dialHandler: (request) => bytes(request[0] * 2) });
  assert.deepEqual(await resolution(session.call(bytes(4))), bytes(10, 100));
});

Deno.test("calls go both ways at once without their numbers being mixed up", async () => {
  const near = new HeldCalls();
  const far = new HeldCalls();
  const { session, accepted } = await joined(far.handler, { dialHandler: near.handler });
  const out = [1, 2, 3].map((i) => session.call(bytes(i)));
  const back = [1, 2, 3].map((i) => accepted.call(bytes(i)));
  await settle();
  for (const call of far.calls) call.reply(bytes(10, ...call.request));
  for (const call of near.calls) call.reply(bytes(20, ...call.request));
  assert.deepEqual(await resolution(Promise.all(out)), [bytes(10, 1), bytes(10, 2), bytes(10, 3)]);
  assert.deepEqual(await resolution(Promise.all(back)), [bytes(20, 1), bytes(20, 2), bytes(20, 3)]);
});

Deno.test("the peer of a call is the session it came in on", async () => {
  let peer: unknown;
  const { session, accepted } = await joined((request, context) => {
    peer = context.peer;
    return request;
  });
  await session.call(bytes());
  assert.equal(peer, accepted);
});

Deno.test("an end without a handler refuses calls, and ignores sends", async () => {
  const { session, accepted } = await joined((request) => request);
  const error = await rejection(accepted.call(bytes()), "unsupported");
  assert.equal(error.processed, "no");
  assert.equal(error.remote, true);
  accepted.send(bytes());
  assert.deepEqual(await resolution(session.call(bytes(1))), bytes(1));
});

Deno.test("an error that a handler throws reaches the caller with all that it says", async () => {
  const error = await thrownAcross(
    new TransportError("rate-limited", "Slow down: żółw", {
      processed: "no",
      details: { user: 7, nested: { list: [1, null, "é"] } },
      retryAfterMs: 1500,
      cause: new Error("stays there"),
    }),
  );
  assert.equal(error.message, "Slow down: żółw");
  assert.equal(error.processed, "no");
  assert.deepEqual(error.details, { user: 7, nested: { list: [1, null, "é"] } });
  assert.equal(error.retryAfterMs, 1500);
  assert.equal(error.remote, true);
  assert.equal(error.cause, undefined);
});

Deno.test("every code and every verdict on processing survives the trip", async () => {
  const codes = [...errorCodes];
  const verdicts = ["no", "maybe", "yes"] as const;
  let next = 0;
  const { session } = await joined(() => {
    const i = next++;
    throw new TransportError(codes[i % codes.length], `error ${i}`, { processed: verdicts[i % 3] });
  });
  for (let i = 0; i < codes.length * 3; i++) {
    const error = await rejection(session.call(bytes()), codes[i % codes.length] as ErrorCode);
    assert.equal(error.processed, verdicts[i % 3]);
    assert.equal(error.retryAfterMs, undefined);
    assert.equal(error.details, undefined);
  }
});

Deno.test("a retry-after of 0 is not the same as none, and none is negative or endless", async () => {
  for (const [said, heard] of [[0, 0], [-5, 0], [0.2, 1], [Infinity, 0xffff_fffe]]) {
    const error = new TransportError("overloaded", "x", { retryAfterMs: said });
    assert.equal((await thrownAcross(error)).retryAfterMs, heard);
  }
});

Deno.test("whatever else a handler throws becomes `remote`, with its message", async () => {
  for (
    const [thrown, message] of [[new TypeError("bad"), "bad"], ["text", "text"], [undefined, "undefined"], [
      Object.create(null),
      "a thrown object",
    ]]
  ) {
    const error = await thrownAcross(thrown);
    assert.equal(error.message, message);
    assert.equal(error.processed, "yes");
    assert.equal(error.remote, true);
  }
});

Deno.test("details that are not JSON do not keep the error from being told", async () => {
  const error = await thrownAcross(new TransportError("invalid-request", "x", { details: { big: 5n } }));
  assert.equal(error.message, "x");
  assert.equal(error.details, undefined);
});

Deno.test("an error too long for a frame arrives cut, not never", async () => {
  const message = "m".repeat(100_000);
  const details = { long: "d".repeat(200_000) };
  const { session } = await joined(() => {
    throw new TransportError("remote", message, { details });
  }, { memory: { maxMessageBytes: 1000 } });
  const error = await rejection(session.call(bytes()), "remote");
  assert.ok(error.message.length > 500 && message.startsWith(error.message));
  assert.equal(error.details, undefined);
});

Deno.test("a handler whose reply is not bytes fails its call, and only that", async () => {
  for (const wrong of ["text", undefined, 5, [1], new ArrayBuffer(3)]) {
    const { session } = await joined((request) => request.length === 0 ? wrong as unknown as Uint8Array : request);
    const error = await rejection(session.call(bytes()), "remote");
    assert.match(error.message, /not Uint8Array/);
    assert.deepEqual(await resolution(session.call(bytes(1))), bytes(1));
  }
});

Deno.test("metadata and priority arrive as they were sent", async () => {
  const contexts: CallContext[] = [];
  const { session } = await joined((request, context) => {
    contexts.push(context);
    return request;
  });
  const metadata = { tenant: "acme", traceparent: `00-${"a".repeat(32)}`, empty: "", __proto__x: "p" };
  await session.call(bytes(1), callContext({ metadata, priority: 0 }));
  await session.call(bytes(1));
  assert.deepEqual({ ...contexts[0].metadata }, metadata);
  assert.equal(contexts[0].priority, 0);
  assert.equal(contexts[0].deadline, Infinity);
  assert.deepEqual({ ...contexts[1].metadata }, {});
  assert.equal(contexts[1].priority, background.priority);
});

Deno.test("metadata over its limit is refused before anything is sent", async () => {
  const { session } = await joined((request) => request);
  const metadata = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, "v".repeat(1000)]));
  const error = await rejection(session.call(bytes(), callContext({ metadata })), "message-too-large");
  assert.equal(error.processed, "no");
  assert.equal(session.load, 0);
  assert.deepEqual(await resolution(session.call(bytes(1))), bytes(1));
});
