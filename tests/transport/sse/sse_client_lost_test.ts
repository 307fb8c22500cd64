/**
 * What a client of sse() does with requests whose network is gone, and how it
 * ends then.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock, TransportError } from "../../../mod.ts";
import { Recorder } from "../../support/channels.ts";
import { dialTest, openEvent, type SeenPost, TestCarrier, TestStream } from "./_sse_carrier.ts";

Deno.test("a close waits for a connection that is being made again, longer than for a silent peer", async () => {
  const clock = new ManualClock();
  const first = new TestStream().write(openEvent());
  const carrier = new TestCarrier((count) => count === 1 ? first : undefined);
  carrier.onPost = () => 0;
  const channel = await dialTest(carrier, clock, { lingerMs: 200, maxRetryMs: 500 });
  const recorder = new Recorder();
  channel.receive(recorder);
  first.write(null);
  await clock.advance(10);
  void channel.send("last words");
  const closing = channel.close();
  await clock.advance(3000);
  assert.equal(recorder.closes, 0);
  const taken: SeenPost[] = [];
  carrier.onPost = (post) => {
    taken.push(post);
    return 204;
  };
  carrier.onGet = () => new TestStream().write(openEvent() + "id: 1\nevent: end\ndata\n\n");
  await clock.advance(2000);
  await closing;
  assert.equal(recorder.error, undefined);
  recorder.checkOver();
  const batch = taken.find(({ body }) => body !== undefined);
  assert.equal(batch?.body?.length, 5 + 10 + 5, "the message and the end");
  assert.equal(taken.at(-1)?.fields["wireway-ack"], "1", "the server's end is acknowledged");
  assert.equal(clock.pending, 0);
});

Deno.test("a close that the peer takes and does not answer ends after the linger", async () => {
  const clock = new ManualClock();
  const carrier = new TestCarrier(() => new TestStream().write(openEvent()));
  const channel = await dialTest(carrier, clock, { lingerMs: 200 });
  const recorder = new Recorder();
  channel.receive(recorder);
  const closing = channel.close();
  await clock.advance(199);
  assert.equal(recorder.closes, 0);
  await clock.advance(1);
  await closing;
  assert.equal(recorder.error, undefined);
  assert.equal(carrier.posts.at(-1)?.method, "DELETE", "the server is told that nothing more is read");
  assert.equal(clock.pending, 0);
});

Deno.test("a close whose messages nobody takes says what was lost", async () => {
  const clock = new ManualClock();
  const carrier = new TestCarrier(() => new TestStream().write(openEvent({ livenessMs: 1e6 })));
  const never = new Promise<number>(() => {});
  carrier.onPost = ({ method }) => method === "DELETE" ? 204 : never;
  const channel = await dialTest(carrier, clock, { lingerMs: 200 });
  const recorder = new Recorder();
  channel.receive(recorder);
  void channel.send("one");
  void channel.send("two");
  const closing = channel.close();
  await clock.advance(200);
  await closing;
  const { error } = recorder;
  assert.ok(error instanceof TransportError);
  assert.deepEqual([error.code, error.details], [
    "connection-lost",
    { reason: "linger", unacknowledged: 3, received: 0 },
  ]);
  assert.equal(clock.pending, 0);
});

Deno.test("a silent stream has the POSTs made again that went the same way", async () => {
  const clock = new ManualClock();
  const carrier = new TestCarrier(() => new TestStream().write(openEvent({ postTimeoutMs: 1e6 })));
  const never = new Promise<number>(() => {});
  carrier.onPost = () => never;
  const channel = await dialTest(carrier, clock);
  channel.receive(new Recorder());
  void channel.send("into the void");
  await clock.advance(1399);
  const messages = () => carrier.posts.filter(({ fields }) => fields["wireway-first"] === "1").length;
  assert.equal(messages(), 1);
  carrier.onPost = () => 204;
  await clock.advance(50);
  assert.equal(messages(), 2);
  assert.equal(channel.bufferedBytes, 0);
  channel.abort(new TransportError("cancelled", "Test over"));
  await channel.close();
  assert.equal(clock.pending, 0);
});

Deno.test("a POST without an answer is made again when its time is over", async () => {
  const clock = new ManualClock();
  const carrier = new TestCarrier(() => new TestStream().write(openEvent({ heartbeatMs: 1e6 })));
  carrier.onPost = () => new Promise<number>(() => {});
  const channel = await dialTest(carrier, clock);
  channel.receive(new Recorder());
  void channel.send("slow");
  await clock.advance(699);
  assert.equal(carrier.posts.length, 1);
  carrier.onPost = () => 204;
  await clock.advance(20);
  assert.equal(carrier.posts.length, 2);
  assert.deepEqual(carrier.posts[0].body, carrier.posts[1].body);
  assert.equal(channel.bufferedBytes, 0);
  channel.abort(new TransportError("cancelled", "Test over"));
  await channel.close();
  assert.equal(clock.pending, 0);
});

Deno.test("batches keep to what the server takes at once", async () => {
  const clock = new ManualClock();
  const carrier = new TestCarrier(() =>
    new TestStream().write(openEvent({ maxMessageBytes: 1000, maxPostBytes: 1005 }))
  );
  const channel = await dialTest(carrier, clock);
  assert.equal(channel.maxMessageBytes, 1000, "the smaller limit of the two ends");
  channel.receive(new Recorder());
  for (const size of [1000, 400, 400, 400, 191]) void channel.send("ü".repeat(size / 2) + "x".repeat(size % 2));
  await clock.advance(0);
  assert.deepEqual(carrier.posts.map(({ body }) => body!.length), [1005, 810, 601]);
  assert.deepEqual(carrier.posts.map(({ fields }) => fields["wireway-first"]), ["1", "2", "4"]);
  channel.abort(new TransportError("cancelled", "Test over"));
  await channel.close();
});

Deno.test("a stream that is cut again and again is asked for again each time, as often as that takes", async () => {
  const clock = new ManualClock();
  let streams = 0;
  const carrier = new TestCarrier(() => {
    streams++;
    return new TestStream().write(`${openEvent({ retryMs: 100 })}id: ${streams}\ndata: ${streams}\n\n`).write(null);
  });
  const channel = await dialTest(carrier, clock);
  const recorder = new Recorder();
  channel.receive(recorder);
  await clock.advance(20_000);
  assert.equal(recorder.closes, 0, "the window begins with each loss");
  assert.ok(streams > 150, `${streams} streams: the wait does not grow while there is an answer`);
  assert.deepEqual(recorder.messages.map(Number), Array.from({ length: streams }, (_, i) => i + 1));
  channel.abort(new TransportError("cancelled", "Test over"));
  await channel.close();
  assert.equal(clock.pending, 0);
});

Deno.test("a client goes on sending when the server's side has ended and its stream is gone", async () => {
  for (const status of [204, 404, 410]) {
    const clock = new ManualClock();
    const first = new TestStream().write(`${openEvent()}id: 1\nevent: end\ndata\n\n`).write(null);
    const carrier = new TestCarrier((count) => count === 1 ? first : new TestStream(status, ""));
    const channel = await dialTest(carrier, clock);
    const recorder = new Recorder();
    channel.receive(recorder);
    await clock.advance(100);
    assert.deepEqual([recorder.ends, recorder.closes], [1, 0]);
    void channel.send("still here");
    await clock.advance(0);
    assert.equal(channel.bufferedBytes, 0);
    // The server was faster than its answer to the end: all that it took was answered.
    carrier.onPost = () => status;
    await Promise.all([channel.close(), clock.advance(10)]);
    assert.equal(recorder.error, undefined, `${status}`);
    recorder.checkOver();
    assert.equal(clock.pending, 0);
  }
});

Deno.test("what is handed out during an acknowledgement is acknowledged right behind it, where it is much", async () => {
  const clock = new ManualClock();
  const stream = new TestStream().write(openEvent());
  const carrier = new TestCarrier(() => stream);
  const gate = Promise.withResolvers<number>();
  carrier.onPost = () => carrier.posts.length === 1 ? gate.promise : 204;
  const channel = await dialTest(carrier, clock);
  channel.receive(new Recorder());
  const event = (number: number) => `id: ${number}\ndata: ${"x".repeat(2000)}\n\n`;
  stream.write(event(1));
  await clock.advance(0);
  stream.write(event(2) + event(3));
  await clock.advance(0);
  const acks = () => carrier.posts.map(({ fields }) => fields["wireway-ack"]);
  assert.deepEqual(acks(), ["1"]);
  gate.resolve(204);
  await clock.advance(0);
  assert.deepEqual(acks(), ["1", "3"]);
  channel.abort(new TransportError("cancelled", "Test over"));
  await channel.close();
  assert.equal(clock.pending, 0);
});

Deno.test("the last acknowledgement is sent until it is answered, or the linger is over", async () => {
  for (const answers of [true, false]) {
    const clock = new ManualClock();
    const carrier = new TestCarrier(() => new TestStream().write(`${openEvent()}id: 1\nevent: end\ndata\n\n`));
    let refused = 0;
    carrier.onPost = ({ fields }) => {
      if (fields["wireway-first"] !== undefined) return 204;
      return answers && refused++ >= 3 ? 204 : 0;
    };
    const channel = await dialTest(carrier, clock, { lingerMs: 200 });
    const closing = channel.close();
    let isClosed = false;
    void closing.then(() => isClosed = true);
    await clock.advance(0);
    assert.equal(isClosed, false);
    await clock.advance(answers ? 150 : 201);
    assert.equal(isClosed, true);
    assert.equal(carrier.closed, 1);
    assert.equal(clock.pending, 0);
  }
});
