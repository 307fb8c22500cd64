/**
 * eventStream(): readers that are slow, and the heartbeat.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { deadlinesOf, ManualClock } from "../../../mod.ts";
import { encodeEvent } from "../../../src/framing/event_stream/event_stream_writer.ts";
import { BodyReader, eventsIn, follow, open, settle } from "./event_stream_reader.ts";

Deno.test("eventStream() hands a slow reader one chunk at a time, and all that came meanwhile as the next", async () => {
  const { events, response } = open();
  const reader = new BodyReader(response);
  await settle();
  for (let i = 0; i < 5; i++) {
    events.send({ data: `${i}` });
    await settle();
  }
  assert.equal(events.bufferedBytes, 5 * 9);
  assert.equal(await reader.read(), ":\n\n");
  assert.deepEqual(eventsIn((await reader.read())!), [0, 1, 2, 3, 4].map((i) => `message ${i}`));
  assert.equal(events.bufferedBytes, 0);
  // It keeps up now, and later on again it does not.
  const next = reader.read();
  events.send({ data: "5" });
  assert.equal(await next, "data: 5\n\n");
  for (let i = 6; i < 9; i++) {
    events.send({ data: `${i}` });
    await settle();
  }
  assert.equal(await reader.read(), "data: 6\n\n");
  assert.equal(await reader.read(), "data: 7\n\ndata: 8\n\n");
  events.close();
  assert.equal(await reader.read(), undefined);
});

Deno.test("eventStream() has a sender wait past the high-water mark until there is room", async () => {
  const { events, response } = open({ highWaterBytes: 100 });
  const reader = new BodyReader(response);
  await settle();
  assert.equal(events.send({ data: "x".repeat(80) }), undefined);
  let drained = false;
  const wait = events.send({ data: "x".repeat(80) });
  assert.ok(wait instanceof Promise);
  wait.then(() => drained = true);
  await settle();
  assert.equal(drained, false);
  await reader.read();
  await settle();
  assert.equal(drained, true);
  await reader.cancel();
});

Deno.test("eventStream() drops the oldest for a slow reader and tells it how many", async () => {
  const { events, response } = open({ maxBufferedBytes: 100 });
  const reader = new BodyReader(response);
  await settle();
  for (let i = 10; i < 60; i++) {
    events.send(i % 2 === 0 ? { data: `${i}` } : encodeEvent({ data: `${i}` }));
    assert.ok(events.bufferedBytes <= 100);
    if (i % 7 === 0) await settle();
  }
  assert.equal(events.dropped, 40);
  await reader.read();
  const expected = ['gap {"missed":40}', ...Array.from({ length: 10 }, (_, i) => `message ${i + 50}`)];
  assert.deepEqual(eventsIn((await reader.read())!), expected);
  events.send({ data: "x" });
  assert.equal(await reader.read(), "data: x\n\n");
  await reader.cancel();
});

Deno.test("eventStream() tells of a gap also before an event that waits alone", async () => {
  const { events, response } = open({ maxBufferedBytes: 10 });
  const reader = new BodyReader(response);
  await settle();
  for (let i = 0; i < 3; i++) events.send(encodeEvent({ data: `${i}` }));
  await reader.read();
  assert.deepEqual(eventsIn((await reader.read())!), ['gap {"missed":2}', "message 2"]);
  await reader.cancel();
});

Deno.test("eventStream() cuts off a slow reader where it was told to", async () => {
  const { events, response } = open({ maxBufferedBytes: 100, overflow: "close" });
  const reader = new BodyReader(response);
  await settle();
  for (let i = 0; i < 11; i++) events.send({ data: `${i}` });
  assert.equal(events.bufferedBytes, 100);
  assert.equal(events.signal.aborted, false);
  events.send({ data: "x" });
  const error = await events.closed;
  assert.equal(error?.code, "overloaded");
  assert.equal(error?.message, "Event stream ended: 100 bytes wait for a reader that does not read, 100 are allowed");
  assert.equal(events.signal.reason, error);
  assert.equal(events.bufferedBytes, 0);
  assert.throws(() => events.send({ data: "x" }), {
    code: "closed",
    message: "Cannot send event: the event stream is closed",
  });
  await assert.rejects(reader.rest(), { code: "overloaded" });
});

Deno.test("eventStream() breaks no silence that is shorter than the heartbeat's time, and lets none be longer", async () => {
  const { events, response, clock } = open({ heartbeatMs: 1000 });
  const reader = follow(response);
  await settle();
  reader.chunks.length = 0;
  await clock.advance(1000);
  assert.deepEqual(reader.chunks, [":\n\n"]);
  await clock.advance(2000);
  assert.deepEqual(reader.chunks, [":\n\n", ":\n\n", ":\n\n"], "one each time");
  for (let i = 0; i < 20; i++) {
    events.send({ data: "x" });
    await clock.advance(499);
  }
  assert.deepEqual(reader.chunks.slice(3), Array(20).fill("data: x\n\n"), "none while there is something to say");
  for (const at of [1, 250, 499, 500, 501, 750, 999]) {
    await clock.advance(at);
    events.send({ data: "x" });
    await settle();
    reader.chunks.length = 0;
    await clock.advance(499);
    assert.deepEqual(reader.chunks, [], "too early");
    await clock.advance(501);
    assert.deepEqual(reader.chunks, [":\n\n"], "too late");
  }
  events.close();
  await settle();
});

Deno.test("eventStream() puts no heartbeat behind what a slow reader has not taken", async () => {
  const { events, response, clock } = open({ heartbeatMs: 1000 });
  const reader = new BodyReader(response);
  await clock.advance(10_000);
  events.send({ data: "x" });
  await clock.advance(10_000);
  assert.equal(await reader.read(), ":\n\n");
  events.close();
  assert.equal(await reader.rest(), ":\n\ndata: x\n\n", "one that it was due before");
});

Deno.test("eventStream() needs one timer for all streams, and none when they are over or have no heartbeat", async () => {
  const clock = new ManualClock();
  const streams = Array.from({ length: 100 }, () => open({ clock }));
  const silent = open({ clock, heartbeatMs: Infinity });
  assert.equal(clock.pending, 1);
  assert.equal(deadlinesOf(clock).size, 100);
  for (const [i, { events, response }] of streams.entries()) {
    if (i % 2 === 0) {
      events.close();
      await response.text();
    } else {
      await response.body!.cancel();
    }
  }
  assert.deepEqual([deadlinesOf(clock).size, clock.pending], [0, 0]);
  await silent.response.body!.cancel();
});

Deno.test("eventStream() that is closed sends what waits first, also to a slow reader", async () => {
  const { events, response } = open();
  const reader = new BodyReader(response);
  await settle();
  events.send({ data: "a" });
  events.close();
  events.close();
  assert.throws(() => events.send({ data: "b" }), { code: "closed" });
  await settle();
  assert.equal(await reader.rest(), ":\n\ndata: a\n\n");
  assert.equal(await events.closed, undefined);
});
