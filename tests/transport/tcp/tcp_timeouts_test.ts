/**
 * tcp(): peers that begin and do not finish, say nothing, or do not go. The
 * sockets are real and the clock is moved by hand.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { lengthPrefix, ManualClock, tcp, type TcpOptions } from "../../../mod.ts";
import { frames } from "../../framing/_feed.ts";
import { numbered, Recorder, sameBytes, turn, until, untilStill, within } from "../../support/channels.ts";
import { dialRaw, echoServer, readAll, writeAll } from "../_echo.ts";

const second = 1000;

/** A server on a clock of its own, and a raw connection to it. */
async function watched(options: Partial<TcpOptions>) {
  const clock = new ManualClock();
  const server = await echoServer({ clock, ...options });
  const conn = await Deno.connect({ port: server.port });
  const { recorder } = await server.connection(0);
  /** Writes, and waits until it has been received. */
  async function say(bytes: Uint8Array): Promise<void> {
    const received = server.listener.counters.bytesIn + bytes.length;
    await writeAll(conn, bytes);
    await until(() => server.listener.counters.bytesIn === received, "the bytes");
    await turn();
  }
  return {
    clock,
    recorder,
    say,
    async [Symbol.asyncDispose]() {
      conn.close();
      await server[Symbol.asyncDispose]();
      assert.equal(clock.pending, 0, "no timer is left");
    },
  };
}

Deno.test("tcp() closes a connection that began a frame and did not finish it in time", async () => {
  // With an idle timeout too: the earlier limit holds, whichever it is.
  for (const idleTimeoutMs of [Infinity, 60 * second]) {
    await using peer = await watched({ frameTimeoutMs: 5 * second, idleTimeoutMs });
    await peer.say(Uint8Array.of(0, 0));
    await peer.clock.advance(5 * second - 1);
    assert.equal(peer.recorder.closes, 0);
    await peer.clock.advance(1);
    assert.equal(peer.recorder.error?.code, "protocol");
    assert.match(
      String(peer.recorder.error?.message),
      /^Connection closed: 127\.0\.0\.1:\d+ began a frame and did not finish it within 5000 ms$/,
    );
  }
});

Deno.test("tcp() gives a frame no more time for each byte that drips in", async () => {
  await using peer = await watched({ frameTimeoutMs: 5 * second });
  await peer.clock.advance(7);
  for (const byte of [0, 0, 0, 9, 1]) {
    assert.equal(peer.recorder.closes, 0);
    await peer.say(Uint8Array.of(byte));
    await peer.clock.advance(second);
  }
  assert.equal(peer.recorder.error?.code, "protocol");
});

Deno.test("tcp() gives each frame its own time", async () => {
  await using peer = await watched({ frameTimeoutMs: 5 * second });
  const frame = frames(lengthPrefix(), [numbered(0, 100)]);
  // Each read ends in the middle of the next frame, so that one is always unfinished.
  await peer.say(frame.subarray(0, 50));
  for (let i = 0; i < 10; i++) {
    await peer.clock.advance(4 * second);
    await peer.say(new Uint8Array([...frame.subarray(50), ...frame.subarray(0, 50)]));
    assert.equal(peer.recorder.messages.length, i + 1);
  }
  await peer.say(frame.subarray(50));
  await peer.clock.advance(3600 * second);
  assert.equal(peer.recorder.closes, 0, "between frames there is no limit");
  await peer.say(frame.subarray(0, 1));
  await peer.clock.advance(5 * second);
  assert.equal(peer.recorder.error?.code, "protocol");
});

Deno.test("tcp() does not hold a receiver's pause against its peer", async () => {
  const clock = new ManualClock();
  const gates = [Promise.withResolvers<void>()];
  const recorder = new Recorder(() => gates.at(-1)!.promise);
  const listener = await tcp({ port: 0, clock, frameTimeoutMs: 5 * second, idleTimeoutMs: 8 * second })
    .listen((channel) => channel.receive(recorder));
  const conn = await Deno.connect({ port: listener.addr.port! });
  const frame = frames(lengthPrefix(), [numbered(0, 100)]);
  // A frame that was begun, then its rest with the beginning of another one: the pause finds one unfinished.
  await writeAll(conn, frame.subarray(0, 10));
  await until(() => listener.counters.bytesIn === 10, "the first bytes");
  await clock.advance(4 * second);
  await writeAll(conn, new Uint8Array([...frame.subarray(10), ...frame.subarray(0, 10)]));
  await recorder.count(1);
  await clock.advance(60 * second);
  assert.equal(recorder.closes, 0, "nothing is read during a pause");
  gates[0].resolve();
  await turn();
  await clock.advance(4 * second);
  assert.equal(recorder.closes, 0, "the time begins anew");
  await clock.advance(second);
  assert.equal(recorder.error?.code, "protocol");
  conn.close();
  await listener.close();
  assert.equal(clock.pending, 0);
});

Deno.test("tcp() closes a connection from which nothing came for idleTimeoutMs", async () => {
  await using peer = await watched({ idleTimeoutMs: 10 * second });
  await peer.clock.advance(9 * second);
  await peer.say(frames(lengthPrefix(), [numbered(0, 10)]));
  await peer.clock.advance(10 * second - 1);
  assert.equal(peer.recorder.closes, 0, "a message starts the time anew");
  await peer.clock.advance(1);
  assert.equal(peer.recorder.error?.code, "connection-lost");
  assert.match(
    String(peer.recorder.error?.message),
    /^Connection closed: nothing came from 127\.0\.0\.1:\d+ for 10000 ms$/,
  );
});

Deno.test("tcp() closes a connection that says nothing at all", async () => {
  await using peer = await watched({ idleTimeoutMs: 10 * second });
  await peer.clock.advance(10 * second);
  assert.equal(peer.recorder.error?.code, "connection-lost");
});

Deno.test("tcp() waits lingerMs for a peer that does not end its side, then closes in order", async () => {
  const clock = new ManualClock();
  const { conn, channel } = await dialRaw({ clock, lingerMs: 3 * second });
  const recorder = new Recorder();
  channel.receive(recorder);
  await channel.send("goodbye");
  const closing = channel.close();
  const buffer = new Uint8Array(100);
  assert.equal(await conn.read(buffer), 4 + "goodbye".length);
  assert.equal(await conn.read(buffer), null);
  await clock.advance(3 * second - 1);
  assert.equal(recorder.closes, 0);
  await clock.advance(1);
  await within(closing, "close()");
  assert.equal(recorder.error, undefined);
  recorder.checkOver();
  conn.close();
  assert.equal(clock.pending, 0);
});

Deno.test("tcp() says that a peer took none of what was sent before close()", async () => {
  const clock = new ManualClock();
  const { conn, channel } = await dialRaw({ clock, lingerMs: 3 * second });
  const recorder = new Recorder();
  channel.receive(recorder);
  for (let i = 0; i < 15; i++) void channel.send(new Uint8Array(1_000_000));
  const closing = channel.close();
  await untilStill(() => channel.bufferedBytes);
  const left = channel.bufferedBytes;
  await clock.advance(6 * second);
  await within(closing, "close()");
  assert.equal(recorder.error?.code, "connection-lost");
  assert.match(
    String(recorder.error?.message),
    new RegExp(`^Connection lost: 127\\.0\\.0\\.1:\\d+ took none of the last ${left} bytes within 3000 ms$`),
  );
  conn.close();
});

Deno.test("tcp() gives a slow peer the time to take what was sent before close()", async () => {
  const clock = new ManualClock();
  const { conn, channel } = await dialRaw({ clock, lingerMs: 3 * second });
  const recorder = new Recorder();
  channel.receive(recorder);
  const messages = Array.from({ length: 15 }, (_, i) => numbered(i, 1_000_000));
  for (const message of messages) void channel.send(message);
  const closing = channel.close();
  const expected = frames(lengthPrefix(), messages);
  const taken = new Uint8Array(expected.length);
  let at = 0;
  for (let round = 1; at < taken.length; round++) {
    await untilStill(() => channel.bufferedBytes);
    const before = channel.bufferedBytes;
    // So much that the kernel's buffers have to take something from the writer again.
    while (at < taken.length && (before === 0 || channel.bufferedBytes === before)) {
      at += (await conn.read(taken.subarray(at, at + 65_536))) ?? assert.fail(`the connection ended after ${at} bytes`);
    }
    if (before > 0) await clock.advance(2.9 * second);
  }
  assert.equal(await conn.read(new Uint8Array(1)), null);
  sameBytes(taken, expected, "what was sent before close()");
  conn.close();
  await within(closing, "close()");
  assert.equal(recorder.error, undefined);
});

Deno.test("tcp() reads to the end of what a peer sends after close()", async () => {
  const { conn, channel } = await dialRaw();
  const recorder = new Recorder();
  channel.receive(recorder);
  const closing = channel.close();
  assert.equal((await within(readAll(conn), "the end")).length, 0);
  await writeAll(conn, frames(lengthPrefix(), [numbered(0, 3_000_000), numbered(1, 5)]));
  conn.close();
  await within(closing, "close()");
  assert.deepEqual(recorder.messages.map(({ length }) => length), [3_000_000, 5]);
  assert.equal(recorder.error, undefined);
});
