/**
 * The HTTP/1.1 server on our own sockets: requests and their answers.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../mod.ts";
import type { Http1Exchange } from "../../../src/transport/http1_server/http1_server.ts";
import { turn, until } from "../../support/channels.ts";
import { ask, head, RawClient, serving, statusOf } from "./_http1_server.ts";

const decoder = new TextDecoder();
const hello = (exchange: Http1Exchange): Promise<void> => exchange.respond(200, [], `hello ${exchange.head.path}`);
const echo = async (exchange: Http1Exchange): Promise<void> =>
  await exchange.respond(200, [], await exchange.readBody());

/** The bodies of the responses in a text, all of a known length. */
function bodiesOf(text: string): string[] {
  const bodies: string[] = [];
  for (let rest = text; rest !== "";) {
    const end = rest.indexOf("\r\n\r\n") + 4;
    const length = Number(/content-length: (\d+)/.exec(rest.slice(0, end))![1]);
    bodies.push(rest.slice(end, end + length));
    rest = rest.slice(end + length);
  }
  return bodies;
}

Deno.test("fetch gets answers from the HTTP/1.1 server, all on one connection", async () => {
  await using server = await serving(echo);
  using client = Deno.createHttpClient({});
  for (const body of ["a", "b".repeat(100_000), ""]) {
    const response = await fetch(`http://127.0.0.1:${server.port}/`, { method: "POST", body, client });
    assert.equal(await response.text(), body);
    assert.ok(response.headers.has("date"));
  }
  assert.equal(server.listener.counters.connectionsAccepted, 1);
  assert.deepEqual([server.listener.counters.messagesIn, server.listener.counters.messagesOut], [3, 3]);
});

Deno.test("requests sent at once are answered in order, also one byte at a time", async () => {
  let active = 0;
  await using server = await serving(async (exchange) => {
    assert.equal(++active, 1, "one at a time");
    await new Promise((resolve) => setTimeout(resolve, exchange.head.path === "/1" ? 5 : 0));
    await exchange.respond(200, [], exchange.head.path + decoder.decode(await exchange.readBody()));
    active--;
  });
  const requests = head("GET /1") + head("POST /2", "content-length: 3") + "abc" +
    head("POST /3", "transfer-encoding: chunked") + "2\r\nde\r\n1\r\nf\r\n0\r\n\r\n" +
    head("GET /4", "connection: close");
  assert.deepEqual(bodiesOf(await ask(server.port, requests)), ["/1", "/2abc", "/3def", "/4"]);
  using slow = await RawClient.connect(server.port);
  for (const character of requests) await slow.send(character);
  assert.deepEqual(bodiesOf(await slow.read()), ["/1", "/2abc", "/3def", "/4"]);
});

Deno.test("an answer to HEAD has the fields of the one to GET and no body; 204 and 304 have none", async () => {
  await using server = await serving((exchange) => {
    if (exchange.head.path === "/204") return exchange.respond(204);
    if (exchange.head.path === "/304") return exchange.respond(304, [["etag", '"1"']]);
    return hello(exchange);
  });
  const text = await ask(
    server.port,
    head("HEAD /") + head("GET /204") + head("GET /304") + head("HEAD /", "connection: close"),
  );
  const [first, second, third, fourth] = text.split(/(?<=\r\n\r\n)/);
  assert.match(first, /^HTTP\/1\.1 200 OK\r\n(.+\r\n)*content-length: 7\r\n\r\n$/);
  assert.match(second, /^HTTP\/1\.1 204 No Content\r\n/);
  assert.doesNotMatch(second, /content-length/);
  assert.match(third, /^HTTP\/1\.1 304 Not Modified\r\netag: "1"\r\n/);
  assert.match(fourth, /connection: close\r\n/);
  assert.equal(text.split("\r\n\r\n").length, 5);
});

Deno.test("HTTP/1.0 gets one answer, and more where it asks for that", async () => {
  await using server = await serving(hello);
  const once = await ask(server.port, "GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
  assert.deepEqual(bodiesOf(once), ["hello /a"]);
  assert.match(once, /connection: close\r\n/);
  const twice = await ask(
    server.port,
    "GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
  );
  assert.deepEqual(bodiesOf(twice), ["hello /a", "hello /b"]);
  assert.match(twice, /connection: keep-alive\r\n/);
});

Deno.test("a client that waits to be asked for its body is asked, and only where the body is wanted", async () => {
  await using server = await serving((exchange) =>
    exchange.head.path === "/wanted" ? echo(exchange) : exchange.respond(403, [], "no")
  );
  using client = await RawClient.connect(server.port);
  await client.send(head("POST /wanted", "content-length: 2", "expect: 100-continue"));
  assert.equal(await client.read(/\r\n\r\n/), "HTTP/1.1 100 Continue\r\n\r\n");
  await client.send("hi");
  assert.match(await client.read(/hi$/), /HTTP\/1\.1 200 OK/);
  // What was sent at once needs no asking for.
  await client.send(head("POST /wanted", "content-length: 2", "expect: 100-continue") + "yo");
  assert.equal((await client.read(/yo$/)).match(/100 Continue/g)!.length, 1);
  await client.send(head("POST /unwanted", "content-length: 2", "expect: 100-continue"));
  assert.match(await client.read(), /HTTP\/1\.1 403 Forbidden\r\n(.+\r\n)*connection: close\r\n(.+\r\n)*\r\nno$/);
});

Deno.test("a body over the limit is refused with 413, before it is sent where its length is known", async () => {
  let failures = 0;
  await using server = await serving(async (exchange) => {
    try {
      await exchange.readBody(4);
    } catch (error) {
      assert.equal((error as TransportError).code, "message-too-large");
      failures++;
      throw error;
    }
  }, { maxBodyBytes: 100 });
  for (
    const request of [
      head("POST /", "content-length: 5", "expect: 100-continue"),
      head("POST /", "content-length: 99999999999"),
      head("POST /", "transfer-encoding: chunked") + "3\r\nabc\r\n3\r\ndef\r\n",
    ]
  ) {
    const text = await ask(server.port, request);
    assert.equal(statusOf(text), 413, text);
    assert.match(text, /connection: close\r\n/);
  }
  assert.equal(failures, 3);
});

Deno.test("a body in a million small chunks costs no more memory than its bytes", async () => {
  await using server = await serving(async (exchange) => {
    const body = await exchange.readBody();
    await exchange.respond(200, [], `${body.length} of ${body.buffer.byteLength}`);
  });
  const chunks = "1\r\nx\r\n".repeat(200_000) + "0\r\n\r\n";
  const text = await ask(server.port, head("POST /", "transfer-encoding: chunked", "connection: close") + chunks);
  const [, length, held] = /(\d+) of (\d+)$/.exec(text)!;
  assert.equal(length, "200000");
  assert.ok(Number(held) < 600_000, held);
});

Deno.test("an answer in spite of an unread body ends the connection, and reaches a client that goes on sending", async () => {
  await using server = await serving((exchange) => exchange.respond(200, [], "enough"));
  using client = await RawClient.connect(server.port);
  await client.send(head("POST /", "content-length: 100000") + "x".repeat(50_000));
  await until(() => server.listener.counters.bytesOut > 0, "the answer");
  for (let i = 0; i < 5; i++) {
    await client.send("x".repeat(10_000));
    await turn();
  }
  const text = await client.read();
  assert.match(text, /connection: close\r\n(.+\r\n)*\r\nenough$/);
});

Deno.test("a handler that fails is answered for, without telling what went wrong inside", async () => {
  await using server = await serving((exchange) => {
    if (exchange.head.path === "/sync") throw new RangeError("secret");
    if (exchange.head.path === "/typed") {
      return Promise.reject(new TransportError("rate-limited", "Cannot ask again: wait"));
    }
    if (exchange.head.path === "/nothing") return;
    return Promise.reject(new RangeError("secret"));
  });
  const answers = await Promise.all(
    ["/sync", "/async", "/typed", "/nothing"].map((path) => ask(server.port, head(`GET ${path}`))),
  );
  assert.deepEqual(answers.map(statusOf), [500, 500, 429, 500]);
  assert.match(answers[2], /\r\n\r\nCannot ask again: wait\n$/);
  for (const text of answers) assert.doesNotMatch(text, /secret/);
  await until(() => server.ends.length === 4, "the ends");
  assert.ok(server.ends.some((error) => error?.message === "secret"));
});

Deno.test("an exchange is answered once, and its body is read once", async () => {
  const errors: string[] = [];
  const note = (error: Error): void => void errors.push(error.message);
  await using server = await serving(async (exchange) => {
    const first = exchange.readBody();
    await exchange.readBody().catch(note);
    await first;
    await exchange.respond(200, [], "once");
    assert.throws(() => exchange.respond(200), { message: "Cannot answer a request twice" });
    assert.throws(() => exchange.stream(200, [], { highWaterBytes: 1, maxBufferedBytes: 1 }));
  });
  await ask(server.port, head("POST /", "content-length: 1", "connection: close") + "x");
  assert.deepEqual(errors, ["Cannot read the body of a request twice"]);
  await until(() => server.ends.length === 1, "the end");
  assert.equal(server.ends[0], undefined);
});

Deno.test("a body that came with its head can be had without waiting, and no other", async () => {
  const seen: (string | undefined)[] = [];
  await using server = await serving(async (exchange) => {
    const atHand = exchange.bodyAtHand(10);
    seen.push(atHand && decoder.decode(atHand));
    if (atHand !== undefined) assert.equal(exchange.bodyAtHand(10), undefined, "once");
    const body = atHand ?? await exchange.readBody(10);
    await exchange.respond(200, [], decoder.decode(body));
  });
  const requests = head("POST /", "content-length: 3") + "abc" + head("GET /") +
    head("POST /", "transfer-encoding: chunked") + "2\r\nde\r\n0\r\n\r\n" +
    head("POST /", "content-length: 10") + "0123456789" + head("GET /", "connection: close");
  const answers = await ask(server.port, requests);
  assert.deepEqual(seen.splice(0), ["abc", undefined, undefined, "0123456789", undefined]);
  assert.deepEqual(bodiesOf(answers), ["abc", "", "de", "0123456789", ""]);
  const refused = await ask(server.port, head("POST /", "content-length: 11") + "0123456789x");
  assert.match(refused, /^HTTP\/1\.1 413 /, "one byte too many is for readBody() to refuse");
  assert.deepEqual(seen.splice(0), [undefined]);
  using client = await RawClient.connect(server.port);
  await client.send(head("POST /", "content-length: 2", "connection: close") + "x");
  await until(() => seen.length === 1, "the request");
  await client.send("y");
  assert.match(await client.read(), /\r\n\r\nxy$/);
  assert.deepEqual(seen, [undefined], "half of it had come");
});

Deno.test("the reading of a body is given up with its signal, and the answer still goes out", async () => {
  await using server = await serving(async (exchange) => {
    const abort = new AbortController();
    const reading = exchange.readBody(100, abort.signal);
    abort.abort(new Error("enough"));
    await assert.rejects(reading, { message: "enough" });
    await exchange.respond(503, [], "later");
  });
  using client = await RawClient.connect(server.port);
  await client.send(head("POST /", "content-length: 5") + "ab");
  assert.match(await client.read(), /^HTTP\/1\.1 503 [\s\S]*\r\n\r\nlater$/);
});

Deno.test("closing the server ends idle connections at once, and busy ones with their answer", async () => {
  const gate = Promise.withResolvers<void>();
  let asked = 0;
  const server = await serving(async (exchange) => {
    asked++;
    if (exchange.head.path === "/slow") await gate.promise;
    await exchange.respond(200, [], "done");
  });
  using idle = await RawClient.connect(server.port);
  using fresh = await RawClient.connect(server.port);
  using busy = await RawClient.connect(server.port);
  await idle.send(head("GET /"));
  await idle.read(/done$/);
  await busy.send(head("GET /slow") + head("GET /next"));
  await until(() => asked === 2 && server.listener.counters.connectionsOpen === 3, "the request");
  await server.listener.close();
  assert.match(await idle.read(), /done$/);
  assert.equal(await fresh.read(), "");
  gate.resolve();
  assert.match(await busy.read(), /connection: close\r\n(.+\r\n)*\r\ndone$/);
  busy[Symbol.dispose]();
  await server.listener.ended;
  assert.deepEqual([asked, server.listener.counters.connectionsOpen], [2, 0]);
});
