/**
 * eventStream(): what goes out, when it ends, and what it leaves behind.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock, TransportError } from "../../../mod.ts";
import { markRequest, type OpenBody } from "../../../src/core/open_bodies.ts";
import { encodeEvent } from "../../../src/framing/event_stream/event_stream_writer.ts";
import { type EventStream, eventStream } from "../../../src/transport/event_stream/event_stream.ts";
import { BodyReader, eventsIn, follow, open, request, settle } from "./event_stream_reader.ts";

Deno.test("eventStream() answers with the headers that readers and proxies need", async () => {
  const { response, events } = open();
  assert.equal(response.status, 200);
  assert.deepEqual([...response.headers], [
    ["cache-control", "no-store, no-transform"],
    ["content-type", "text/event-stream"],
    ["x-accel-buffering", "no"],
  ]);
  events.close();
  await response.text();
  const headers = { "access-control-allow-origin": "*", "cache-control": "no-cache", "content-type": "text/html" };
  const own = open({ headers });
  assert.deepEqual([...own.response.headers], [
    ["access-control-allow-origin", "*"],
    ["cache-control", "no-cache"],
    ["content-type", "text/event-stream"],
    ["x-accel-buffering", "no"],
  ]);
  await own.response.body!.cancel();
});

Deno.test("eventStream() sends something at once: a comment, or the reconnect time", async () => {
  const plain = open();
  assert.equal(await new BodyReader(plain.response).read(), ":\n\n");
  plain.events.close();
  const timed = open({ retryMs: 1500 });
  assert.equal(await new BodyReader(timed.response).read(), "retry: 1500\n\n");
  timed.events.close();
  await settle();
});

Deno.test("eventStream() sends what is sent in one turn as one chunk", async () => {
  const { events, response } = open();
  const reader = follow(response);
  events.send({ data: "a" });
  await settle();
  events.send({ id: "1", data: "b" });
  events.comment("c");
  events.send(encodeEvent({ data: "d" }));
  events.send(encodeEvent({ data: "é" }));
  events.send({ data: "f" });
  await settle();
  const bytes = encodeEvent({ data: "g" });
  events.send(bytes);
  events.close();
  await settle();
  assert.deepEqual(reader.chunks, [
    ":\n\ndata: a\n\n",
    ": c\n\nid: 1\ndata: b\n\ndata: d\n\ndata: é\n\ndata: f\n\n",
    "data: g\n\n",
  ]);
});

Deno.test("eventStream() does not copy an event that goes out alone", async () => {
  const { events, response } = open();
  const reader = response.body!.getReader();
  await reader.read();
  const bytes = encodeEvent({ data: "x" });
  events.send(bytes);
  assert.equal((await reader.read()).value, bytes);
  await reader.cancel();
});

Deno.test("eventStream() makes no chunk much larger than 64 KiB of many events", async () => {
  const { events, response } = open();
  const data = "x".repeat(1000);
  for (let i = 0; i < 500; i++) events.send({ data });
  events.close();
  const reader = new BodyReader(response);
  assert.equal(eventsIn(await reader.rest()).length, 500);
  assert.ok(reader.chunks.length >= 8);
  for (const chunk of reader.chunks) assert.ok(chunk.length < 67_000);
});

Deno.test("eventStream() refuses an event that can not be written, and goes on", async () => {
  const { events, response } = open({ maxBufferedBytes: 100 });
  assert.throws(() => events.send({ id: "a\n", data: "x" }), { code: "invalid-request" });
  assert.throws(() => events.send({ data: "x".repeat(100) }), {
    code: "message-too-large",
    message: "Cannot send event: it has 108 bytes, 100 are allowed",
  });
  assert.throws(() => events.send(new Uint8Array(101)), { code: "message-too-large" });
  events.send(new Uint8Array(0));
  events.send({ data: "x" });
  events.close();
  assert.equal(await response.text(), ":\n\ndata: x\n\n");
});

Deno.test("eventStream() releases everything when its reader leaves", async () => {
  const clock = new ManualClock();
  let events!: EventStream;
  let disposed = 0;
  const response = eventStream(request(), (stream) => {
    events = stream;
    return { [Symbol.dispose]: () => void disposed++ };
  }, { clock, highWaterBytes: 0 });
  const reader = new BodyReader(response);
  await reader.read();
  await settle();
  const { signal } = events;
  events.send({ data: "a" });
  await settle();
  const wait = events.send({ data: "b" });
  await reader.cancel();
  await wait;
  assert.deepEqual([disposed, signal.aborted, await events.closed], [1, true, undefined]);
  assert.equal((signal.reason as TransportError).code, "closed");
  assert.deepEqual([events.bufferedBytes, clock.pending], [0, 0]);
  assert.throws(() => events.send({ data: "x" }), { code: "closed" });
  events.comment();
  events.close();
  await settle();
  assert.equal(disposed, 1);
});

Deno.test("eventStream() lives as long as the promise of its start, and tells of its failure by a cut", async () => {
  const clock = new ManualClock();
  const good = eventStream(request(), async ({ send }) => {
    await send({ data: "a" });
    await settle();
    await send({ data: "b" });
  }, { clock });
  assert.deepEqual(eventsIn(await good.text()), ["message a", "message b"]);

  let events!: EventStream;
  const bad = eventStream(request(), async (stream) => {
    events = stream;
    await settle();
    throw new RangeError("no more");
  }, { clock });
  await assert.rejects(bad.text(), { code: "remote", message: "no more" });
  assert.equal((await events.closed)?.message, "no more");

  // Whoever goes on after the reader has left is stopped by that, and nobody hears of it.
  const left = eventStream(request(), async ({ send, closed }) => {
    await closed;
    send({ data: "x" });
  }, { clock });
  await left.body!.cancel();
  await settle();
  assert.equal(clock.pending, 0);
});

Deno.test("eventStream() throws what its start throws, and leaves nothing behind", async () => {
  const clock = new ManualClock();
  let events!: EventStream;
  assert.throws(() =>
    eventStream(request(), (stream) => {
      events = stream;
      throw new RangeError("not today");
    }, { clock }), RangeError);
  assert.equal((await events.closed)?.message, "not today");
  assert.equal(clock.pending, 0);
});

Deno.test("eventStream() that is over before its start returns is disposed of all the same", async () => {
  let disposed = 0;
  const options = { maxBufferedBytes: 20, overflow: "close", clock: new ManualClock() } as const;
  const response = eventStream(request(), ({ send }) => {
    for (let i = 0; i < 2; i++) send({ data: "12345678" });
    return { [Symbol.dispose]: () => void disposed++ };
  }, options);
  assert.equal(disposed, 1);
  await assert.rejects(response.text());
});

Deno.test("eventStream() that its server ends still sends what was given to it before", async () => {
  const bodies = new Set<OpenBody>();
  const marked = request();
  markRequest(marked, bodies);
  let events!: EventStream;
  const response = eventStream(marked, (stream) => void (events = stream), { clock: new ManualClock() });
  const reader = new BodyReader(response);
  await reader.read();
  events.send({ data: "the last words" });
  for (const body of bodies) body.end(new TransportError("closed", "Server ended"));
  assert.deepEqual(eventsIn(await reader.rest()), ["message the last words"]);
  assert.equal((await events.closed)?.message, "Server ended");
  assert.equal(bodies.size, 0);
});

Deno.test("eventStream() answers HEAD without a body and without a start", () => {
  const response = eventStream(request({}, "HEAD"), () => assert.fail("was started"));
  assert.equal(response.body, null);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
});

Deno.test("eventStream() refuses options that are not allowed, naming them", () => {
  const check = (options: object, message: RegExp): void => {
    assert.throws(() => eventStream(request(), () => {}, options), { code: "invalid-option", message });
  };
  check({ heartbeatMs: 0 }, /option heartbeatMs is 0, allowed is a time in milliseconds of at least 1/);
  check({ retryMs: 1.5 }, /option retryMs is 1.5, allowed is an integer/);
  check({ overflow: "reject" }, /option overflow is "reject", allowed is "drop-oldest" or "close"/);
  check({ retry: 1 }, /it has no option "retry", only /);
});
