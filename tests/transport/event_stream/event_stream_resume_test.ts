/**
 * Event streams whose readers come back: from a replay buffer and from a topic,
 * over real connections.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock } from "../../../mod.ts";
import { Topic } from "../../../src/channel/topic.ts";
import { eventEncoding } from "../../../src/framing/event_stream/event_stream_writer.ts";
import {
  type EventStream,
  eventStream,
  type EventStreamOptions,
} from "../../../src/transport/event_stream/event_stream.ts";
import { ReplayBuffer } from "../../../src/transport/event_stream/event_stream_replay.ts";
import { eventsIn, settle } from "./event_stream_reader.ts";

const clock = new ManualClock();

/** What a reader with this Last-Event-ID gets before the stream is closed. */
async function resume(lastEventId: string, options: EventStreamOptions, byOption = false): Promise<string[]> {
  const headers: HeadersInit = byOption ? {} : { "last-event-id": lastEventId };
  const request = new Request("http://127.0.0.1/", { headers });
  const response = eventStream(request, (events) => {
    assert.equal(events.lastEventId, lastEventId);
    events.send({ data: "now" });
    events.close();
  }, { clock, ...options, ...(byOption ? { lastEventId } : {}) });
  return eventsIn(await response.text());
}

function filled(count: number, options = {}): ReplayBuffer {
  const replay = new ReplayBuffer(options);
  for (let i = 1; i <= count; i++) replay.add({ id: `${i}`, data: `${i}` });
  return replay;
}

Deno.test("eventStream() replays what came after the last event id, before anything new", async () => {
  const replay = filled(5);
  assert.deepEqual(await resume("3", { replay }), ["message 4", "message 5", "message now"]);
  assert.deepEqual(await resume("5", { replay }), ["message now"]);
  assert.deepEqual(await resume("", { replay }), ["message now"]);
  assert.deepEqual(await resume("4", { replay }, true), ["message 5", "message now"]);
});

Deno.test("eventStream() tells of a gap where the last event id is not kept any more", async () => {
  const replay = filled(5, { maxEvents: 2 });
  assert.deepEqual(await resume("4", { replay }), ["message 5", "message now"]);
  const gap = ['gap {"missed":null}', "message 4", "message 5", "message now"];
  assert.deepEqual(await resume("3", { replay }), gap);
  assert.deepEqual(await resume("unknown", { replay }), gap);
});

Deno.test("eventStream() does not count what is replayed as a slow reader's", async () => {
  const replay = filled(100);
  for (const overflow of ["drop-oldest", "close"] as const) {
    const events = await resume("1", { replay, maxBufferedBytes: 20, overflow });
    assert.equal(events.length, 100);
    assert.equal(events.at(-1), "message now");
  }
});

Deno.test("ReplayBuffer gives an event an id where it has none, and one that no other buffer gives", () => {
  const ids = (replay: ReplayBuffer): string[] =>
    ["a", "b"].map((data) => /^id: (\S+)\n/.exec(new TextDecoder().decode(replay.add({ data })))![1]);
  const replay = new ReplayBuffer();
  const [first, second] = ids(replay);
  assert.match(first, /^[a-z0-9]+-1$/);
  assert.match(second, /^[a-z0-9]+-2$/);
  assert.equal(replay.after(first).events.length, 1);
  assert.equal(replay.after(first).complete, true);
  const [other] = ids(new ReplayBuffer());
  assert.notEqual(other, first);
  assert.equal(replay.after(other).complete, false);
});

Deno.test("ReplayBuffer keeps its limits in events and in bytes, however long it runs", () => {
  const replay = new ReplayBuffer({ maxEvents: 10, maxBytes: 200 });
  for (let i = 1; i <= 1000; i++) {
    replay.add({ id: `${i}`, data: "x".repeat(i % 37) });
    assert.ok(replay.size <= 10 && replay.bytes <= 200, `${replay.size} events of ${replay.bytes} bytes`);
    assert.equal(replay.after(`${i}`).events.length, 0);
    const oldest = i - replay.size + 1;
    const { complete, events } = replay.after(`${oldest}`);
    assert.deepEqual([complete, events.length], [true, replay.size - 1]);
    assert.equal(replay.after(`${oldest - 1}`).complete, false);
  }
});

Deno.test("ReplayBuffer takes an id that is used twice for the later event", () => {
  const replay = new ReplayBuffer({ maxEvents: 3 });
  for (const [id, data] of [["1", "a"], ["2", "b"], ["1", "c"], ["3", "d"]]) replay.add({ id, data });
  assert.equal(replay.after("1").events.length, 1);
  replay.add({ id: "4", data: "e" });
  assert.deepEqual([replay.after("2").complete, replay.after("1").events.length], [false, 2]);
});

Deno.test("ReplayBuffer forgets all it has for an event that is larger than it may keep", () => {
  const replay = filled(3, { maxBytes: 100 });
  assert.equal(replay.add({ id: "4", data: "x".repeat(200) }).length, 214);
  assert.deepEqual([replay.size, replay.bytes, replay.after("3").complete, replay.after("4").complete], [
    0,
    0,
    false,
    false,
  ]);
  replay.add({ id: "5", data: "y" });
  assert.equal(replay.after("5").complete, true);
});

Deno.test("ReplayBuffer refuses what can not be written, and options that are not allowed", () => {
  const replay = filled(1);
  assert.throws(() => replay.add({ id: "a\0", data: "x" }), { code: "invalid-request" });
  assert.equal(replay.size, 1);
  assert.throws(() => new ReplayBuffer({ maxEvents: 0 }), { code: "invalid-option" });
});

/** A server whose readers follow a topic. */
function serveTopic(
  topic: Topic<string, { events: Uint8Array }>,
  opened: (events: EventStream) => void = () => {},
): { url: string; shutdown: () => Promise<void> } {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) =>
      eventStream(request, (events) => {
        opened(events);
        return topic.subscribe("events", events.send, { after: events.lastEventId, closed: events.close });
      }, { retryMs: 10 }),
  );
  return { url: `http://127.0.0.1:${server.addr.port}/`, shutdown: () => server.shutdown() };
}

const newTopic = (): Topic<string, { events: Uint8Array }> =>
  new Topic({ encodings: { events: eventEncoding((data: string) => ({ data })) }, replay: true });

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("an EventSource whose connection is cut again and again gets each message of a Topic once", async () => {
  const topic = newTopic();
  const cuts: (() => void)[] = [];
  const { url, shutdown } = serveTopic(topic, (events) => cuts.push(events.close));
  const got: string[] = [];
  const source = new EventSource(url);
  source.onmessage = ({ data }) => void got.push(data);
  source.addEventListener("gap", () => got.push("gap"));
  for (let i = 0; i < 10; i++) {
    await until(() => topic.stats().readers === 1);
    topic.publish(`${2 * i}`);
    await until(() => got.length === 2 * i + 1);
    cuts[i]();
    await until(() => topic.stats().readers === 0);
    topic.publish(`${2 * i + 1}`);
  }
  await until(() => got.length === 20);
  source.close();
  assert.deepEqual(got, Array.from({ length: 20 }, (_, i) => `${i}`));
  topic.close();
  await shutdown();
});

Deno.test("a Topic over HTTP has no readers left when they have gone, with all they were given", async () => {
  const topic = newTopic();
  const { url, shutdown } = serveTopic(topic);
  const responses = await Promise.all(Array.from({ length: 20 }, () => fetch(url)));
  await until(() => topic.stats().readers === 20);
  topic.publish("a");
  await Promise.all(responses.map(({ body }, i) => i % 2 === 0 ? body!.cancel() : undefined));
  await until(() => topic.stats().readers === 10);
  topic.publish("b");
  topic.close();
  const rest = await Promise.all(responses.filter((_, i) => i % 2 === 1).map((response) => response.text()));
  for (const text of rest) assert.deepEqual(eventsIn(text), ["message a", "message b"]);
  await shutdown();
  assert.equal(topic.stats().readers, 0);
});

Deno.test("eventStream() understands a last event id that is not ASCII, as browsers write it", async () => {
  const id = "é€😀";
  let seen = "";
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) =>
      eventStream(request, ({ lastEventId, close }) => {
        seen = lastEventId;
        close();
      }),
  );
  const { port } = server.addr;
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(
    new TextEncoder().encode(`GET / HTTP/1.1\r\nhost: x\r\nlast-event-id: ${id}\r\nconnection: close\r\n\r\n`),
  );
  await new Response(conn.readable).text();
  assert.equal(seen, id);
  await server.shutdown();
});

Deno.test("a reader of a Topic over HTTP that does not read keeps a bounded number of bytes waiting", async () => {
  const topic = new Topic({
    encodings: { events: eventEncoding((data: string) => ({ data })) },
    maxBacklogMessages: 10,
  });
  const request = new Request("http://127.0.0.1/");
  const response = eventStream(request, (events) => topic.subscribe("events", events.send, { closed: events.close }), {
    clock,
    highWaterBytes: 2000,
  });
  const reader = response.body!.getReader();
  for (let i = 0; i < 1000; i++) {
    topic.publish(`${i} ${"x".repeat(500)}`);
    await undefined;
  }
  assert.deepEqual([topic.stats().lagging, topic.stats().backlogMessages], [1, 10]);
  let text = "";
  topic.close();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    text += new TextDecoder().decode(next.value);
    await settle();
  }
  const events = eventsIn(text).map((event) => event.split(" ").slice(0, 2).join(" "));
  const gap = events.findIndex((event) => event.startsWith("gap"));
  assert.ok(gap > 0 && gap < 10);
  assert.equal(events[gap], `gap {"missed":${990 - gap}}`);
  assert.deepEqual(events.slice(gap + 1), Array.from({ length: 10 }, (_, i) => `message ${990 + i}`));
  assert.equal(topic.stats().readers, 0);
});
