/**
 * websocket() against the platform's own client, and against clients that break
 * the rules.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  describe,
  type Listener,
  type Message,
  TransportError,
  websocket,
  type WebSocketOptions,
} from "../../../mod.ts";
import { testCert, testKey } from "../../support/certs.ts";
import { until } from "../../support/channels.ts";
import { raw, upgradeLines } from "./_websocket_raw.ts";

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

Deno.test("another path is not found, and a head that is none is a bad request", async () => {
  const { port, listener } = await echo({ path: "/" });
  assert.match((await raw(port, upgradeLines.with(0, "GET /elsewhere HTTP/1.1"))).head, /^HTTP\/1\.1 404 /);
  assert.match((await raw(port, [...upgradeLines, "Bad Name: x"])).head, /^HTTP\/1\.1 400 /);
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
    const { head, rest } = await raw(port, upgradeLines, bytes);
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
  const { rest } = await raw(port, upgradeLines, frames);
  assert.deepEqual(rest, [0x8a, 0x01, 0x2a, 0x81, 0x02, 0x61, 0x62, 0x88, 0x00]);
  await listener.close();
});

Deno.test("of many pings that come together the first 16 and the latest are answered", async () => {
  const { port, listener } = await echo();
  const ping = (i: number): number[] => [0x89, 0x81, 0, 0, 0, 0, i];
  const text = [0x81, 0x81, 0, 0, 0, 0, 0x61];
  const close = [0x88, 0x80, 0, 0, 0, 0];
  const count = 4000;
  const pings = Array.from({ length: count }, (_, i) => ping(i & 0x7f)).flat();
  const { rest } = await raw(port, upgradeLines, [...text, ...pings, ...close]);
  assert.deepEqual(rest.slice(0, 6), [0x81, 0x01, 0x61, 0x8a, 0x01, 0]);
  assert.deepEqual(rest.slice(-5), [0x8a, 0x01, (count - 1) & 0x7f, 0x88, 0x00], "the latest has its answer");
  const pongs = (rest.length - 5) / 3;
  assert.ok(pongs > 16 && pongs < count / 4, `${pongs} pongs`);
  await listener.close();
});

Deno.test("both ends know the subprotocol that was chosen", async () => {
  const transport = (port: number, protocols: string[]) => websocket({ port, protocols });
  const accepted: (string | undefined)[] = [];
  const listener = await transport(0, ["b", "a"]).listen((channel) => {
    accepted.push(channel.protocol);
    void channel.close();
  });
  for (const protocols of [["a", "b"], ["a"], ["c"], []]) {
    const channel = await transport(listener.addr.port!, protocols).dial();
    assert.equal(channel.protocol, protocols.includes("b") ? "b" : protocols.includes("a") ? "a" : "");
    await channel.close();
  }
  assert.deepEqual(accepted, ["b", "a", "", ""]);
  await listener.close();
});

Deno.test("an address names host, port, path and query", async () => {
  const asked: string[] = [];
  const { port, listener } = await echo({
    path: "/live",
    authenticate: ({ target }) => {
      asked.push(target);
      return true;
    },
  });
  const channel = await websocket({ url: `ws://127.0.0.1:${port}/live?room=7` }).dial();
  await channel.close();
  await listener.close();
  assert.deepEqual(asked, ["/live?room=7"]);
});

Deno.test("an address that is none, or that something else contradicts, is refused", () => {
  const wrong: [WebSocketOptions, string][] = [
    [{}, "port"],
    [{ url: "http://shop.example/" }, "url"],
    [{ url: "shop.example" }, "url"],
    [{ url: "ws://shop.example/#top" }, "url"],
    [{ url: "ws://eve@shop.example/" }, "url"],
    [{ url: "ws://shop.example/", port: 1 }, "port"],
    [{ url: "ws://shop.example/", hostname: "a" }, "hostname"],
    [{ url: "ws://shop.example/", path: "/" }, "path"],
    [{ url: "ws://shop.example/", tls: true }, "tls"],
    [{ url: "wss://shop.example/", tls: false }, "tls"],
  ];
  for (const [options, option] of wrong) {
    assert.throws(() => websocket(options), (error) => {
      assert.ok(error instanceof TransportError);
      assert.deepEqual([error.code, error.details?.option], ["invalid-option", option], JSON.stringify(options));
      return true;
    });
  }
  assert.match(
    describe(websocket({ url: "wss://[::1]/live" })),
    /hostname: "::1", port: 443, tls: true, path: "\/live"/,
  );
  const described = describe(websocket({ url: new URL("ws://a:81") }));
  assert.match(described, /hostname: "a", port: 81, path: "\/"/);
  assert.doesNotMatch(described, /decoders|plain|framing/, "options, and nothing else");
  assert.match(described, /connectTimeoutMs: 10000.*lingerMs: 2000.*maxBufferedBytes: 16777216/, "all of them");
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
