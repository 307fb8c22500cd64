/**
 * HTTP/2 on own sockets: what requests go out as, and when their bodies do.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { background, httpRequest } from "../../../mod.ts";
import { settingsFrame, windowUpdateFrame } from "../../../src/framing/http2/http2_frame_writer.ts";
import { failure } from "../../support/calls.ts";
import { frame, origin, Scripted, settle } from "./_scripted.ts";

const post = (body: BodyInit | null, headers: Record<string, string> = {}) =>
  new Request(`${origin}/orders?n=1#top`, { method: "POST", body, headers, duplex: "half" } as RequestInit);

/** A stream that the test fills. */
function fed(): { body: ReadableStream<Uint8Array>; controller: ReadableStreamDefaultController<Uint8Array> } {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
  return { body, controller };
}

Deno.test("a request goes out with its pseudo-fields first, and none of HTTP/1.1's", async () => {
  const server = await Scripted.open();
  const headers = {
    "X-Thing": "1",
    "connection": "close",
    "keep-alive": "a",
    "transfer-encoding": "chunked",
    "te": "a",
  };
  const call = server.session.call(
    httpRequest(`${origin}/orders?n=1#top`, { headers }),
    background.with({ metadata: { tenant: "acme" } }),
  );
  await settle();
  const [{ type, flags, id, fields }, ...rest] = server.sent();
  assert.deepEqual([type, flags, id, rest.length], [1, 5, 1, 0]);
  assert.deepEqual(fields, [
    ":method: GET",
    ":scheme: http",
    ":authority: 127.0.0.1:8000",
    ":path: /orders?n=1",
    "meta-tenant: acme",
    "x-thing: 1",
    "accept: */*",
    "accept-encoding: gzip, deflate, br",
    "user-agent: Wireway",
  ]);
  await server.send(server.answer(1, "hello"));
  assert.equal(await (await call).text(), "hello");
  await server.end();
});

Deno.test("a body that is there goes out with its length, behind its head in one write", async () => {
  const server = await Scripted.open();
  for (const [body, id] of [["hello", 1], [new Uint8Array(0), 3], [null, 5]] as const) {
    const call = server.session.call(post(body as BodyInit | null));
    await settle();
    const sent = server.sent();
    const length = body === null ? 0 : body.length;
    assert.ok(sent[0].fields.includes(`content-length: ${length}`));
    assert.deepEqual(sent.map(({ type, flags, payload }) => [type, flags, type === 0 ? payload.length : 0]), [
      [1, length > 0 ? 4 : 5, 0],
      ...(length > 0 ? [[0, 1, length]] : []),
    ]);
    await server.send(server.answer(id, "x"));
    await (await call).text();
  }
  await server.end();
});

Deno.test("a body goes out as far as the windows of its stream and of the connection allow", async () => {
  const server = await Scripted.open({}, [[4, 10]]);
  const call = server.session.call(post("x".repeat(25)));
  await settle();
  assert.deepEqual(server.told(), ["HEADERS 1", "DATA 1 10"]);
  await server.send(windowUpdateFrame(1, 4));
  assert.deepEqual(server.told(), ["DATA 1 4"]);
  // A smaller window for all streams leaves this one with a debt.
  await server.send(settingsFrame([[4, 4]]), windowUpdateFrame(1, 6));
  assert.deepEqual(server.told(), ["SETTINGS ack"]);
  await server.send(windowUpdateFrame(1, 3));
  assert.deepEqual(server.told(), ["DATA 1 3"]);
  await server.send(settingsFrame([[4, 100]]));
  assert.deepEqual(server.told().sort(), ["DATA 1 8 end", "SETTINGS ack"]);
  await server.send(server.answer(1, "x"));
  assert.equal(await (await call).text(), "x");
  await server.end();
});

Deno.test("streams take turns where the connection's window is what they wait for", async () => {
  const server = await Scripted.open({}, [[4, 1_000_000]]);
  const calls = [0, 1].map(() => server.session.call(post(new Uint8Array(80_000))));
  await settle();
  const first = server.told();
  assert.deepEqual(first.filter((told) => told.startsWith("HEADERS")), ["HEADERS 1", "HEADERS 3"]);
  assert.ok(first.every((told) => !told.startsWith("DATA 3")), "the window was used up by the first");
  await server.send(windowUpdateFrame(0, 65_536));
  assert.deepEqual(server.told(), ["DATA 1 14465 end", "DATA 3 16384", "DATA 3 16384", "DATA 3 16384", "DATA 3 1919"]);
  const third = server.session.call(post(new Uint8Array(40_000)));
  await settle();
  assert.deepEqual(server.told(), ["HEADERS 5"]);
  await server.send(windowUpdateFrame(0, 50_000));
  assert.deepEqual(server.told(), ["DATA 3 16384", "DATA 5 16384", "DATA 3 12545 end", "DATA 5 4687"]);
  await server.send(windowUpdateFrame(0, 50_000));
  await server.send(server.answer(1, "a"), server.answer(3, "b"), server.answer(5, "c"));
  const texts = await Promise.all([...calls, third].map(async (call) => await (await call).text()));
  assert.deepEqual(texts, ["a", "b", "c"]);
  await server.end();
});

Deno.test("a stream goes out as it comes, and its end when it is there", async () => {
  const server = await Scripted.open();
  const { body, controller } = fed();
  const call = server.session.call(post(body));
  await settle();
  const [{ fields, flags }] = server.sent();
  assert.equal(flags, 4);
  assert.ok(fields.every((field) => !field.startsWith("content-length")));
  controller.enqueue(new Uint8Array(3));
  await settle();
  assert.deepEqual(server.told(), ["DATA 1 3"]);
  await server.send(server.head(1), server.data(1, "early "));
  controller.enqueue(new Uint8Array(5));
  controller.close();
  await settle();
  assert.deepEqual(server.told(), ["DATA 1 5", "DATA 1 0 end"]);
  await server.send(server.data(1, "late", true));
  assert.equal(await (await call).text(), "early late");
  await server.end();
});

Deno.test("a body whose response is whole is not sent to its end, and one that fails takes its call with it", async () => {
  const server = await Scripted.open();
  const [endless, failing] = [fed(), fed()];
  let cancelled = false;
  const reader = endless.body.getReader();
  const watched = new ReadableStream<Uint8Array>({
    pull: async (controller) => controller.enqueue((await reader.read()).value!),
    cancel: () => void (cancelled = true),
  });
  const call = server.session.call(post(watched));
  endless.controller.enqueue(new Uint8Array(3));
  await settle();
  server.told();
  await server.send(server.answer(1, "enough"));
  assert.equal(await (await call).text(), "enough");
  assert.deepEqual(server.told(), ["RST_STREAM 1 8"]);
  endless.controller.close();
  await settle();
  assert.ok(cancelled);
  const lost = server.session.call(post(failing.body));
  await settle();
  server.told();
  failing.controller.error(new Error("the disk is gone"));
  const error = await failure(lost, "invalid-request", "maybe");
  assert.match(error.message, /the disk is gone/);
  assert.deepEqual(server.told(), ["RST_STREAM 3 8"]);
  await server.end();
});

Deno.test("a body that waits to be asked for goes out when it is, when nobody answers, and not when it is refused", async () => {
  const server = await Scripted.open({ continueTimeoutMs: 50 });
  const headers = { expect: "100-continue" };
  const asked = server.session.call(post("hello", headers));
  await settle();
  const [{ fields }, ...none] = server.sent();
  assert.ok(fields.includes("expect: 100-continue"));
  assert.deepEqual(none, []);
  await server.send(server.head(1, [[":status", "103"]]));
  assert.deepEqual(server.told(), []);
  await server.send(server.head(1, [[":status", "100"]]));
  assert.deepEqual(server.told(), ["DATA 1 5 end"]);
  await server.send(server.answer(1, "x"));
  await (await asked).text();
  const unasked = server.session.call(post("hello", headers));
  await server.clock.advance(50);
  assert.deepEqual(server.told(), ["HEADERS 3", "DATA 3 5 end"]);
  await server.send(server.answer(3, "x"));
  await (await unasked).text();
  const refused = server.session.call(post("hello", headers));
  await settle();
  await server.send(server.head(5, [[":status", "417"]], true));
  assert.equal((await refused).status, 417);
  assert.deepEqual(server.told(), ["HEADERS 5", "RST_STREAM 5 8"]);
  await server.end();
});

Deno.test("what can't be sent is refused, and the table of the connection stays right", async () => {
  const server = await Scripted.open();
  const bad = new Request(origin, { headers: { "x-new": "1", "y": "a\x7f" } });
  const error = await failure(server.session.call(bad), "invalid-request", "no");
  assert.match(error.message, /0x7f in the field y/);
  const mismatch = server.session.call(post("hello", { "content-length": "7" }));
  await failure(mismatch, "invalid-request", "no");
  for (const id of [1, 3]) {
    const call = server.session.call(httpRequest(`${origin}/`, { headers: { "x-new": "1" } }));
    await settle();
    assert.ok(server.sent()[0].fields.includes("x-new: 1"));
    await server.send(server.answer(id, "x"));
    await (await call).text();
  }
  await server.end();
});

Deno.test("a head that is larger than a frame goes out in several, behind each other", async () => {
  const server = await Scripted.open();
  const call = server.session.call(new Request(origin, { headers: { "x-large": "\xe9".repeat(40_000) } }));
  await settle();
  assert.deepEqual(
    server.told().map((told) => told.split(" ")[0])
      .filter((name) => name !== "SETTINGS"),
    ["HEADERS", "CONTINUATION", "CONTINUATION"],
  );
  await server.send(frame(3, 0, 1, [0, 0, 0, 7]));
  await failure(call, "overloaded", "no");
  await server.end();
});
