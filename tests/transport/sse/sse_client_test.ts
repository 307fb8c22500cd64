/**
 * What a client of sse() does with a server that breaks, is silent, forgets or
 * lies: all in a scripted network, on a clock that is moved by hand.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, type ErrorCode, ManualClock, TransportError } from "../../../mod.ts";
import { Recorder } from "../../support/channels.ts";
import { channelId, dialTest, openEvent, type SeenPost, TestCarrier, TestStream } from "./_sse_carrier.ts";

/** A channel whose first stream is open. */
async function dialled(
  clock: ManualClock,
  carrier: TestCarrier,
): Promise<{ channel: Channel; recorder: Recorder }> {
  const channel = await dialTest(carrier, clock);
  const recorder = new Recorder();
  channel.receive(recorder);
  return { channel, recorder };
}

function streams(...all: (TestStream | undefined)[]): TestCarrier {
  return new TestCarrier((count) => all[count - 1]);
}

function checkLost(recorder: Recorder, reason: string, details: Record<string, unknown> = {}): void {
  const { error } = recorder;
  assert.ok(error instanceof TransportError, String(error));
  assert.equal(error.code, "connection-lost");
  assert.deepEqual({ ...error.details, ...details, reason }, error.details);
  recorder.checkOver();
}

Deno.test("a client resumes behind the message that it has, and leaves out what comes twice", async () => {
  const clock = new ManualClock();
  const first = new TestStream().write(openEvent() + "id: 1\ndata: one\n\nid: 2\ndata: two\n\nid: 3\ndata: th");
  const second = new TestStream().write(openEvent() + "id: 2\ndata: two\n\nid: 3\ndata: three\n\n");
  const carrier = streams(first, undefined, second);
  const { channel, recorder } = await dialled(clock, carrier);
  first.write(null);
  await clock.advance(100);
  assert.deepEqual(recorder.messages, ["one", "two", "three"]);
  assert.deepEqual(carrier.gets[0], { "wireway-version": "1" });
  for (const get of carrier.gets.slice(1)) {
    assert.deepEqual(get, { "wireway-channel": channelId, "last-event-id": "2" });
  }
  assert.equal(carrier.gets.length, 3);
  channel.abort(new TransportError("cancelled", "Test over"));
  await channel.close();
  assert.deepEqual(carrier.posts.at(-1)?.method, "DELETE");
  assert.equal(carrier.closed, 1);
  assert.equal(clock.pending, 0);
});

Deno.test("a message that is missing ends the channel and is named", async () => {
  const clock = new ManualClock();
  const stream = new TestStream().write(openEvent() + "id: 1\ndata: one\n\nid: 3\ndata: three\n\n");
  const { recorder } = await dialled(clock, streams(stream));
  await clock.advance(0);
  checkLost(recorder, "gap", { expected: 2, came: 3 });
  assert.deepEqual(recorder.messages, ["one"].slice(0, recorder.messages.length));
  assert.equal(clock.pending, 0);
});

Deno.test("a server that forgot the channel ends it, with how much was not acknowledged", async () => {
  for (const status of [404, 410, 204]) {
    const clock = new ManualClock();
    const first = new TestStream().write(openEvent());
    const carrier = streams(first, new TestStream(status, ""));
    carrier.onPost = () => 0;
    const { channel, recorder } = await dialled(clock, carrier);
    void channel.send("not taken");
    void channel.send("neither");
    first.write(new Error("reset"));
    await clock.advance(200);
    checkLost(recorder, "gap", { status, unacknowledged: 2, received: 0 });
    await channel.close();
    assert.equal(clock.pending, 0);
  }
});

Deno.test("a server that can't be reached is given up when the window is over", async () => {
  const clock = new ManualClock();
  const first = new TestStream().write(openEvent());
  const carrier = new TestCarrier((count) => count === 1 ? first : undefined);
  const { channel, recorder } = await dialled(clock, carrier);
  first.write(null);
  await clock.advance(4990);
  assert.equal(recorder.closes, 0);
  await clock.advance(10_000);
  checkLost(recorder, "resume-window");
  assert.ok(carrier.gets.length > 2 && carrier.gets.length < 5000, `${carrier.gets.length} attempts`);
  await channel.close();
  assert.equal(clock.pending, 0);
});

Deno.test("POSTs that are never answered end the channel when the window is over", async () => {
  const clock = new ManualClock();
  const carrier = streams(new TestStream().write(openEvent({ heartbeatMs: null })));
  carrier.onPost = () => 503;
  const { channel, recorder } = await dialled(clock, carrier);
  void channel.send("hello");
  await clock.advance(4000);
  assert.equal(recorder.closes, 0);
  await clock.advance(20_000);
  checkLost(recorder, "resume-window");
  const bodies = carrier.posts.filter(({ method }) => method === "POST").map(({ body }) => body!);
  for (const body of bodies) assert.deepEqual(body, bodies[0], "the same is sent again");
  assert.equal(clock.pending, 0);
});

Deno.test("a silent server is left and asked again, and a paused receiver is not taken for silence", async () => {
  const clock = new ManualClock();
  const [first, second] = [new TestStream().write(openEvent()), new TestStream().write(openEvent())];
  const carrier = streams(first, second);
  const channel = await dialTest(carrier, clock);
  const gate = Promise.withResolvers<void>();
  const recorder = new Recorder(() => gate.promise);
  channel.receive(recorder);
  await clock.advance(1399);
  first.write(":\n\n");
  await clock.advance(1399);
  assert.equal(first.cancelled, false);
  first.write("id: 1\ndata: hold on\n\n");
  await clock.advance(60_000);
  assert.equal(first.cancelled, false, "it is not read meanwhile");
  gate.resolve();
  await clock.advance(1400);
  assert.equal(first.cancelled, true);
  await clock.advance(50);
  assert.deepEqual(carrier.gets[1], { "wireway-channel": channelId, "last-event-id": "1" });
  channel.abort(new TransportError("cancelled", "Test over"));
  await channel.close();
  assert.equal(clock.pending, 0);
});

Deno.test("a client says that it is there once in a heartbeat, and acknowledges without delay what fills the server", async () => {
  const clock = new ManualClock();
  const stream = new TestStream().write(openEvent({ livenessMs: 1e6 }));
  const carrier = streams(stream);
  const { channel } = await dialled(clock, carrier);
  await clock.advance(3000);
  assert.equal(carrier.posts.length, 3);
  stream.write(`id: 1\ndata: ${"x".repeat(900)}\n\n`);
  await clock.advance(49);
  assert.equal(carrier.posts.length, 3);
  await clock.advance(1);
  assert.equal(carrier.posts.at(-1)?.fields["wireway-ack"], "1");
  stream.write(`id: 2\ndata: ${"x".repeat(1000)}\n\n`);
  await clock.advance(0);
  assert.equal(carrier.posts.at(-1)?.fields["wireway-ack"], "2");
  channel.abort(new TransportError("cancelled", "Test over"));
  await channel.close();
});

Deno.test("what is sent during a POST goes into the next one, and acknowledgements do not wait", async () => {
  const clock = new ManualClock();
  const stream = new TestStream().write(openEvent());
  const carrier = streams(stream);
  const gate = Promise.withResolvers<number>();
  carrier.onPost = ({ fields }: SeenPost) => fields["wireway-first"] === "1" ? gate.promise : 204;
  const { channel } = await dialled(clock, carrier);
  for (const text of ["a", "b"]) void channel.send(text);
  await clock.advance(0);
  for (const text of ["c", "d", "e"]) void channel.send(text);
  stream.write("id: 1\ndata: x\n\n");
  await clock.advance(100);
  const firsts = () => carrier.posts.map(({ fields }) => fields["wireway-first"]);
  assert.deepEqual(firsts(), ["1", undefined]);
  gate.resolve(204);
  await clock.advance(0);
  assert.deepEqual(firsts(), ["1", undefined, "3"]);
  assert.equal(carrier.posts[2].body!.length, 3 * 6);
  assert.equal(channel.bufferedBytes, 0);
  channel.abort(new TransportError("cancelled", "Test over"));
  await channel.close();
});

Deno.test("a POST that is taken but not handed out is asked for again without its body", async () => {
  const clock = new ManualClock();
  const carrier = streams(new TestStream().write(openEvent()));
  const answers = [202, 202, 204];
  carrier.onPost = () => answers.shift() ?? 204;
  const { channel } = await dialled(clock, carrier);
  void channel.send("slow");
  await clock.advance(10);
  const seen = carrier.posts.map(({ fields, body }) => [fields["wireway-first"], body?.length]);
  assert.deepEqual(seen, [["1", 9], ["2", undefined], ["2", undefined]]);
  assert.equal(channel.bufferedBytes, 0);
  channel.abort(new TransportError("cancelled", "Test over"));
  await channel.close();
});

Deno.test("an answer that allows no going on ends the channel with its status", async () => {
  for (const status of [400, 401, 403, 409, 413, 415]) {
    const clock = new ManualClock();
    const carrier = streams(new TestStream().write(openEvent()));
    carrier.onPost = ({ method }) => method === "DELETE" ? 204 : status;
    const { channel, recorder } = await dialled(clock, carrier);
    void channel.send("hello");
    await clock.advance(10);
    checkLost(recorder, "refused", { status });
    await channel.close();
    assert.equal(carrier.posts.at(-1)?.method, "DELETE", "the server need not wait for it");
    assert.equal(clock.pending, 0);
  }
});

Deno.test("a stream that makes no sense ends the channel with what was wrong with it", async () => {
  const wrong: [ErrorCode, string][] = [
    ["protocol", "id: x\ndata: one\n\n"],
    ["protocol", "id: 0\ndata: one\n\n"],
    ["protocol", "data: no number\n\n"],
    ["protocol", "id: 1\nevent: bytes\ndata: ***\n\n"],
    ["protocol", "id: 1\nevent: bytes\ndata: QQ\n\n"],
    ["protocol", `id: 1\nevent: text\ndata: ${btoa("\xff")}\n\n`],
    ["protocol", "id: 1\nevent: end\ndata\n\nid: 2\ndata: more\n\n"],
    ["protocol", openEvent({ channel: "B".repeat(24) })],
    ["protocol", "event: open\ndata: {\n\n"],
    ["message-too-large", `id: 1\ndata: ${"x".repeat(3_000_000)}\n\n`],
    ["connection-lost", 'event: abort\ndata: {"message":"go away"}\n\n'],
    ["connection-lost", "event: abort\ndata\n\n"],
  ];
  for (const [code, text] of wrong) {
    const clock = new ManualClock();
    const stream = new TestStream().write(openEvent());
    const carrier = streams(stream);
    const channel = await dialTest(carrier, clock, { maxMessageBytes: 1_000_000 });
    const recorder = new Recorder();
    channel.receive(recorder);
    stream.write(text);
    await clock.advance(10);
    recorder.checkOver();
    assert.equal(recorder.error?.code, code, text.slice(0, 60));
    await channel.close();
    assert.equal(stream.cancelled, true);
    assert.equal(clock.pending, 0);
  }
});

Deno.test("a dial says why there is no channel, and leaves nothing behind", async () => {
  const wrong: [ErrorCode, TestStream | undefined][] = [
    ["connect-failed", undefined],
    ["connect-failed", new TestStream(401, "")],
    ["connect-failed", new TestStream(503, "")],
    ["connect-failed", new TestStream().write(null)],
    ["connect-failed", new TestStream().write(new Error("reset"))],
    ["protocol", new TestStream(200, "text/html")],
    ["protocol", new TestStream().write("id: 1\ndata: one\n\n")],
    ["protocol", new TestStream().write("event: open\ndata: 7\n\n")],
    ["protocol", new TestStream().write(openEvent({ channel: "short" }))],
    ["protocol", new TestStream().write(openEvent({ heartbeatMs: 0 }))],
    ["protocol", new TestStream().write(openEvent({ maxPostBytes: "many" }))],
    ["connect-timeout", new TestStream()],
  ];
  for (const [code, stream] of wrong) {
    const clock = new ManualClock();
    const carrier = streams(stream);
    const dialling = assert.rejects(dialTest(carrier, clock), { name: "TransportError", code, processed: "no" });
    await clock.advance(10_000);
    await dialling;
    assert.equal(carrier.closed, 1);
    assert.equal(clock.pending, 0);
  }
  const clock = new ManualClock();
  const leaving = new AbortController();
  const stream = new TestStream();
  const dialling = assert.rejects(dialTest(streams(stream), clock, {}, leaving.signal), { code: "cancelled" });
  await clock.advance(0);
  leaving.abort();
  await dialling;
  assert.equal(stream.cancelled, true);
  assert.equal(clock.pending, 0);
});

Deno.test("a channel is closed when the requests that it gave up have let go", async () => {
  const clock = new ManualClock();
  const stream = new TestStream().write(openEvent());
  const carrier = streams(stream);
  const { channel } = await dialled(clock, carrier);
  const letGo = Promise.withResolvers<void>();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  // As with a connection that is being opened: giving it up takes the platform a while.
  carrier.send = async ({ method }) => {
    if (method === "DELETE") return { status: 204, text: "" };
    ask();
    await letGo.promise;
    throw new Error("given up");
  };
  void channel.send("one");
  await asked;
  channel.abort(new TransportError("cancelled", "Test over"));
  let closed = false;
  const closing = channel.close().then(() => closed = true);
  await clock.advance(10);
  assert.equal(closed, false);
  assert.equal(carrier.closed, 0);
  letGo.resolve();
  await closing;
  assert.equal(carrier.closed, 1);
  assert.equal(clock.pending, 0);
});
