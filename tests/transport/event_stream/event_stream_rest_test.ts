/**
 * eventStream(): so many readers that the event loop is busy with them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Clock, deadlinesOf, eventEncoding, ManualClock, Topic } from "../../../mod.ts";
import type { EventStream, EventStreamOptions } from "../../../src/transport/event_stream/event_stream.ts";
import { EventStreamTurns } from "../../../src/transport/event_stream/event_stream_turns.ts";
import { BodyReader, eventsIn, open, settle } from "./event_stream_reader.ts";

/** Readers that keep up, and a topic. */
async function audience(count: number, clock: Clock, options: EventStreamOptions = {}) {
  const topic = new Topic({ encodings: { events: eventEncoding((data: string) => ({ data })) } });
  const streams: EventStream[] = [];
  const readers: Reader[] = [];
  for (let i = 0; i < count; i++) {
    const { events, response } = open({ ...options, clock });
    topic.subscribe("events", events.send, { closed: events.close });
    streams.push(events);
    readers.push(new Reader(response));
  }
  await settle();
  return { topic, streams, readers };
}

/** A reader that takes each chunk at once. */
class Reader extends BodyReader {
  readonly done: Promise<string> = this.rest();

  /** The events of each chunk since the last call. */
  news(): string[][] {
    return this.chunks.splice(0).map((chunk) => eventsIn(chunk));
  }
}

Deno.test("eventStream() writes to many readers at the end of the turn, and then collects while the platform is at work", async () => {
  const clock = new ManualClock();
  const { topic, readers } = await audience(1000, clock);
  await clock.advance(100);
  for (const reader of readers) reader.news();

  topic.publish("0");
  await settle();
  for (const reader of readers) assert.deepEqual(reader.news(), [["message 0"]]);
  for (let i = 1; i < 6; i++) {
    topic.publish(`${i}`);
    await settle();
  }
  assert.deepEqual(readers[0].news(), [], "they rest");
  await clock.advance(0);
  await clock.advance(9);
  assert.deepEqual(readers[0].news(), [], "they rest for 10 ms after the event loop has come back");
  await clock.advance(1);
  const together = [1, 2, 3, 4, 5].map((i) => `message ${i}`);
  for (const reader of readers) assert.deepEqual(reader.news(), [together]);
  await clock.advance(100);
  topic.publish("6");
  await settle();
  assert.deepEqual(readers[999].news(), [["message 6"]], "after a rest it is as before");
  topic.close();
  await Promise.all(readers.map((reader) => reader.done));
  assert.deepEqual([deadlinesOf(clock).size, clock.pending], [0, 0], "the last reader leaves no timer behind");
  const late = await audience(1, clock);
  assert.equal(late.readers[0].chunks.length, 1, "and no rest");
  late.topic.close();
  await late.readers[0].done;
});

Deno.test("eventStream() rests twice as long as the event loop was busy, and 50 ms at most", async () => {
  for (const [busyMs, restMs] of [[11, 20], [1000, 50]]) {
    const manual = new ManualClock();
    let late = 0;
    const clock: Clock = {
      now: () => manual.now() + late,
      schedule: (callback, delayMs) => manual.schedule(callback, delayMs),
    };
    const { topic, readers } = await audience(400, clock);
    await manual.advance(100);
    for (const reader of readers) reader.news();
    topic.publish("a");
    await settle();
    late = busyMs;
    await manual.advance(0);
    topic.publish("b");
    await manual.advance(restMs - 1);
    assert.deepEqual(readers[0].news(), [["message a"]]);
    await manual.advance(1);
    assert.deepEqual(readers[0].news(), [["message b"]]);
    topic.close();
    await Promise.all(readers.map((reader) => reader.done));
  }
});

Deno.test("eventStream() never rests with few readers", async () => {
  const clock = new ManualClock();
  const { topic, readers } = await audience(100, clock);
  for (const reader of readers) reader.news();
  for (let i = 0; i < 3; i++) {
    topic.publish(`${i}`);
    await settle();
    for (const reader of readers) assert.deepEqual(reader.news(), [[`message ${i}`]]);
  }
  topic.close();
  await Promise.all(readers.map((reader) => reader.done));
});

Deno.test("eventStream() drops nothing of readers who keep up, and has no sender wait, because others are written", async () => {
  const clock = new ManualClock();
  const { topic, streams, readers } = await audience(300, clock, { highWaterBytes: 40, maxBufferedBytes: 60 });
  await clock.advance(100);
  for (const reader of readers) reader.news();
  topic.publish("0");
  await settle();
  for (let i = 1; i < 40; i++) {
    topic.publish(`${i}`);
    await settle();
    assert.ok(streams[0].bufferedBytes <= 60);
  }
  assert.deepEqual([topic.stats().dropped, topic.stats().lagging, streams[0].dropped], [0, 0, 0]);
  const large = "x".repeat(45);
  assert.equal(streams[0].send({ data: large }), undefined, "past the high-water mark it goes out at once");
  await settle();
  assert.equal(readers[0].news().at(-1)!.at(-1), `message ${large}`);
  streams[1].close();
  assert.match(await readers[1].done, /data: 39\n\n$/, "an end does not wait");
  topic.close();
  await Promise.all(readers.map((reader) => reader.done));
  assert.equal(readers[5].news().flat().length, 40);
});

Deno.test("eventStream() that rests drops nothing where less may wait than the high-water mark", async () => {
  const clock = new ManualClock();
  const { topic, streams, readers } = await audience(300, clock, { maxBufferedBytes: 60 });
  await clock.advance(100);
  for (let i = 0; i < 40; i++) {
    topic.publish(`${i}`);
    await settle();
  }
  topic.close();
  assert.match(await readers[299].done, /data: 0\n\n[^]*data: 39\n\n$/);
  await Promise.all(readers.map((reader) => reader.done));
  assert.equal(streams[299].dropped, 0);
});

Deno.test("streams on our own sockets never rest: each knows when its write is done", async () => {
  const turns = new EventStreamTurns();
  let written = 0;
  for (let turn = 1; turn < 4; turn++) {
    for (let i = 0; i < 1000; i++) turns.add({ write: () => written++ });
    await settle();
    assert.equal(written, turn * 1000);
  }
  assert.equal(turns.isResting, false);
});
