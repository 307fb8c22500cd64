/**
 * pipeline(): the answering end as any program sees it that can mark off a
 * message, and the calling end before one that does as it likes.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  chain,
  type Channel,
  type Handler,
  ManualClock,
  memory,
  type MemoryOptions,
  type Message,
  pipeline,
  type PipelineOptions,
  serve,
  type Server,
  TransportError,
} from "../../mod.ts";
import { failure, settle } from "../support/calls.ts";
import { bytesOf, Recorder, until, within } from "../support/channels.ts";

type Bytes = Uint8Array;

interface Plain {
  readonly server: Server;
  readonly channel: Channel;
  readonly recorder: Recorder;
  /** What came, as text. */
  texts(): string[];
}

/** A server, and a channel to it that sends what it likes. */
async function plain(
  handler: Handler<Bytes, Bytes>,
  options: PipelineOptions,
  run: (plain: Plain) => Promise<void>,
  memoryOptions: MemoryOptions = {},
  onMessage?: (message: Message) => void | Promise<void>,
): Promise<void> {
  const transport = memory(memoryOptions);
  const server = await serve(chain(transport, pipeline(options)), handler, { graceMs: 1000 });
  const channel = await transport.dial();
  const recorder = new Recorder(onMessage);
  channel.receive(recorder);
  const texts = () => recorder.messages.map((message) => new TextDecoder().decode(bytesOf(message)));
  try {
    await within(run({ server, channel, recorder, texts }), "the end of the test");
  } finally {
    const closed = channel.close();
    await within(server.shutdown(), "the server's end");
    await closed;
  }
}

const say = (text: string): Bytes => new TextEncoder().encode(text);
const textOf = (bytes: Bytes): string => new TextDecoder().decode(bytes);

Deno.test("a failed handler's reply is what errorReply makes of it, in its place", async () => {
  const handler = async (request: Bytes): Promise<Bytes> => {
    const text = textOf(request);
    if (text === "slow") await new Promise((resolve) => setTimeout(resolve, 5));
    if (text === "fail") throw new RangeError("no such row");
    return request;
  };
  await plain(handler, { errorReply: (error) => say(`${error.code}: ${error.message}`) }, async (plain) => {
    for (const text of ["slow", "fail", "a", "fail"]) void plain.channel.send(text);
    await plain.recorder.count(4);
    assert.deepEqual(plain.texts(), ["slow", "remote: no such row", "a", "remote: no such row"]);
    assert.deepEqual(plain.server.calls, { inFlight: 0, started: 4, failed: 2, refused: 0 });
  });
});

Deno.test("a reply that is too large, or none at all, is a failure that errorReply can tell", async () => {
  const handler = (request: Bytes): Bytes =>
    textOf(request) === "large" ? new Uint8Array(101) : "text" as unknown as Bytes;
  const errorReply: PipelineOptions["errorReply"] = ({ code, processed }) => say(`${code} ${processed}`);
  await plain(handler, { errorReply }, async (plain) => {
    void plain.channel.send("large");
    void plain.channel.send("other");
    await plain.recorder.count(2);
    assert.deepEqual(plain.texts(), ["message-too-large yes", "remote yes"]);
    assert.equal(plain.server.calls.failed, 2);
  }, { maxMessageBytes: 100 });
});

Deno.test("an errorReply that fails itself ends the connection, and nothing else", async () => {
  const errorReply = (): Bytes => {
    throw new Error("broken");
  };
  await plain(() => Promise.reject(new Error("no such row")), { errorReply }, async (plain) => {
    void plain.channel.send("a");
    const error = await plain.recorder.over();
    assert.match(String(error?.message), /broken/);
    assert.deepEqual(plain.server.calls, { inFlight: 0, started: 1, failed: 1, refused: 0 });
  });
});

Deno.test("no more requests than maxInFlight are begun, and the rest in order as replies go out", async () => {
  const waiting: (() => void)[] = [];
  const begun: string[] = [];
  const handler = async (request: Bytes): Promise<Bytes> => {
    begun.push(textOf(request));
    await new Promise<void>((resolve) => waiting.push(resolve));
    return request;
  };
  await plain(handler, { maxInFlight: 2 }, async ({ channel, recorder, texts }) => {
    for (const text of ["a", "b", "c", "d", "e"]) void channel.send(text);
    await settle();
    assert.deepEqual(begun, ["a", "b"]);
    // The second ends first: its reply waits for its turn, and its place stays taken.
    waiting[1]();
    await settle();
    assert.deepEqual([begun.length, recorder.messages.length], [2, 0]);
    waiting[0]();
    await recorder.count(2);
    await until(() => begun.length === 4, "two more");
    for (let i = 2; i < 5; i++) {
      await until(() => waiting.length > i, "the next one");
      waiting[i]();
    }
    await recorder.count(5);
    assert.deepEqual(texts(), ["a", "b", "c", "d", "e"]);
    assert.deepEqual(begun, ["a", "b", "c", "d", "e"]);
  });
});

Deno.test("replies that a peer does not read wait for it, however many come at once", async () => {
  const gate = Promise.withResolvers<void>();
  const read = Promise.withResolvers<void>();
  const handler = async (request: Bytes): Promise<Bytes> => {
    await gate.promise;
    return new Uint8Array(10_000).fill(request[0]);
  };
  const limits = { highWaterBytes: 20_000, maxBufferedBytes: 40_000 };
  await plain(
    handler,
    { maxInFlight: 50 },
    async ({ channel, recorder, server }) => {
      for (let i = 0; i < 50; i++) void channel.send(new Uint8Array([i]));
      await until(() => server.calls.inFlight === 50, "50 handlers");
      gate.resolve();
      await until(() => server.calls.inFlight === 0, "50 replies made");
      assert.ok(server.channels.bytesOut! <= 50_000, `${server.channels.bytesOut} bytes were sent`);
      assert.equal(recorder.messages.length, 1);
      read.resolve();
      await recorder.count(50);
      assert.deepEqual(
        recorder.messages.map((message) => bytesOf(message)[0]),
        Array.from({ length: 50 }, (_, i) => i),
      );
      assert.equal(recorder.closes, 0);
    },
    limits,
    () => read.promise,
  );
});

Deno.test("a server that shuts down answers what it has begun, and begins nothing more", async () => {
  const gate = Promise.withResolvers<void>();
  const handler = async (request: Bytes): Promise<Bytes> => {
    await gate.promise;
    return request;
  };
  await plain(handler, {}, async ({ channel, recorder, server, texts }) => {
    void channel.send("a");
    await until(() => server.calls.inFlight === 1, "the handler");
    const shutdown = server.shutdown();
    await settle();
    void channel.send("b");
    await settle();
    assert.equal(server.calls.started, 1);
    gate.resolve();
    await recorder.until(() => recorder.ends === 1, "the server's end");
    assert.deepEqual(texts(), ["a"]);
    await channel.close();
    await shutdown;
    assert.equal(server.calls.started, 1);
  });
});

Deno.test("a handler's signal aborts when the peer is gone, and only where it is still at work", async () => {
  const aborted: string[] = [];
  const handler: Handler<Bytes, Bytes> = (request, context) => {
    context.signal.addEventListener("abort", () => aborted.push(textOf(request)));
    return textOf(request) === "quick" ? request : new Promise<Bytes>(() => {});
  };
  const transport = memory();
  const server = await serve(chain(transport, pipeline()), handler);
  const session = await chain(transport, pipeline()).dial();
  await session.call(say("quick"));
  const slow = failure(session.call(say("slow")), "connection-lost", "maybe");
  await until(() => server.calls.started === 2, "two handlers");
  session.abort(new TransportError("cancelled", "The test has enough"));
  await slow;
  await until(() => aborted.length > 0, "the abort");
  assert.deepEqual(aborted, ["slow"]);
  await server.shutdown();
});

Deno.test("a reply that no call waits for ends the connection", async () => {
  const transport = memory();
  const accepted = Promise.withResolvers<Channel>();
  const listener = await transport.listen((channel) => accepted.resolve(channel));
  const session = await chain(transport, pipeline()).dial();
  const far = await accepted.promise;
  far.receive(new Recorder());
  void far.send("unasked");
  assert.equal((await within(session.finished, "the end"))?.code, "protocol");
  await listener.close();
});

Deno.test("close() waits no longer than closeTimeoutMs for a reply", async () => {
  const clock = new ManualClock();
  const transport = memory();
  const server = await serve(chain(transport, pipeline()), () => new Promise<Bytes>(() => {}));
  const session = await chain(transport, pipeline({ clock, closeTimeoutMs: 500 })).dial();
  const call = failure(session.call(say("a")), "connection-lost", "maybe");
  const closing = session.close();
  await clock.advance(499);
  assert.equal(session.state, "draining");
  await clock.advance(1);
  await call;
  await closing;
  await server.shutdown();
});
