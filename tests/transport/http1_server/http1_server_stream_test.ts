/**
 * The HTTP/1.1 server on our own sockets: long-lived answers.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock, TransportError } from "../../../mod.ts";
import type { Http1Exchange, Http1Stream } from "../../../src/transport/http1_server/http1_server.ts";
import { testCert, testKey } from "../../support/certs.ts";
import { until, untilStill } from "../../support/channels.ts";
import { ask, head, RawClient, serving, type TestServer } from "./_http1_server.ts";

const encoder = new TextEncoder();
const bytes = (text: string): Uint8Array => encoder.encode(text);
const limits = { highWaterBytes: 64 * 1024, maxBufferedBytes: 1024 * 1024 };
const type = [["content-type", "text/plain"]] as const;

/** A server whose answers are streams, with the last of them. */
async function streaming(
  options: Parameters<typeof serving>[1] = {},
): Promise<{ server: TestServer; stream: () => Http1Stream }> {
  let last!: Http1Stream;
  const answer = (exchange: Http1Exchange): void => void (last = exchange.stream(200, type, limits));
  return { server: await serving(answer, options), stream: () => last };
}

/** The chunks of a chunked body. */
function chunksOf(text: string): string[] {
  const chunks: string[] = [];
  for (let rest = text.slice(text.indexOf("\r\n\r\n") + 4); rest !== "";) {
    const [line] = rest.split("\r\n", 1);
    const length = parseInt(line, 16);
    chunks.push(rest.slice(line.length + 2, line.length + 2 + length));
    rest = rest.slice(line.length + 2 + length + 2);
  }
  return chunks;
}

Deno.test("a stream's head goes out at once, what is sent in one turn in one write, and its end is marked", async () => {
  const { server, stream } = await streaming();
  await using _ = server;
  using client = await RawClient.connect(server.port);
  await client.send(head("GET /"));
  assert.match(
    await client.read(/\r\n\r\n/),
    /^HTTP\/1\.1 200 OK\r\n(.+\r\n)*connection: close\r\n(.+\r\n)*transfer-encoding: chunked\r\n\r\n$/,
  );
  const before = server.listener.counters.bytesOut;
  stream().send(bytes("one"));
  stream().send(bytes(""));
  stream().put(bytes("head body"), 5, bytes("two"));
  stream().send(bytes("x".repeat(70_000)));
  assert.ok(stream().bufferedBytes > 70_000);
  const ended = stream().end();
  assert.throws(() => stream().send(bytes("late")), { code: "closed" });
  const text = await client.read(/\r\n0\r\n\r\n$/);
  assert.deepEqual(chunksOf(text), ["one", "head two", "x".repeat(70_000), ""]);
  assert.equal(stream().bufferedBytes, 0);
  assert.equal(server.listener.counters.bytesOut - before, 3 + 5 + 8 + 5 + 70_000 + 9 + 5);
  client[Symbol.dispose]();
  assert.equal(await ended, undefined);
  assert.equal(await stream().closed, undefined);
});

Deno.test("fetch reads a stream as it comes, over TLS too", async () => {
  for (const tls of [undefined, { cert: testCert, key: testKey }]) {
    const { server, stream } = await streaming({ tls });
    await using _ = server;
    using client = Deno.createHttpClient({ caCerts: [testCert] });
    const response = await fetch(`${tls ? "https" : "http"}://localhost:${server.port}/`, { client });
    const reader = response.body!.getReader();
    for (const text of ["a", "bc"]) {
      stream().send(bytes(text));
      assert.equal(new TextDecoder().decode((await reader.read()).value), text);
    }
    await Promise.all([stream().end(), reader.read().then(({ done }) => assert.ok(done))]);
  }
});

Deno.test("HTTP/1.0 gets a stream up to the end of the connection", async () => {
  await using server = await serving((exchange) => {
    const stream = exchange.stream(200, type, limits);
    stream.send(bytes("a"));
    stream.send(bytes("b"));
    void stream.end();
  });
  const text = await ask(server.port, "GET / HTTP/1.0\r\n\r\n");
  assert.doesNotMatch(text, /transfer-encoding/);
  assert.match(text, /\r\n\r\nab$/);
});

Deno.test("a stream hears that its reader has left, whether in order or by a reset", async () => {
  const { server, stream } = await streaming();
  await using _ = server;
  using client = await RawClient.connect(server.port);
  await client.send(head("GET /"));
  await client.read(/\r\n\r\n/);
  client[Symbol.dispose]();
  assert.equal(await stream().closed, undefined);
  assert.throws(() => stream().send(bytes("x")), { code: "closed" });
  assert.equal(server.listener.counters.connectionsOpen, 0);
  await stream().end();
});

Deno.test("a reader that does not read stops its stream at the limit, and one who waits for room gets it", async () => {
  const { server, stream } = await streaming();
  await using _ = server;
  using client = await RawClient.connect(server.port);
  await client.send(head("GET /"));
  await until(() => server.listener.counters.messagesIn === 1 && stream() !== undefined, "the stream");
  const block = new Uint8Array(256 * 1024);
  let sent = 0;
  let room: Promise<void> | undefined;
  assert.throws(() => {
    for (; sent < 1000; sent++) room = stream().send(block) as Promise<void>;
  }, { code: "overloaded" });
  assert.ok(stream().bufferedBytes <= limits.maxBufferedBytes, `${stream().bufferedBytes}`);
  assert.ok(room instanceof Promise);
  const read = client.read(/\r\n0\r\n\r\n$/);
  await room;
  const ended = stream().end();
  assert.equal(chunksOf(await read).length, sent + 1);
  client[Symbol.dispose]();
  await ended;
});

Deno.test("a reader that takes nothing of the rest has its time for it", async () => {
  const clock = new ManualClock();
  const { server, stream } = await streaming({ clock, writeTimeoutMs: 3000 });
  await using _ = server;
  using client = await RawClient.connect(server.port);
  await client.send(head("GET /"));
  await client.read(/\r\n\r\n/);
  while (stream().bufferedBytes === 0) {
    stream().send(new Uint8Array(1024 * 1024));
    await untilStill(() => stream().bufferedBytes);
  }
  const ended = stream().end();
  await clock.advance(3000);
  assert.match((await ended)!.message, /did not take the rest of its answer within 3000 ms$/);
  assert.equal(clock.pending, 0);
});

Deno.test("what a reader sends into a stream is not kept, and too much of it ends the stream", async () => {
  const { server, stream } = await streaming();
  await using _ = server;
  using client = await RawClient.connect(server.port);
  await client.send(head("GET /") + head("GET /pipelined"));
  await client.read(/\r\n\r\n/);
  await client.send("x".repeat(60_000));
  await until(() => server.listener.counters.bytesIn > 60_000, "the bytes");
  assert.equal(server.listener.counters.messagesIn, 1);
  stream().send(bytes("still here"));
  await client.read(/still here/);
  await client.send("x".repeat(6_000)).catch(() => {});
  const error = await stream().closed;
  assert.match(error!.message, /sent more than 65536 bytes into a long-lived answer$/);
});

Deno.test("a stream that is aborted ends in the middle, as does one whose handler fails", async () => {
  const failing = Promise.withResolvers<void>();
  let last!: Http1Stream;
  await using server = await serving((exchange) => {
    last = exchange.stream(200, type, limits);
    last.send(bytes("a"));
    return exchange.head.path === "/fails" ? failing.promise : undefined;
  });
  for (const path of ["/aborted", "/fails"]) {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    const reader = response.body!.getReader();
    await reader.read();
    if (path === "/fails") failing.reject(new RangeError("no more"));
    else last.abort(new TransportError("remote", "no more"));
    await assert.rejects(reader.read());
    assert.equal((await last.closed)?.message, "no more");
  }
});

Deno.test("closing the server leaves streams alone, and aborting it ends them", async () => {
  const { server, stream } = await streaming();
  using client = await RawClient.connect(server.port);
  await client.send(head("GET /"));
  await client.read(/\r\n\r\n/);
  await server.listener.close();
  stream().send(bytes("still here"));
  await client.read(/still here/);
  server.listener.abort(new TransportError("closed", "Server ended"));
  assert.equal((await stream().closed)?.message, "Server ended");
  await server.listener.ended;
});
