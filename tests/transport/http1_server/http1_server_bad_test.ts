/**
 * The HTTP/1.1 server on our own sockets: clients that are slow, large or
 * ambiguous.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock, TransportError } from "../../../mod.ts";
import type { Http1Exchange } from "../../../src/transport/http1_server/http1_server.ts";
import { until } from "../../support/channels.ts";
import { ask, head, RawClient, serving, statusOf, type TestServer } from "./_http1_server.ts";

const echo = async (exchange: Http1Exchange): Promise<void> =>
  await exchange.respond(200, [], await exchange.readBody());

/** Waits until the server has so many bytes. */
const received = (server: TestServer, bytes: number): Promise<void> =>
  until(() => server.listener.counters.bytesIn === bytes, `${bytes} bytes`);

Deno.test("a head that comes in drops is refused when its time is over, however it goes on", async () => {
  const clock = new ManualClock();
  await using server = await serving(echo, { clock, headTimeoutMs: 1000 });
  using client = await RawClient.connect(server.port);
  const drops = "GET / HTTP/1.1\r\n";
  for (let i = 0; i < 9; i++) {
    await client.send(drops[i]);
    await received(server, i + 1);
    await clock.advance(110);
  }
  assert.equal(server.listener.counters.connectionsOpen, 1);
  await clock.advance(10);
  const text = await client.read();
  assert.equal(statusOf(text), 408);
  assert.match(text, /did not send its head within 1000 ms\n$/);
  await client.send("more");
  client[Symbol.dispose]();
  await until(() => server.ends.length === 1, "the end");
  assert.deepEqual([server.ends[0]?.code, server.ends[0]?.details?.status], ["protocol", 408]);
});

Deno.test("a client that goes on dripping after it was refused is cut off", async () => {
  const clock = new ManualClock();
  await using server = await serving(echo, { clock, headTimeoutMs: 1000 });
  using client = await RawClient.connect(server.port);
  await client.send("GET");
  await received(server, 3);
  await clock.advance(1000);
  await client.read();
  await client.send("x");
  await received(server, 4);
  await clock.advance(2000);
  await until(() => server.ends.length === 1, "the end");
});

Deno.test("a connection on which nothing is asked ends without a word: at its begin, and between requests", async () => {
  const clock = new ManualClock();
  await using server = await serving(echo, { clock, headTimeoutMs: 1000, keepAliveTimeoutMs: 5000 });
  using silent = await RawClient.connect(server.port);
  await until(() => server.listener.counters.connectionsOpen === 1, "the connection");
  await clock.advance(1000);
  assert.equal(await silent.read(), "");
  using idle = await RawClient.connect(server.port);
  await idle.send(head("GET /"));
  await idle.read(/\r\n\r\n/);
  await until(() => clock.pending === 1, "the wait");
  await clock.advance(4999);
  assert.equal(server.listener.counters.connectionsOpen, 1);
  await clock.advance(1);
  assert.equal(statusOf(await idle.read()), 200);
  await until(() => server.ends.length === 2, "the ends");
  assert.deepEqual([server.ends, clock.pending], [[undefined, undefined], 0]);
});

Deno.test("the time for a second head begins with its first byte", async () => {
  const clock = new ManualClock();
  await using server = await serving(echo, { clock, headTimeoutMs: 1000, keepAliveTimeoutMs: 5000 });
  using client = await RawClient.connect(server.port);
  const request = head("GET /");
  await client.send(request);
  await client.read(/\r\n\r\n/);
  await clock.advance(4000);
  await client.send("G");
  await received(server, request.length + 1);
  await clock.advance(999);
  assert.equal(server.listener.counters.connectionsOpen, 1);
  await clock.advance(1);
  assert.match(await client.read(), /HTTP\/1\.1 408/);
});

Deno.test("a body must keep its pace, and be whole in its time", async () => {
  const clock = new ManualClock();
  const options = { clock, bodyTimeoutMs: 12_000, minBodyBytesPerSecond: 10 };
  await using server = await serving(echo, options);
  const request = head("POST /", "content-length: 1000");
  using slow = await RawClient.connect(server.port);
  await slow.send(request);
  await received(server, request.length);
  await slow.send("x".repeat(50));
  await received(server, request.length + 50);
  await clock.advance(5000);
  await slow.send("x".repeat(49));
  await received(server, request.length + 99);
  await clock.advance(4999);
  assert.equal(slow.text, "");
  await clock.advance(1);
  assert.equal(statusOf(await slow.read()), 408);
  slow[Symbol.dispose]();

  using steady = await RawClient.connect(server.port);
  const before = server.listener.counters.bytesIn;
  await steady.send(request);
  for (let sent = 0; sent < 700; sent += 100) {
    await steady.send("x".repeat(100));
    await received(server, before + request.length + sent + 100);
    await clock.advance(1900);
  }
  assert.match(await steady.read(), /^HTTP\/1\.1 408 [\s\S]*did not send its body in time\n$/);
});

Deno.test("a client that does not take its answer loses its connection", async () => {
  const clock = new ManualClock();
  const large = new Uint8Array(32 * 1024 * 1024);
  await using server = await serving((exchange) => exchange.respond(200, [], large), { clock, writeTimeoutMs: 3000 });
  using client = await RawClient.connect(server.port);
  await client.send(head("GET /"));
  await until(() => server.listener.counters.bytesOut > 0, "some bytes");
  await clock.advance(3000);
  await until(() => server.ends.length === 1, "the end");
  assert.match(server.ends[0]!.message, /did not take its answer within 3000 ms$/);
});

Deno.test("what could be read in two ways is refused, and nothing behind it is looked at", async () => {
  let asked = 0;
  await using server = await serving(async (exchange) => {
    asked++;
    await echo(exchange);
  });
  const smuggled = head("GET /smuggled");
  const cases: [request: string, status: number][] = [
    [head("POST /", "content-length: 5", "transfer-encoding: chunked") + "0\r\n\r\n", 400],
    [head("POST /", "content-length: 5", "content-length: 6"), 400],
    [head("POST /", "content-length: 5, 6"), 400],
    [head("POST /", "content-length: +5"), 400],
    [head("POST /", "transfer-encoding: xchunked"), 400],
    [head("POST /", "transfer-encoding: chunked, identity"), 400],
    [head("POST /", "transfer-encoding : chunked"), 400],
    [head("POST /", "transfer-encoding: gzip, chunked"), 501],
    [head("GET /", " folded: a"), 400],
    [head("GET /", "host: b"), 400],
    ["GET / HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/1.1\nhost: a\n\n", 400],
    ["GET / HTTP/1.1\r\nhost: a\rx: b\r\n\r\n", 400],
    ["GET  / HTTP/1.1\r\nhost: a\r\n\r\n", 400],
    ["GET / HTTP/2.0\r\nhost: a\r\n\r\n", 505],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
    ["POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n", 400],
    [head("POST /", "expect: magic", "content-length: 1"), 417],
  ];
  for (const [request, status] of cases) {
    const text = await ask(server.port, request + smuggled);
    assert.equal(statusOf(text), status, `${JSON.stringify(request)}: ${text}`);
    assert.equal(text.match(/^HTTP\/1/gm)!.length, 1, request);
    assert.match(text, /connection: close\r\n/);
  }
  assert.equal(asked, 0);
  for (const chunks of ["1\r\nab\r\n0\r\n\r\n", "-1\r\n\r\n", "1\n\nx", "0x1\r\nx\r\n0\r\n\r\n", "1 \r\nx\r\n"]) {
    const text = await ask(server.port, head("POST /", "transfer-encoding: chunked") + chunks + smuggled);
    assert.equal(statusOf(text), 400, `${JSON.stringify(chunks)}: ${text}`);
    assert.equal(text.match(/^HTTP\/1/gm)!.length, 1, chunks);
  }
});

Deno.test("a head over its limits is refused: in its line, in bytes, in fields", async () => {
  await using server = await serving(echo, { maxHeadBytes: 500, maxFields: 5 });
  const statuses = async (request: string): Promise<number> => statusOf(await ask(server.port, request));
  assert.equal(await statuses(`GET /${"x".repeat(600)}`), 414);
  assert.equal(await statuses(head("GET /", `x: ${"x".repeat(500)}`)), 431);
  assert.equal(await statuses(head("GET /", ...Array.from({ length: 6 }, (_, i) => `x-${i}: 1`))), 431);
  assert.equal(await statuses(head("GET /", "connection: close")), 200);
});

Deno.test("a client that leaves in the middle of a request ends its own connection only", async () => {
  await using server = await serving(echo);
  using other = await RawClient.connect(server.port);
  for (const part of ["GET / HT", head("POST /", "content-length: 5") + "ab"]) {
    using client = await RawClient.connect(server.port);
    await client.send(part);
    await client.conn.closeWrite();
    assert.equal(statusOf(await client.read()), 400);
  }
  await until(() => server.ends.length === 2, "the ends");
  await other.send(head("GET /", "connection: close"));
  assert.equal(statusOf(await other.read()), 200);
});

Deno.test("a handler that fails with a status that is none has its request answered all the same", async () => {
  for (const status of [404.5, NaN, 700, -1]) {
    const fails = (): never => {
      throw new TransportError("unsupported", "Not here", { details: { status } });
    };
    await using server = await serving(fails);
    assert.equal(statusOf(await ask(server.port, head("GET /"))), 501);
  }
});
