/**
 * HTTP/2 on own sockets: what is held back, what is let go of, and what becomes
 * of calls when nothing can be written.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { httpRequest } from "../../../mod.ts";
import { frameFlag } from "../../../src/framing/http2/http2_codes.ts";
import { rstStreamFrame, settingsFrame, windowUpdateFrame } from "../../../src/framing/http2/http2_frame_writer.ts";
import { failure } from "../../support/calls.ts";
import { bytesOf, frame, origin, Scripted, settle } from "./_scripted.ts";

/** An upload of a stream that gives a piece and then nothing, and says when it was cancelled. */
function upload(): { request: Request; cancelled: () => boolean } {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(10)),
    cancel: () => void (cancelled = true),
  });
  const request = new Request(origin, { method: "POST", body, duplex: "half" } as RequestInit);
  return { request, cancelled: () => cancelled };
}

Deno.test("data for a server that does not read waits with its sender, and goes on when it reads", async () => {
  const server = await Scripted.open({}, [[4, 10_000_000]]);
  await server.send(windowUpdateFrame(0, 10_000_000));
  server.stuck = true;
  const { outbox } = server.session.connection;
  const before = outbox.givenBytes;
  const body = new Uint8Array(3_000_000);
  const call = server.session.call(httpRequest(origin, { method: "POST", body }));
  await settle();
  const given = outbox.givenBytes - before;
  assert.ok(given > 200_000 && given < 400_000, `${given} bytes were given to the connection`);
  await server.unstick();
  for (let i = 0; i < 30; i++) await settle();
  const sent = server.sent().filter(({ type }) => type === 0);
  assert.equal(sent.reduce((sum, { payload }) => sum + payload.length, 0), body.length);
  assert.ok(sent.every(({ payload }) => payload.length <= 16_384));
  await server.send(server.answer(1, "x"));
  await (await call).text();
  await server.end();
});

Deno.test("an upload is let go of when its call is over, whoever ends it", async () => {
  const server = await Scripted.open();
  const [reset, dropped, waiting] = [upload(), upload(), upload()];
  const first = server.session.call(reset.request);
  const second = server.session.call(dropped.request);
  await settle();
  await server.send(rstStreamFrame(1, 8), server.head(3));
  await failure(first, "connection-lost");
  assert.ok(reset.cancelled());
  await (await second).body!.cancel();
  await settle();
  assert.ok(dropped.cancelled());
  const third = server.session.call(waiting.request);
  await settle();
  await server.send(null);
  await failure(third, "connection-lost", "maybe");
  assert.ok(waiting.cancelled());
  await server.end();
});

Deno.test("a body that was not asked for is not sent while its response is read", async () => {
  const server = await Scripted.open({ continueTimeoutMs: 50, bodyTimeoutMs: 200 });
  const headers = { expect: "100-continue" };
  const call = server.session.call(new Request(origin, { method: "POST", body: "hello", headers }));
  await settle();
  await server.send(server.head(1, [[":status", "417"]]));
  const text = failure((await call).text(), "connection-lost");
  await server.clock.advance(200);
  await text;
  assert.deepEqual(server.told().filter((told) => !told.startsWith("PING")), ["HEADERS 1", "RST_STREAM 1 8"]);
  await server.end();
});

Deno.test("calls of which nothing could be written say so, and what is lost is known without a word of the server", async () => {
  const server = await Scripted.open();
  const early = server.session.call(new Request(origin));
  await settle();
  server.failing = new Error("broken pipe");
  const late = server.session.call(new Request(origin));
  late.catch(() => {});
  await settle();
  assert.equal(server.session.state, "draining");
  await server.clock.advance(1000);
  await failure(early, "connection-lost", "maybe");
  assert.match((await failure(late, "connection-lost", "no")).message, /broken pipe/);
  await server.end();
});

Deno.test("a connection keeps the process alive while something is under way, and not when it idles", async () => {
  const server = await Scripted.open();
  await server.clock.advance(10);
  assert.equal(server.held, false);
  const call = server.session.call(new Request(origin));
  await server.clock.advance(10);
  assert.equal(server.held, true);
  await server.send(server.answer(1, "x"));
  await (await call).text();
  await server.clock.advance(10);
  assert.equal(server.held, false);
  const ping = server.session.ping().catch(() => {});
  await server.clock.advance(10);
  assert.equal(server.held, true);
  await server.end();
  await ping;
});

Deno.test("padding that nobody can read does not use up a window", async () => {
  const server = await Scripted.open();
  const call = server.session.call(new Request(origin));
  await settle();
  server.told();
  await server.send(server.head(1));
  const response = await call;
  const padded = frame(0, frameFlag.padded, 1, [255, 1, ...new Uint8Array(255)]);
  for (let i = 0; i < 1100; i++) await server.send(padded);
  const grown = server.sent().filter(({ type, id }) => type === 8 && id === 1);
  assert.ok(grown.length >= 2, `${grown.length} updates`);
  await server.send(server.data(1, "", true));
  assert.equal((await response.bytes()).length, 1100);
  await server.end();
});

Deno.test("a server that wants no table gets none from the next request on", async () => {
  const server = await Scripted.open();
  for (const id of [1, 3]) {
    const call = server.session.call(new Request(origin));
    await settle();
    const { payload, fields } = server.sent().find(({ type }) => type === 1)!;
    assert.equal(payload[0] === 0x20, id === 3);
    assert.ok(fields.includes("user-agent: Wireway"));
    await server.send(server.answer(id, "x"), settingsFrame([[1, 0]]));
    await (await call).text();
  }
  await server.end();
});

Deno.test("what a busy server says beside its answers is no flood", async () => {
  const server = await Scripted.open();
  for (let id = 1; id < 1000; id += 2) {
    const call = server.session.call(new Request(origin));
    await settle();
    const widening = Array(9).fill(windowUpdateFrame(0, 1));
    await server.send(bytesOf(...widening, server.answer(id, "x")));
    await (await call).text();
  }
  assert.equal(server.session.state, "open");
  await server.end();
});
