/**
 * eventStreams(): who is let in, and how it ends.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  describe,
  type EventStream,
  eventStreams,
  type EventStreamsListener,
  type EventStreamsOptions,
  type EventStreamsStart,
  ManualClock,
  TransportError,
} from "../../../mod.ts";
import { testCert, testKey } from "../../support/certs.ts";
import { until, untilStill } from "../../support/channels.ts";
import { ask, RawClient, statusOf } from "../http1_server/_http1_server.ts";
import { bodyOf, connectReader } from "./event_stream_forms.ts";

const listen = (start: EventStreamsStart, options: Partial<EventStreamsOptions> = {}): Promise<EventStreamsListener> =>
  eventStreams({ port: 0, ...options }).listen(start);
const once: EventStreamsStart = ({ send, close }) => {
  send({ data: "x" });
  close();
};

/** The answer to a request, with its status and fields. */
async function answer(
  listener: EventStreamsListener,
  first: string,
  ...fields: string[]
): Promise<{ status: number; text: string; field: (name: string) => string | undefined }> {
  const lines = [`${first} HTTP/1.1`, "host: here", "connection: close", ...fields, "", ""];
  const text = await ask(listener.addr.port!, lines.join("\r\n"));
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)\r$`, "m").exec(text)?.[1];
  return { status: statusOf(text), text, field };
}

Deno.test("eventStreams() serves its path by GET and HEAD, whatever the query, and nothing else", async () => {
  const targets: string[] = [];
  await using listener = await listen((events, { target }) => {
    targets.push(target);
    events.close();
  }, { path: "/prices" });
  assert.equal((await answer(listener, "GET /prices")).status, 200);
  assert.equal((await answer(listener, "GET /prices?of=a")).status, 200);
  assert.equal((await answer(listener, "HEAD /prices")).status, 200);
  for (const path of ["/", "/prices/", "/Prices"]) assert.equal((await answer(listener, `GET ${path}`)).status, 404);
  const posted = await answer(listener, "POST /prices", "content-length: 0");
  assert.deepEqual([posted.status, posted.field("allow")], [405, "GET, HEAD, OPTIONS"]);
  assert.deepEqual(targets, ["/prices", "/prices?of=a"]);
});

Deno.test("eventStreams() lets in pages of its own origin and of those listed, and tells the browser", async () => {
  await using listener = await listen(once, { origins: ["https://shop.example"] });
  const from = async (origin: string): Promise<(number | string | undefined)[]> => {
    const { status, field } = await answer(listener, "GET /", `origin: ${origin}`);
    return [status, field("access-control-allow-origin"), field("access-control-allow-credentials"), field("vary")];
  };
  assert.deepEqual(await from("http://here"), [200, undefined, undefined, undefined]);
  assert.deepEqual(await from("https://shop.example"), [200, "https://shop.example", "true", "origin"]);
  for (const other of ["https://here", "http://evil.example", "null", "https://shop.example.evil"]) {
    assert.deepEqual(await from(other), [403, undefined, undefined, undefined]);
  }
  assert.equal((await answer(listener, "GET /")).status, 200);
  await using open = await listen(once, { origins: ["*"] });
  const anyone = await answer(open, "GET /", "origin: http://any.example");
  assert.deepEqual([anyone.status, anyone.field("access-control-allow-origin")], [200, "*"]);
  assert.equal(anyone.field("access-control-allow-credentials"), undefined);
});

Deno.test("eventStreams() answers a browser that asks before it asks", async () => {
  await using listener = await listen(() => assert.fail("was started"), { origins: ["https://shop.example"] });
  const wanted = ["access-control-request-method: GET", "access-control-request-headers: authorization"];
  const { status, field } = await answer(listener, "OPTIONS /", "origin: https://shop.example", ...wanted);
  assert.deepEqual(
    [status, field("access-control-allow-methods"), field("access-control-allow-headers")],
    [204, "GET", "authorization"],
  );
  assert.equal((await answer(listener, "OPTIONS /", "origin: http://evil.example", ...wanted)).status, 403);
  assert.equal((await answer(listener, "OPTIONS /")).status, 204);
});

Deno.test("eventStreams() asks whether a reader may come in, and answers what its start throws", async () => {
  await using listener = await listen((_, { target, remote }) => {
    assert.equal(remote.hostname, "127.0.0.1");
    if (target === "/?gone") throw new TransportError("closed", "Over", { details: { status: 204 } });
    if (target === "/?many") throw new TransportError("rate-limited", "Cannot read twice");
    throw new RangeError("secret");
  }, {
    authenticate: async ({ headers }) => await Promise.resolve(headers.get("authorization") === "Bearer 7"),
  });
  const known = "authorization: Bearer 7";
  assert.equal((await answer(listener, "GET /")).status, 401);
  assert.equal((await answer(listener, "HEAD /", "authorization: Bearer 8")).status, 401);
  assert.equal((await answer(listener, "GET /?gone", known)).status, 204);
  const many = await answer(listener, "GET /?many", known);
  assert.deepEqual([many.status, /\r\n\r\n(.*)\n$/.exec(many.text)![1]], [429, "Cannot read twice"]);
  const failed = await answer(listener, "GET /", known);
  assert.deepEqual([failed.status, failed.text.includes("secret")], [500, false]);
  assert.equal(listener.readers, 0);
});

Deno.test("an EventSource that is answered 204 does not come back", async () => {
  let asked = 0;
  await using listener = await listen(() => {
    asked++;
    throw new TransportError("closed", "Over", { details: { status: 204 } });
  });
  const source = new EventSource(`http://127.0.0.1:${listener.addr.port}/`);
  await until(() => source.readyState === EventSource.CLOSED, "the end");
  assert.equal(asked, 1);
});

Deno.test("eventStreams() that has filled its buffer in its start and closes on that answers so", async () => {
  await using listener = await listen(({ send }) => {
    for (let i = 0; i < 2; i++) send({ data: "12345678" });
  }, { maxBufferedBytes: 20, overflow: "close", highWaterBytes: 0 });
  assert.equal((await answer(listener, "GET /")).status, 503);
});

Deno.test("eventStreams() gives HTTP/1.0 its events up to the end of the connection", async () => {
  await using listener = await listen(once);
  const text = await ask(listener.addr.port!, "GET / HTTP/1.0\r\n\r\n");
  assert.match(text, /\r\n\r\n:\n\ndata: x\n\n$/);
  assert.doesNotMatch(text, /transfer-encoding/);
});

Deno.test("eventStreams() over TLS", async () => {
  await using listener = await listen(once, { tls: { cert: testCert, key: testKey } });
  using client = Deno.createHttpClient({ caCerts: [testCert] });
  const response = await fetch(`https://localhost:${listener.addr.port}/`, { client });
  assert.equal(await response.text(), ":\n\ndata: x\n\n");
});

Deno.test("eventStreams() writes what is sent in one turn at once, the head with it", async () => {
  let stream!: EventStream;
  await using listener = await listen((events) => {
    stream = events;
    events.send({ data: "first" });
  });
  using reader = await connectReader(listener.addr.port!);
  assert.equal(bodyOf(reader.text), ":\n\ndata: first\n\n");
  stream.send({ data: "a" });
  stream.send({ data: "b" });
  const text = await reader.read(/data: b/);
  assert.ok(text.endsWith("\r\n12\r\ndata: a\n\ndata: b\n\n\r\n"));
  assert.equal(listener.counters.bytesOut, text.length);
});

Deno.test("eventStreams() shut down sends what waits, ends its readers in order and takes no others", async () => {
  let stream!: EventStream;
  const listener = await listen((events) => void (stream = events));
  const { port } = listener.addr;
  using reader = await connectReader(port!);
  using idle = await RawClient.connect(port!);
  await until(() => listener.counters.connectionsOpen === 2, "the connections");
  assert.equal(listener.readers, 1);
  stream.send({ data: "last" });
  const ended = listener.shutdown();
  assert.equal(bodyOf(await reader.read(/\r\n0\r\n\r\n$/)), ":\n\ndata: last\n\n");
  assert.equal(await stream.closed, undefined);
  assert.equal(await idle.read(), "");
  reader[Symbol.dispose]();
  await ended;
  assert.equal(listener.shutdown(), listener.shutdown());
  assert.deepEqual([listener.readers, listener.counters.connectionsOpen], [0, 0]);
  await assert.rejects(RawClient.connect(port!));
});

Deno.test("eventStreams() shut down while it asks whether a reader may come in ends that reader, too", async () => {
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<boolean>();
  const authenticate = (): Promise<boolean> => {
    asked.resolve();
    return gate.promise;
  };
  const listener = await listen(() => {}, { authenticate });
  const reading = answer(listener, "GET /");
  await asked.promise;
  const ended = listener.shutdown();
  gate.resolve(true);
  assert.match((await reading).text, /\r\n3\r\n:\n\n\r\n0\r\n\r\n$/);
  await ended;
});

Deno.test("eventStreams() cuts off who has not taken the rest when the grace is over", async () => {
  const clock = new ManualClock();
  let stream!: EventStream;
  const listener = await listen((events) => void (stream = events), { clock, heartbeatMs: Infinity });
  using _ = await connectReader(listener.addr.port!);
  while (stream.bufferedBytes === 0) {
    stream.send({ data: "x".repeat(500_000) });
    await untilStill(() => stream.bufferedBytes);
  }
  const ended = listener.shutdown({ graceMs: 1000 });
  await until(() => clock.pending > 0, "the grace");
  await clock.advance(1000);
  await ended;
  assert.match((await stream.closed)!.message, /its grace of 1000 ms is over/);
  assert.equal(clock.pending, 0);
});

Deno.test("eventStreams() cuts off a reader who is stuck, and not one who is slow", async () => {
  const clock = new ManualClock();
  let stream!: EventStream;
  const options = { clock, heartbeatMs: 1000, stallTimeoutMs: 3000 };
  await using listener = await listen((events) => void (stream = events), options);
  using reader = await connectReader(listener.addr.port!);
  const fill = async (): Promise<void> => {
    while (stream.bufferedBytes === 0) {
      stream.send({ data: "x".repeat(500_000) });
      await untilStill(() => stream.bufferedBytes);
    }
  };
  await fill();
  await clock.advance(3000);
  // It takes something in between.
  const before = listener.counters.bytesOut;
  const buffer = new Uint8Array(1024 * 1024);
  while (listener.counters.bytesOut === before) await reader.conn.read(buffer);
  await fill();
  await clock.advance(3000);
  assert.equal(listener.readers, 1);
  await clock.advance(1000);
  assert.match((await stream.closed)!.message, /its reader took nothing for 3000 ms$/);
  assert.equal(listener.readers, 0);
});

Deno.test("eventStreams() describes itself, and refuses options that are not allowed", () => {
  assert.match(describe(eventStreams({ port: 8080, path: "/a" })), /^eventStreams\(\{ .*port: 8080, path: "\/a"/);
  const check = (options: object, message: RegExp): void => {
    assert.throws(() => eventStreams(options as EventStreamsOptions), { code: "invalid-option", message });
  };
  check({}, /option port is undefined/);
  check({ port: 0, path: "/a?b" }, /allowed is a path that begins with \/, without a query/);
  check({ port: 0, heartbeatMs: 0 }, /option heartbeatMs is 0/);
  check({ port: 0, maxBodyBytes: 1 }, /it has no option "maxBodyBytes"/);
  check({ port: 0, tls: { key: "x" } }, /cert and key together/);
});

Deno.test("eventStreams() refuses to listen where another program does", async () => {
  await using listener = await listen(once);
  await assert.rejects(listen(once, { port: listener.addr.port! }), { code: "address-in-use" });
});
