/**
 * platformWebSocket(): where it is mounted, what it dials, and how its channels
 * end.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type Channel,
  describe,
  type Listener,
  ManualClock,
  platformWebSocket,
  type PlatformWebSocketOptions,
  TransportError,
} from "../../../mod.ts";
import { Recorder, until } from "../../support/channels.ts";
import { type MountedServer, mountedServer, platformDialler } from "../../support/mounted.ts";
import { openRaw, upgradeLines } from "./_websocket_raw.ts";

/** A mounted server whose connections are kept. */
async function kept(options: PlatformWebSocketOptions = {}): Promise<{
  server: MountedServer;
  listener: Listener;
  accepted: { channel: Channel; recorder: Recorder }[];
  end(): Promise<void>;
}> {
  const server = mountedServer(options);
  const accepted: { channel: Channel; recorder: Recorder }[] = [];
  const listener = await server.transport.listen((channel) => {
    const recorder = new Recorder();
    accepted.push({ channel, recorder });
    channel.receive(recorder);
  });
  const end = async (): Promise<void> => {
    await listener.close();
    await server.end();
  };
  return { server, listener, accepted, end };
}

/** The platform's client, once it is open. */
async function native(server: MountedServer, accepted: unknown[]): Promise<WebSocket> {
  const before = accepted.length;
  const socket = new WebSocket(server.url);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  await until(() => accepted.length > before, "the accepted channel");
  return socket;
}

const closeOf = (socket: WebSocket): Promise<CloseEvent> => new Promise((resolve) => socket.onclose = resolve);

Deno.test("answers 503 while nobody listens", async () => {
  const server = mountedServer();
  const dialler = platformDialler();
  await assert.rejects(dialler.dialTo(server.url).dial(), { code: "connect-failed", processed: "no" });
  const first = await server.transport.listen((channel) => void channel.close());
  await (await dialler.dialTo(server.url).dial()).close();
  await first.close();
  const response = await server.transport.fetch(new Request("http://localhost/"));
  assert.equal(response.status, 503);
  await server.end();
  await dialler.end();
});

Deno.test("knows the client's address where the server tells it, and counts text by its bytes", async () => {
  const { server, listener, accepted, end } = await kept();
  const socket = await native(server, accepted);
  assert.equal(accepted[0].channel.remote.hostname, "127.0.0.1");
  assert.ok(accepted[0].channel.remote.port! > 0);
  const texts = ["ü", "€", "👍🏽", "\ud800", "a"];
  for (const text of texts) socket.send(text);
  await accepted[0].recorder.count(texts.length);
  assert.deepEqual(accepted[0].recorder.messages, ["ü", "€", "👍🏽", "\ufffd", "a"]);
  assert.equal(listener.counters.bytesIn, 2 + 3 + 8 + 3 + 1);
  await accepted[0].channel.send("👍🏽\ud800");
  assert.equal(listener.counters.bytesOut, 8 + 3);
  const closed = closeOf(socket);
  socket.close();
  await closed;
  await end();
});

Deno.test("the peer's close codes are typed errors, after its end", async () => {
  const cases: [number, string | undefined][] = [
    [1000, undefined],
    [3000, "invalid-request"],
    [3008, "deadline-exceeded"],
    [4711, "remote"],
  ];
  const { server, accepted, end } = await kept();
  for (const [i, [code, expected]] of cases.entries()) {
    const socket = await native(server, accepted);
    const closed = closeOf(socket);
    socket.close(code, "why");
    await closed;
    const { recorder } = accepted[i];
    const error = await recorder.over();
    assert.equal(error?.code, expected);
    if (error !== undefined) assert.deepEqual(error.details, { closeCode: code, reason: "why" });
    assert.equal(recorder.ends, 1);
    recorder.checkOver();
  }
  await end();
});

Deno.test("a peer that vanishes is a lost connection", async () => {
  const { server, accepted, end } = await kept();
  const conn = await openRaw(server.port, upgradeLines);
  await until(() => accepted.length === 1, "the connection");
  conn.close();
  const { recorder } = accepted[0];
  assert.equal((await recorder.over())?.code, "connection-lost");
  assert.equal(recorder.ends, 0);
  await end();
});

Deno.test("an abort tells the peer why, with a code that the platform lets it send", async () => {
  const { server, accepted, end } = await kept();
  const dialler = platformDialler();
  const socket = await native(server, accepted);
  const closed = closeOf(socket);
  accepted[0].channel.abort(new TransportError("protocol", "Cannot read it"));
  const { code, reason } = await closed;
  assert.deepEqual([code, reason], [1002, "Cannot read it"]);
  const channel = await dialler.dialTo(server.url).dial();
  await until(() => accepted.length === 2, "the second connection");
  channel.abort(new TransportError("protocol", "Cannot read it either"));
  const error = await accepted[1].recorder.over();
  assert.equal(error?.code, "remote");
  assert.deepEqual(error?.details, { closeCode: 4002, reason: "Cannot read it either" });
  await end();
  await dialler.end();
});

Deno.test("a message over the limit ends its own connection, as text too", async () => {
  const { server, accepted, end } = await kept({ maxMessageBytes: 100 });
  const bystander = await native(server, accepted);
  for (const [i, message] of [new Uint8Array(101), "é".repeat(51)].entries()) {
    const socket = await native(server, accepted);
    const closed = closeOf(socket);
    socket.send(message);
    assert.equal((await closed).code, 1009);
    assert.equal(accepted[1 + i].recorder.error?.code, "message-too-large");
  }
  bystander.send("é".repeat(50));
  await accepted[0].recorder.count(1);
  const closed = closeOf(bystander);
  bystander.close();
  await closed;
  await end();
});

Deno.test("an idle connection ends in its time, on the clock that was given", async () => {
  const clock = new ManualClock();
  const { server, accepted, end } = await kept({ clock, idleTimeoutMs: 1000 });
  const socket = await native(server, accepted);
  await clock.advance(900);
  socket.send("here");
  const { recorder } = accepted[0];
  await recorder.count(1);
  const closed = closeOf(socket);
  await clock.advance(999);
  assert.equal(recorder.closes, 0);
  await clock.advance(1);
  assert.match((await recorder.over())!.message, /nothing came from .* for 1000 ms/);
  await closed;
  await end();
});

Deno.test("a client that answers no pings is given up", async () => {
  const { server, accepted, end } = await kept({ heartbeatMs: 40 });
  const conn = await openRaw(server.port, upgradeLines);
  await until(() => accepted.length === 1, "the connection");
  const error = await accepted[0].recorder.over();
  assert.ok(error !== undefined);
  conn.close();
  await end();
});

Deno.test("a dial says what went wrong", async () => {
  const nobody = Deno.listen({ port: 0 });
  const { port } = nobody.addr;
  const mute = platformWebSocket({ url: `ws://127.0.0.1:${port}/`, connectTimeoutMs: 30 });
  await assert.rejects(mute.dial(), { code: "connect-timeout", processed: "no" });
  const controller = new AbortController();
  const dial = platformWebSocket({ url: `ws://127.0.0.1:${port}/` }).dial({ signal: controller.signal });
  controller.abort();
  await assert.rejects(dial, { code: "cancelled", processed: "no" });
  nobody.close();
  await assert.rejects(platformWebSocket({ url: `ws://127.0.0.1:${port}/` }).dial(), { code: "connect-failed" });
  await assert.rejects(platformWebSocket().dial(), { code: "unsupported", processed: "no" });
  const createWebSocket = (): WebSocket => {
    throw new Error("no sockets today");
  };
  const url = "wss://shop.example/";
  await assert.rejects(platformWebSocket({ url, createWebSocket }).dial(), { message: /no sockets today/ });
  const headers = { authorization: "Bearer 7" };
  await assert.rejects(platformWebSocket({ url, headers, createWebSocket }).dial(), { code: "unsupported" });
});

Deno.test("a dial sends header fields where the platform takes them, and both ends know the subprotocol", async () => {
  let authorization: string | null = null;
  const { server, accepted, end } = await kept({
    protocols: ["b"],
    authenticate: ({ headers }) => (authorization = headers.get("authorization")) !== null,
  });
  const headers = { authorization: "Bearer 7" };
  const channel = await platformWebSocket({ url: server.url, headers, protocols: ["a", "b"] }).dial();
  assert.equal(authorization, "Bearer 7");
  assert.equal(channel.protocol, "b");
  await until(() => accepted.length === 1, "the connection");
  assert.equal(accepted[0].channel.protocol, "b");
  await Promise.all([channel.close(), accepted[0].recorder.over()]);
  await end();
});

Deno.test("a client that is let in after the listener's end is turned away", async () => {
  const gate = Promise.withResolvers<boolean>();
  let asked = 0;
  const { server, listener, accepted, end } = await kept({
    authenticate: () => {
      asked++;
      return gate.promise;
    },
  });
  const dialler = platformDialler();
  const dial = assert.rejects(dialler.dialTo(server.url).dial(), { code: "connect-failed" });
  await until(() => asked === 1, "the request");
  await listener.close();
  gate.resolve(true);
  await dial;
  assert.equal(accepted.length, 0);
  assert.equal(listener.counters.connectionsRefused, 1);
  await end();
  await dialler.end();
});

Deno.test("says its settings, and refuses what is none", () => {
  assert.match(
    describe(platformWebSocket({ url: "ws://a/b" })),
    /^platformWebSocket\(\{ url: "ws:\/\/a\/b", protocols/,
  );
  assert.throws(() => platformWebSocket({ url: "http://a/" }), { code: "invalid-option" });
  assert.throws(() => platformWebSocket({ maxBufferedBytes: 1, highWaterBytes: 2 }), { code: "invalid-option" });
});
