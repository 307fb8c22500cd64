/**
 * tcp(): what a peer may do to a stream of bytes, and what becomes of the
 * connection and of the others.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { lengthPrefix, newline, tcp, TransportError } from "../../../mod.ts";
import { frames } from "../../framing/_feed.ts";
import { numbered, part, Recorder, sameBytes, until, within } from "../../support/channels.ts";
import { faultProxy } from "../../support/fault_proxy.ts";
import { Random } from "../../support/random.ts";
import { bystander, dialRaw, echoServer, readAll, writeAll } from "../_echo.ts";

Deno.test("tcp() finishes partial writes in order for a peer that reads late", async () => {
  const { conn, channel } = await dialRaw();
  const recorder = new Recorder();
  channel.receive(recorder);
  const messages = [numbered(1, 3_000_000), numbered(2, 3_000_000), numbered(3, 10), numbered(4, 65_536)];
  for (const message of messages) void channel.send(message);
  const closing = channel.close();
  sameBytes(await within(readAll(conn), "all bytes"), frames(lengthPrefix(), messages), "the stream");
  conn.close();
  await within(closing, "close()");
  assert.equal(await recorder.over(), undefined);
});

Deno.test("tcp() understands frames however they are cut into packets", async () => {
  await using server = await echoServer();
  using conn = await Deno.connect({ port: server.port });
  conn.setNoDelay(true);
  const stream = frames(lengthPrefix(), [0, 1, 5, 300, 0].map((size, i) => numbered(i, size)));
  const { recorder } = await server.connection(0);
  for (let at = 0; at < stream.length; at++) {
    await conn.write(stream.subarray(at, at + 1));
    await until(() => server.listener.counters.bytesIn === at + 1, `byte ${at}`);
  }
  await conn.closeWrite();
  await recorder.until(() => recorder.ends === 1, "the end");
  void server.served[0].channel.close();
  sameBytes(await within(readAll(conn), "the echo"), stream, "the echo");
});

Deno.test("tcp() refuses a frame over the limit before allocating it, and closes only that connection", async () => {
  await using server = await echoServer({ framing: lengthPrefix({ maxBytes: 1000 }) });
  const other = await bystander({ port: server.port });
  using conn = await Deno.connect({ port: server.port });
  await writeAll(conn, Uint8Array.of(0, 0, 3, 233));
  const { recorder } = await server.connection(1);
  const error = await recorder.over();
  assert.equal(error?.code, "message-too-large");
  assert.equal(error?.message, "Frame refused: its length says 1001 bytes, 1000 are allowed");
  assert.equal(server.listener.counters.bytesIn, 4 + 4 + "message 0".length, "nothing of the frame was waited for");
  assert.equal((await readAll(conn)).length, 0);
  await other.check();
  other.leave();
  assert.equal(server.listener.counters.connectionsFailed, 1);
});

Deno.test("tcp() closes a connection that sends garbage, and no other", async () => {
  await using server = await echoServer({ framing: lengthPrefix({ maxBytes: 5000 }) });
  const other = await bystander({ port: server.port });
  const random = new Random(21);
  for (let i = 1; i <= 20; i++) {
    using conn = await Deno.connect({ port: server.port });
    const garbage = random.bytes(20_000);
    // A first byte of 1 or more makes for a length over the limit; what is behind it is never looked at.
    garbage[0] |= 1;
    await writeAll(conn, garbage);
    const { recorder } = await server.connection(i);
    const error = await recorder.over();
    assert.equal(error?.code, "message-too-large");
    await readAll(conn);
    await other.check();
  }
  other.leave();
});

Deno.test("tcp() says that a peer speaks HTTP", async () => {
  await using server = await echoServer();
  const request = fetch(`http://127.0.0.1:${server.port}/`).then((response) => response.text());
  await assert.rejects(within(request, "the end of the request"));
  const { recorder } = await server.connection(0);
  assert.match(String((await recorder.over())?.message), /the bytes look like HTTP: is this the right port\?$/);
});

Deno.test("tcp() says how far a frame came when its peer ends in the middle of it", async () => {
  for (const bytes of [1, 3, 4, 5, 99]) {
    await using server = await echoServer();
    const other = await bystander({ port: server.port });
    const conn = await Deno.connect({ port: server.port });
    const { hostname, port } = conn.localAddr;
    await writeAll(conn, frames(lengthPrefix(), [numbered(0, 50), numbered(1, 96)]).subarray(0, 54 + bytes));
    conn.close();
    const { recorder } = await server.connection(1);
    const error = await recorder.over();
    assert.equal(error?.code, "connection-lost");
    assert.equal(
      error?.message,
      `Connection lost: ${hostname}:${port} ended in the middle of a frame, after ${bytes} of its bytes`,
    );
    assert.equal(recorder.messages.length, 1, "the whole one was handed out");
    assert.equal(recorder.ends, 0);
    await other.check();
    other.leave();
  }
});

Deno.test("tcp() does not take a line without an end for a message", async () => {
  await using server = await echoServer({ framing: newline() });
  using conn = await Deno.connect({ port: server.port });
  await writeAll(conn, new TextEncoder().encode("whole\nhalf"));
  await conn.closeWrite();
  const { recorder } = await server.connection(0);
  assert.match(String((await recorder.over())?.message), /in the middle of a frame, after 4 of its bytes$/);
  assert.equal(recorder.messages.length, 1);
});

Deno.test("tcp() reports a reset as a lost connection on both sides, in mid frame or between frames", async () => {
  for (const inFlight of [0, 1]) {
    await using server = await echoServer();
    await using proxy = await faultProxy({ upstreamPort: server.port });
    const other = await bystander({ port: server.port });
    const channel = await tcp({ port: proxy.port }).dial();
    const recorder = new Recorder();
    channel.receive(recorder);
    await channel.send("hello");
    await recorder.count(1);
    const { recorder: far } = await server.connection(1);
    if (inFlight > 0) {
      proxy.cutAfterBytes(1000, "up");
      void channel.send(new Uint8Array(500_000));
    } else {
      proxy.cutAll("reset");
    }
    for (const side of [recorder, far]) {
      const error = await side.over();
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, "connection-lost");
      assert.ok(error.cause instanceof Error, "the platform's error is kept");
      assert.match(error.message, /^Connection lost: cannot (read from|write to) 127\.0\.0\.1:\d+: /);
      side.checkOver();
    }
    assert.throws(() => channel.send("more"), { code: "closed" });
    await channel.close();
    await other.check();
    other.leave();
  }
});

Deno.test("tcp() reports an end in mid frame on the side that was receiving", async () => {
  await using server = await echoServer();
  await using proxy = await faultProxy({ upstreamPort: server.port });
  const channel = await tcp({ port: proxy.port }).dial();
  const recorder = new Recorder();
  channel.receive(recorder);
  proxy.cutAfterBytes(1000, "up", { how: "fin" });
  void channel.send(new Uint8Array(5000));
  const { recorder: far } = await server.connection(0);
  assert.match(String((await far.over())?.message), /ended in the middle of a frame, after 1000 of its bytes$/);
  await recorder.until(() => recorder.ends + recorder.closes > 0, "the end");
  await within(channel.close(), "close()");
  recorder.checkOver();
});

Deno.test("tcp() loses a sender's connection when its peer goes away without reading", async () => {
  const { conn, channel } = await dialRaw({ highWaterBytes: 1000 });
  const recorder = new Recorder();
  channel.receive(recorder);
  for (let i = 0; i < 10; i++) void channel.send(new Uint8Array(1_000_000));
  const room = channel.send(new Uint8Array(10));
  const closing = channel.close();
  conn.close();
  const error = await recorder.over();
  assert.equal(error?.code, "connection-lost");
  await Promise.all([room, closing]);
  recorder.checkOver();
});

Deno.test("tcp() opens and closes 1000 connections and is left with none", async () => {
  const transport = tcp({ port: 0 });
  const listener = await transport.listen((channel) => {
    channel.receive({ message: (bytes) => channel.send(bytes), end: () => void channel.close(), closed: () => {} });
  });
  const dialled = tcp({ port: listener.addr.port });
  await Promise.all(Array.from({ length: 20 }, async () => {
    for (let i = 0; i < 50; i++) {
      const channel = await dialled.dial();
      const recorder = new Recorder();
      channel.receive(recorder);
      await channel.send("hello");
      await recorder.count(1);
      if (i % 3 === 0) channel.abort(new TransportError("cancelled", "Test over"));
      await channel.close();
      recorder.checkOver();
    }
  }));
  await until(() => listener.counters.connectionsOpen === 0, "no connection left");
  assert.equal(listener.counters.connectionsAccepted, 1000);
  assert.equal(listener.counters.messagesIn, 1000);
  const pair = { near: await dialled.dial(), far: await dialled.dial(), listener };
  await part(pair);
});
