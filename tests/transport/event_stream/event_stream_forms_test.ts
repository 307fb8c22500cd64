/**
 * What holds for event streams in either form, over real connections.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { eventEncoding, type EventStream, ManualClock, ReplayBuffer, Topic } from "../../../mod.ts";
import { until, untilStill } from "../../support/channels.ts";
import { bodyOf, connectReader, forms } from "./event_stream_forms.ts";
import { eventsIn } from "./event_stream_reader.ts";

const newTopic = (): Topic<string, { events: Uint8Array }> =>
  new Topic({ encodings: { events: eventEncoding((data: string) => ({ data })) }, replay: true });

/** What an EventSource gets, and the source. */
function source(url: string): { got: string[]; events: EventSource } {
  const got: string[] = [];
  const events = new EventSource(url);
  events.onmessage = ({ data }) => void got.push(data);
  events.addEventListener("gap", (event) => void got.push(`gap ${event.data}`));
  return { got, events };
}

for (const { name, serve } of forms) {
  Deno.test(`${name}: an EventSource whose connection is cut again and again misses nothing`, async () => {
    const topic = newTopic();
    const streams: EventStream[] = [];
    await using server = await serve((events) => {
      streams.push(events);
      return topic.subscribe("events", events.send, { after: events.lastEventId, closed: events.close });
    }, { retryMs: 5 });
    const { got, events } = source(server.url);
    for (let i = 0; i < 6; i++) {
      await until(() => topic.stats().readers === 1, "the reader");
      topic.publish(`${2 * i}`);
      await until(() => got.length === 2 * i + 1, "the event");
      streams[i].close();
      await until(() => topic.stats().readers === 0, "the cut");
      topic.publish(`${2 * i + 1}`);
    }
    await until(() => got.length === 12, "all events");
    events.close();
    assert.deepEqual(got, Array.from({ length: 12 }, (_, i) => `${i}`));
    topic.close();
  });

  Deno.test(`${name}: a reader who comes back too late hears of the gap, and gets what is left`, async () => {
    const replay = new ReplayBuffer({ maxEvents: 2 });
    for (let i = 1; i <= 5; i++) replay.add({ id: `${i}`, data: `${i}` });
    await using server = await serve(({ send, close }) => {
      send({ data: "now" });
      close();
    }, { replay });
    const resume = async (id: string): Promise<string[]> => {
      const response = await fetch(server.url, { headers: { "last-event-id": id } });
      return eventsIn(await response.text());
    };
    assert.deepEqual(await resume("4"), ["message 5", "message now"]);
    assert.deepEqual(await resume("2"), ['gap {"missed":null}', "message 4", "message 5", "message now"]);
  });

  Deno.test(`${name}: a silent stream has a heartbeat, and a busy one has none`, async () => {
    const clock = new ManualClock();
    let stream!: EventStream;
    await using server = await serve((events) => void (stream = events), { clock, heartbeatMs: 1000 });
    using reader = await connectReader(server.port);
    await reader.read(/:\n\n/);
    await clock.advance(1000);
    await reader.read(/:\n\n[\s\S]*:\n\n/);
    for (let i = 0; i < 4; i++) {
      stream.send({ data: `${i}` });
      await reader.read(new RegExp(`data: ${i}`));
      await clock.advance(500);
    }
    assert.equal(bodyOf(reader.text), ":\n\n:\n\ndata: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\n");
    stream.close();
    await reader.read(/\r\n0\r\n\r\n$/);
  });

  Deno.test(`${name}: a reader that does not read loses the oldest, and is told how many`, async () => {
    let stream!: EventStream;
    await using server = await serve((events) => void (stream = events), { maxBufferedBytes: 1_000_000 });
    using reader = await connectReader(server.port);
    const data = "x".repeat(400_000);
    let sent = 0;
    while (stream.dropped < 5) {
      stream.send({ data: `${sent++} ${data}` });
      assert.ok(stream.bufferedBytes <= 1_000_000);
      await untilStill(() => stream.bufferedBytes);
    }
    stream.close();
    const events = eventsIn(bodyOf(await reader.read(/\r\n0\r\n\r\n$/)), { maxEventBytes: 500_000 });
    const gaps = events.filter((event) => event.startsWith("gap"));
    const missed = gaps.map((gap) => JSON.parse(gap.slice(4)).missed).reduce((sum, count) => sum + count, 0);
    assert.equal(missed, stream.dropped);
    assert.equal(events.length - gaps.length, sent - stream.dropped);
    assert.ok(events.at(-1)!.startsWith(`message ${sent - 1} `));
    reader[Symbol.dispose]();
  });

  Deno.test(`${name}: a reader that does not read is cut off where it was told to`, async () => {
    let stream!: EventStream;
    const options = { maxBufferedBytes: 1_000_000, overflow: "close" } as const;
    await using server = await serve((events) => void (stream = events), options);
    using _ = await connectReader(server.port);
    await assert.rejects(async () => {
      for (;;) {
        stream.send({ data: "x".repeat(400_000) });
        await untilStill(() => stream.bufferedBytes);
      }
    }, { code: "closed" });
    assert.equal((await stream.closed)?.code, "overloaded");
  });

  Deno.test(`${name}: a reader that leaves ends what makes its events`, async () => {
    const streams: EventStream[] = [];
    let disposed = 0;
    await using server = await serve((events) => {
      streams.push(events);
      return { [Symbol.dispose]: () => void disposed++ };
    });
    const readers = await Promise.all(Array.from({ length: 10 }, () => connectReader(server.port)));
    await until(() => streams.length === 10, "the readers");
    const aborted = streams[0].signal;
    for (const reader of readers) reader[Symbol.dispose]();
    await until(() => disposed === 10, "the ends");
    assert.ok(aborted.aborted);
    assert.deepEqual(await Promise.all(streams.map(({ closed }) => closed)), Array(10).fill(undefined));
    assert.throws(() => streams[0].send({ data: "x" }), { code: "closed" });
  });

  Deno.test(`${name}: a stream lives as long as the promise of its start`, async () => {
    const streams: EventStream[] = [];
    await using server = await serve(async (events) => {
      streams.push(events);
      await events.send({ data: "a" });
      await new Promise((resolve) => setTimeout(resolve, 1));
      await events.send({ data: "b" });
      if (streams.length === 2) throw new RangeError("no more");
    });
    const good = await fetch(server.url);
    assert.deepEqual(eventsIn(await good.text()), ["message a", "message b"]);
    const bad = await fetch(server.url);
    await assert.rejects(bad.text());
    assert.deepEqual([await streams[0].closed, (await streams[1].closed)?.message], [undefined, "no more"]);
  });

  Deno.test(`${name}: a stream has the headers that readers and proxies need, and HEAD gets nothing else`, async () => {
    let started = 0;
    await using server = await serve(({ close }) => {
      started++;
      close();
    }, { headers: { "x-mine": "1", "content-type": "text/html" } });
    for (const method of ["GET", "HEAD"]) {
      const response = await fetch(server.url, { method });
      assert.equal(response.headers.get("content-type"), "text/event-stream");
      assert.equal(response.headers.get("cache-control"), "no-store, no-transform");
      assert.equal(response.headers.get("x-accel-buffering"), "no");
      assert.equal(response.headers.get("x-mine"), "1");
      assert.equal(await response.text(), method === "GET" ? ":\n\n" : "");
    }
    assert.equal(started, 1);
  });

  Deno.test(`${name}: events of a topic reach each of many readers whole and in order, one a turn and in bursts`, async () => {
    const topic = newTopic();
    const subscribe = (events: EventStream): Disposable =>
      topic.subscribe("events", events.send, { closed: events.close });
    await using server = await serve(subscribe);
    const bodies = Array.from({ length: 50 }, async () => await (await fetch(server.url)).text());
    await until(() => topic.stats().readers === 50, "the readers");
    const expected: string[] = [];
    for (let i = 0; i < 600; i++) {
      const data = `${i} ${"é".repeat((i * 7) % 300)}`;
      topic.publish(data);
      expected.push(`message ${data}`);
      if (i % 3 === 0 && i < 300) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    topic.close();
    for (const text of await Promise.all(bodies)) assert.deepEqual(eventsIn(text), expected);
  });
}
