/**
 * websocket() against the platform's own client, and against clients that break
 * the rules.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Listener, type Message, TransportError, websocket, type WebSocketOptions } from "../../mod.ts";
import { testCert, testKey } from "../support/certs.ts";
import { until } from "../support/channels.ts";

const encoder = new TextEncoder();

/** A server that sends everything back, and remembers how its connections ended. */
async function echo(
  options: Partial<WebSocketOptions> = {},
): Promise<{ port: number; ends: (TransportError | undefined)[]; listener: Listener }> {
  const ends: (TransportError | undefined)[] = [];
  const listener = await websocket({ port: 0, ...options }).listen((channel) => {
    channel.receive({
      message: (message) => channel.send(message),
      end: () => void channel.close(),
      closed: (error) => ends.push(error),
    });
  });
  return { port: listener.addr.port!, ends, listener };
}

/** The platform's client, once it is open. */
async function native(port: number, protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, protocols);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  return socket;
}

function reply(socket: WebSocket): Promise<unknown> {
  return new Promise((resolve) => socket.onmessage = (event) => resolve(event.data));
}

function closed(socket: WebSocket): Promise<CloseEvent> {
  return new Promise((resolve) => socket.onclose = resolve);
}

const upgrade = [
  "GET / HTTP/1.1",
  "Host: 127.0.0.1",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
];

/** What a server answers to these lines and bytes, up to its end. */
async function raw(port: number, lines: string[], bytes: number[] = []): Promise<{ head: string; rest: number[] }> {
  const conn = await Deno.connect({ port });
  await conn.write(new Uint8Array([...encoder.encode(`${lines.join("\r\n")}\r\n\r\n`), ...bytes]));
  const received: number[] = [];
  const buffer = new Uint8Array(4096);
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    received.push(...buffer.subarray(0, count));
  }
  conn.close();
  const text = String.fromCharCode(...received);
  const end = text.indexOf("\r\n\r\n") + 4;
  return { head: text.slice(0, end), rest: received.slice(end) };
}

Deno.test("the platform's client gets its texts and bytes back, and a close in order", async () => {
  const { port, ends, listener } = await echo();
  const socket = await native(port);
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 200_000]) {
    socket.send("ü".repeat(size));
    assert.equal(await reply(socket), "ü".repeat(size));
    socket.send(new Uint8Array(size).fill(7));
    assert.deepEqual(new Uint8Array(await reply(socket) as ArrayBuffer), new Uint8Array(size).fill(7));
  }
  const end = closed(socket);
  socket.close(1000, "done");
  assert.equal((await end).code, 1000);
  await listener.close();
  assert.deepEqual(ends, [undefined]);
});

Deno.test("a close code that says something is wrong is a typed error", async () => {
  const { port, ends, listener } = await echo();
  const socket = await native(port);
  const end = closed(socket);
  socket.close(3008, "too slow");
  assert.equal((await end).code, 3008);
  await listener.close();
  assert.equal(ends[0]?.details?.closeCode, 3008);
  assert.equal(ends[0]?.details?.reason, "too slow");
});

Deno.test("our client and our server compress, and the bytes on the wire say so", async () => {
  const { port, listener } = await echo({ compression: true, thresholdBytes: 64 });
  const channel = await websocket({ port, compression: true, thresholdBytes: 64 }).dial();
  const got: Message[] = [];
  const texts = Array.from({ length: 50 }, (_, i) => `${i}: ${"all work and no play ".repeat(200)}`);
  const over = new Promise<void>((resolve) => {
    channel.receive({
      message(message) {
        got.push(message);
        if (got.length === texts.length) void channel.close();
      },
      end: () => {},
      closed: () => resolve(),
    });
  });
  for (const text of texts) channel.send(text);
  await over;
  assert.deepEqual(got, texts);
  await listener.close();
  assert.ok(listener.counters.bytesIn < 20_000, `${listener.counters.bytesIn} bytes for 200 000 characters`);
});

Deno.test("a handshake that is not one is answered with the status that says why", async () => {
  const { port, listener } = await echo({
    path: "/",
    origins: ["https://shop.example"],
    authenticate: ({ headers }) => headers.get("authorization") !== "Bearer wrong",
  });
  const without = (name: string): string[] => upgrade.filter((line) => !line.startsWith(name));
  const cases: [number, string[]][] = [
    [405, upgrade.with(0, "POST / HTTP/1.1")],
    [404, upgrade.with(0, "GET /elsewhere HTTP/1.1")],
    [426, without("Upgrade")],
    [426, upgrade.with(5, "Sec-WebSocket-Version: 8")],
    [400, without("Sec-WebSocket-Key")],
    [400, upgrade.with(4, "Sec-WebSocket-Key: short")],
    [403, [...upgrade, "Origin: https://evil.example"]],
    [401, [...upgrade, "Authorization: Bearer wrong"]],
    [400, [...upgrade, "Bad Name: x"]],
  ];
  for (const [status, lines] of cases) {
    const { head } = await raw(port, lines);
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `), lines.join(" | "));
  }
  assert.equal(listener.counters.connectionsRefused, cases.length);
  assert.equal(listener.counters.connectionsAccepted, 0);
  await listener.close();
});

Deno.test("a page of the same origin and one that is listed may connect", async () => {
  const { port, listener } = await echo({ origins: ["https://shop.example"] });
  const close = [0x88, 0x80, 0, 0, 0, 0];
  for (const origin of ["http://127.0.0.1", "https://shop.example"]) {
    const { head, rest } = await raw(port, [...upgrade, `Origin: ${origin}`], close);
    assert.match(head, /^HTTP\/1\.1 101 /, origin);
    assert.match(head, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
    assert.deepEqual(rest, [0x88, 0x00]);
  }
  await listener.close();
});

Deno.test("a frame that breaks the rules is answered with its close code", async () => {
  const { port, ends, listener } = await echo({ maxMessageBytes: 100 });
  const cases: [number, number[]][] = [
    [1002, [0x81, 0x01, 0x61]], // not masked
    [1002, [0xc1, 0x80, 0, 0, 0, 0]], // a reserved bit
    [1002, [0x83, 0x80, 0, 0, 0, 0]], // a reserved opcode
    [1002, [0x80, 0x80, 0, 0, 0, 0]], // a continuation of nothing
    [1002, [0x89, 0xfe, 0, 126, 0, 0, 0, 0]], // a ping of 126 bytes
    [1007, [0x81, 0x81, 0, 0, 0, 0, 0xff]], // no UTF-8
    [1009, [0x82, 0xfe, 0, 200, 0, 0, 0, 0]], // over the limit
  ];
  for (const [code, bytes] of cases) {
    const { head, rest } = await raw(port, upgrade, bytes);
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.equal(rest[0], 0x88, "a close frame");
    assert.equal((rest[2] << 8) | rest[3], code, bytes.join(" "));
  }
  await until(() => ends.length === cases.length, "the end of every connection");
  await listener.close();
  for (const error of ends) assert.ok(error instanceof TransportError);
});

Deno.test("a ping between the fragments of a message is answered at once", async () => {
  const { port, listener } = await echo();
  const frames = [
    0x01,
    0x81,
    0,
    0,
    0,
    0,
    0x61,
    0x89,
    0x81,
    0,
    0,
    0,
    0,
    0x2a,
    0x80,
    0x81,
    0,
    0,
    0,
    0,
    0x62,
    0x88,
    0x80,
    0,
    0,
    0,
    0,
  ];
  const { rest } = await raw(port, upgrade, frames);
  assert.deepEqual(rest, [0x8a, 0x01, 0x2a, 0x81, 0x02, 0x61, 0x62, 0x88, 0x00]);
  await listener.close();
});

Deno.test("dialling what is no WebSocket server says what it answered", async () => {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response("no", { status: 418 }),
  );
  const dial = websocket({ port: server.addr.port }).dial();
  await assert.rejects(dial, { code: "connect-failed", details: { status: 418 } });
  await server.shutdown();
});

Deno.test("the platform's server upgrades our client, over TLS too", async () => {
  for (const tls of [false, true]) {
    const secured = tls ? { cert: testCert, key: testKey } : {};
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {}, ...secured }, (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "chat", idleTimeout: 0 });
      socket.onmessage = (event) => socket.send(event.data);
      return response;
    });
    const { port } = server.addr;
    const channel = await websocket({ port, protocols: ["chat"], tls: tls && { caCerts: [testCert] } }).dial();
    const got: Message[] = [];
    const over = Promise.withResolvers<TransportError | undefined>();
    channel.receive({
      message(message) {
        got.push(message);
        if (got.length === 2) void channel.close();
      },
      end: () => void channel.close(),
      closed: over.resolve,
    });
    channel.send("hello");
    channel.send("x".repeat(70_000));
    assert.equal(await over.promise, undefined);
    assert.deepEqual(got, ["hello", "x".repeat(70_000)]);
    await server.shutdown();
  }
});
