/**
 * HTTP/2 on own sockets: what responses are read as, which are refused, and
 * what holds their senders back.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { settingsFrame } from "../../../src/framing/http2/http2_frame_writer.ts";
import { failure } from "../../support/calls.ts";
import { begun, bytesOf, frame, origin, Scripted, settle } from "./_scripted.ts";

const window = 256 * 1024;

Deno.test("responses come in any order, whole or piece by piece, a byte at a time", async () => {
  const server = await Scripted.open();
  const calls = await begun(server, 3);
  const stream = bytesOf(
    server.head(5),
    server.head(1, [[":status", "404"], ["x-a", "b"], ["content-length", "5"]]),
    server.data(5, "fi"),
    frame(99, 0, 0, [1, 2]),
    server.data(1, "hello", true),
    server.head(3, [[":status", "204"]], true),
    server.data(5, "fth"),
    server.head(5, [["x-sum", "1"]], true),
  );
  for (const byte of stream) await server.send(Uint8Array.of(byte));
  const responses = await Promise.all(calls);
  assert.deepEqual(responses.map(({ status }) => status), [404, 204, 200]);
  assert.deepEqual([responses[0].headers.get("x-a"), responses[0].statusText, responses[0].url], [
    "b",
    "",
    `${origin}/`,
  ]);
  assert.deepEqual(await Promise.all(responses.map((response) => response.text())), ["hello", "", "fifth"]);
  assert.deepEqual([server.session.load, responses[1].body], [0, null]);
  await server.end();
});

Deno.test("interim responses go before the final one, and are counted", async () => {
  const server = await Scripted.open();
  const [call] = await begun(server);
  const hint = () => server.head(1, [[":status", "103"], ["link", "</a.css>"]]);
  for (let i = 0; i < 16; i++) await server.send(hint());
  await server.send(server.answer(1, "hello"));
  assert.equal(await (await call).text(), "hello");
  const [flooded] = await begun(server);
  for (let i = 0; i < 17; i++) await server.send(server.head(3, [[":status", "103"]]));
  assert.match((await failure(flooded, "protocol", "maybe")).message, /more than 16 interim/);
  await server.end();
});

Deno.test("a response without a body has none, whatever length it would have", async () => {
  const server = await Scripted.open();
  const [head] = await begun(server, new Request(origin, { method: "HEAD" }));
  await server.send(server.head(1, [[":status", "200"], ["content-length", "1000"]], true));
  assert.equal((await head).body, null);
  const [unchanged] = await begun(server);
  await server.send(server.head(3, [[":status", "304"], ["content-length", "1000"]], true));
  assert.equal((await unchanged).status, 304);
  await server.end();
});

Deno.test("a response that breaks the rules fails its call alone", async () => {
  const broken: [(server: Scripted, id: number) => Uint8Array, RegExp][] = [
    [(server, id) => server.head(id, [["x-a", "b"]], true), /without a status on stream/],
    [(server, id) => server.head(id, [[":status", "200"], ["connection", "close"]], true), /connection/],
    [(server, id) => server.head(id, [[":status", "101"]], true), /101/],
    [(server, id) => server.head(id, [[":status", "103"]], true), /interim response that is the end/],
    [(server, id) => server.data(id, "x"), /data before a response/],
    [(server, id) => bytesOf(server.head(id), server.head(id, [["x-a", "b"]])), /trailers that are not the end/],
    [(server, id) => bytesOf(server.head(id), server.head(id, [[":status", "200"]], true)), /the field :status/],
    [(server, id) => server.head(id, [[":status", "200"], ["content-length", "5"]], true), /0 bytes of data.* says 5/],
    [(_, id) => frame(8, 0, id, [0, 0, 0, 0]), /WINDOW_UPDATE of nothing/],
    [(_, id) => frame(8, 0, id, [0x7f, 0xff, 0xff, 0xff]), /2\^31/],
    [(server, id) => server.head(id, [[":status", "200"], ["a", "x".repeat(3000)]]), /more than 2000 bytes/],
  ];
  const server = await Scripted.open({ maxHeadBytes: 2000 });
  const [other] = await begun(server);
  let id = 1;
  for (const [bytes, why] of broken) {
    const body = why.source.includes("31") ? new ReadableStream() : undefined;
    const [call] = await begun(server, new Request(origin, { method: "POST", body, duplex: "half" } as RequestInit));
    await server.send(bytes(server, id += 2));
    assert.match((await failure(call, "protocol", "maybe")).message, why);
    assert.deepEqual(server.told().map((told) => told.split(" ").slice(0, 2).join(" ")), [`RST_STREAM ${id}`]);
  }
  for (const piece of ["more than said", "less"]) {
    const [call] = await begun(server);
    await server.send(server.head(id += 2, [[":status", "200"], ["content-length", "10"]]));
    const response = await call;
    await server.send(server.data(id, piece, piece === "less"));
    await assert.rejects(response.text(), { code: "protocol" });
  }
  await server.send(server.answer(1, "hello"));
  assert.equal(await (await other).text(), "hello");
  await server.end();
});

Deno.test("a body that nobody reads is taken in up to a window, and holds up no other", async () => {
  const server = await Scripted.open();
  const [unread, read] = await begun(server, 2);
  await server.send(server.head(1));
  const response = await unread;
  const piece = new Uint8Array(16_384).fill(7);
  for (let sent = 0; sent < window; sent += piece.length) await server.send(server.data(1, piece));
  assert.deepEqual(server.told(), []);
  await server.send(server.answer(3, "hello"));
  assert.equal(await (await read).text(), "hello");
  const reader = response.body!.getReader();
  let bytes = 0;
  while (bytes < window / 2) bytes += (await reader.read()).value!.length;
  await settle();
  assert.deepEqual(server.told(), [`WINDOW_UPDATE 1 ${bytes}`]);
  await server.send(server.data(1, piece, true));
  for (let part = await reader.read(); !part.done; part = await reader.read()) bytes += part.value.length;
  assert.equal(bytes, window + piece.length);
  assert.deepEqual(server.told(), []);
  await server.end();
});

Deno.test("small pieces that nobody reads are put together, and are read as they came", async () => {
  const server = await Scripted.open();
  const [call] = await begun(server);
  await server.send(server.head(1));
  const response = await call;
  let text = "";
  for (let i = 0; i < 3000; i++) {
    text += `${i},`;
    if (i % 100 === 0) await server.send(bytesOf(server.data(1, `${i},`)));
    else await server.send(server.data(1, `${i},`));
  }
  await server.send(server.data(1, "", true));
  assert.equal(await response.text(), text);
  await server.end();
});

Deno.test("more data than the window allows is refused: a stream's, with the stream", async () => {
  const server = await Scripted.open();
  const [call] = await begun(server);
  await server.send(server.head(1));
  const response = await call;
  const piece = new Uint8Array(16_384);
  for (let sent = 0; sent <= window; sent += piece.length) await server.send(server.data(1, piece));
  assert.deepEqual(server.told(), ["RST_STREAM 1 3"]);
  await assert.rejects(response.text(), { code: "protocol" });
  assert.equal(server.session.state, "open");
  await server.end();
});

Deno.test("the window of the connection grows with what comes, read or not", async () => {
  const server = await Scripted.open();
  const piece = new Uint8Array(16_384);
  let grown = 0;
  for (let id = 1; id < 40; id += 2) {
    const [call] = await begun(server);
    await server.send(server.head(id));
    await (await call).body!.getReader();
    for (let sent = 0; sent < window; sent += piece.length) await server.send(server.data(id, piece));
    for (const { type, id, number } of server.sent()) if (type === 8 && id === 0) grown += number;
  }
  assert.equal(grown, 4 * 1024 * 1024);
  await server.end();
});

Deno.test("what is cancelled is reset, and what comes of it behind that is nobody's", async () => {
  const server = await Scripted.open();
  const controller = new AbortController();
  const [aborted] = await begun(server, new Request(origin, { signal: controller.signal }));
  controller.abort();
  await failure(aborted, "cancelled", "maybe");
  const [left] = await begun(server);
  await server.send(server.head(3), server.data(3, "he"));
  const response = await left;
  await response.body!.cancel();
  await settle();
  assert.deepEqual(server.told(), ["RST_STREAM 3 8"]);
  assert.equal(server.session.load, 0);
  // The table must hear of the fields all the same.
  await server.send(
    server.head(1, [[":status", "200"], ["x-new", "1"]]),
    server.data(1, "x"),
    frame(3, 0, 1, [0, 0, 0, 8]),
  );
  await server.send(frame(8, 0, 3, [0, 0, 0, 1]), server.data(3, "llo", true));
  const [next] = await begun(server);
  await server.send(server.head(5, [[":status", "200"], ["x-new", "1"]], true));
  assert.equal((await next).headers.get("x-new"), "1");
  await server.end();
});

Deno.test("a redirect is followed on the same connection", async () => {
  const server = await Scripted.open();
  const [call] = await begun(server, new Request(origin, { method: "POST", body: "x" }));
  await server.send(server.head(1, [[":status", "307"], ["location", "/there"]]));
  await server.send(server.data(1, "moved"), frame(4, 1, 0));
  const sent = server.sent();
  assert.deepEqual(sent.map(({ type, id }) => [type, id]), [[3, 1], [1, 3], [0, 3]]);
  assert.ok(sent[1].fields.includes(":path: /there"));
  await server.send(settingsFrame([]), server.answer(3, "hello"));
  const response = await call;
  assert.deepEqual([response.redirected, response.url, await response.text()], [true, `${origin}/there`, "hello"]);
  await server.end();
});
