/**
 * HTTP/2 on own sockets: how streams and connections end, and what calls hear
 * of it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, type ErrorCode, type HttpOptions, type Processed, TransportError } from "../../../mod.ts";
import {
  goawayFrame,
  pingFrame,
  rstStreamFrame,
  settingsFrame,
  windowUpdateFrame,
} from "../../../src/framing/http2/http2_frame_writer.ts";
import { failure } from "../../support/calls.ts";
import { begun, bytesOf, frame, origin, Scripted, settle } from "./_scripted.ts";

Deno.test("the client opens with its settings: nothing is pushed, and windows are wide", async () => {
  const server = new Scripted();
  const opened = await Scripted.open({}, [[3, 7], [6, 1000]]);
  assert.equal(opened.session.capacity, 7);
  assert.deepEqual(opened.told(), []);
  assert.deepEqual(server.events, []);
  assert.deepEqual(opened.events.map(({ type }) => type), ["connection-opened"]);
  await opened.end();
  assert.deepEqual(opened.events.map(({ type }) => type), ["connection-opened", "connection-closed"]);
});

Deno.test("a server that opens with anything but settings is refused", async () => {
  const wrong: [Uint8Array | null, ErrorCode, RegExp][] = [
    [pingFrame(new Uint8Array(8), false), "protocol", /PING frame before any settings/],
    [frame(4, 1, 0), "protocol", /SETTINGS frame before any settings/],
    [new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"), "version-mismatch", /speaks HTTP\/1\.1/],
    [new TextEncoder().encode("220 mail.example ESMTP"), "protocol", /a frame of \d+ bytes/],
    [null, "connect-failed", /Cannot connect to/],
  ];
  for (const [opening, code, why] of wrong) {
    const error = await failure(Scripted.open({}, [], opening as Uint8Array), code);
    assert.match(error.message, why);
  }
});

Deno.test("the capacity is what both ends allow, and follows the server's settings", async () => {
  const server = await Scripted.open({ maxInFlight: 10 }, []);
  const { session } = server;
  assert.equal(session.capacity, 10);
  let changes = 0;
  session.onChange = () => changes++;
  await server.send(settingsFrame([[3, 2]]));
  assert.deepEqual([session.capacity, changes], [2, 1]);
  const calls = await begun(server, 2);
  await failure(session.call(new Request(origin)), "too-many-calls", "no");
  await server.send(settingsFrame([[3, 0]]));
  assert.equal(session.capacity, 0);
  await server.send(server.answer(1, "a"), server.answer(3, "b"));
  for (const call of calls) await (await call).text();
  await failure(session.call(new Request(origin)), "too-many-calls", "no");
  await server.send(settingsFrame([[3, 50]]));
  assert.equal(session.capacity, 10);
  await server.end();
});

Deno.test("a server that goes away finishes what it has taken; the rest may be sent again", async () => {
  const server = await Scripted.open();
  const { session } = server;
  const calls = await begun(server, 4);
  await server.send(goawayFrame(0x7fff_ffff, 0));
  assert.equal(session.state, "draining");
  await failure(session.call(new Request(origin)), "closed", "no");
  await server.send(goawayFrame(3, 0));
  for (const call of calls.slice(2)) assert.match((await failure(call, "draining", "no")).message, /NO_ERROR/);
  await server.send(server.answer(1, "a"));
  assert.equal(session.state, "draining");
  await server.send(server.answer(3, "b"));
  assert.deepEqual(await Promise.all(calls.slice(0, 2).map(async (call) => await (await call).text())), ["a", "b"]);
  assert.equal(session.state, "closed");
  assert.equal(await session.finished, undefined);
  assert.ok(server.events.some((event) => event.type === "session-draining" && event.by === "remote"));
  await server.end();
});

Deno.test("a response that is whole is read after its connection has ended", async () => {
  const server = await Scripted.open();
  const [call, lost] = await begun(server, 2);
  await server.send(server.head(1), server.head(3));
  const [response, broken] = [await call, await lost];
  await server.send(server.data(1, "hello", true), null);
  await assert.rejects(broken.text(), { code: "connection-lost" });
  assert.equal(await response.text(), "hello");
  await server.end();
});

Deno.test("what the server resets a stream for is what its call hears", async () => {
  const meanings: [number, ErrorCode, Processed][] = [
    [0, "connection-lost", "maybe"],
    [1, "protocol", "maybe"],
    [2, "remote", "yes"],
    [3, "protocol", "maybe"],
    [7, "overloaded", "no"],
    [8, "connection-lost", "maybe"],
    [11, "overloaded", "maybe"],
    [12, "unsupported", "no"],
    [13, "version-mismatch", "no"],
    [0xffff_ffff, "connection-lost", "maybe"],
  ];
  const server = await Scripted.open();
  let id = -1;
  for (const [code, error, processed] of meanings) {
    const [call] = await begun(server);
    await server.send(rstStreamFrame(id += 2, code));
    const { remote, message } = await failure(call, error, processed);
    assert.ok(remote, message);
  }
  const [call] = await begun(server);
  await server.send(server.head(id += 2), rstStreamFrame(id, 7));
  await assert.rejects((await call).text(), { code: "overloaded", processed: "yes" });
  assert.deepEqual([server.session.state, server.session.load, server.told()], ["open", 0, []]);
  await server.end();
});

Deno.test("a server that breaks the rules of a connection loses it, and is told why", async () => {
  const broken: [(server: Scripted) => Uint8Array, number, RegExp][] = [
    [(server) => server.head(2), 1, /HEADERS frame on stream 2, which was never opened/],
    [(server) => server.head(7), 1, /stream 7/],
    [(server) => server.data(5, "x"), 1, /DATA frame on stream 5/],
    [() => rstStreamFrame(5, 0), 1, /RST_STREAM frame on stream 5/],
    [() => windowUpdateFrame(5, 1), 1, /WINDOW_UPDATE frame on stream 5/],
    [() => windowUpdateFrame(0, 0), 1, /WINDOW_UPDATE of nothing/],
    [() => windowUpdateFrame(0, 0x7fff_ffff), 3, /2\^31/],
    [() => settingsFrame([[4, 0x8000_0000]]), 3, /INITIAL_WINDOW_SIZE/],
    [() => frame(5, 4, 1, [0, 0, 0, 2]), 1, /PUSH_PROMISE/],
    [() => frame(0, 0, 1, new Uint8Array(16_385)), 6, /16385 bytes/],
    [() => frame(1, 4, 1, [0xff]), 9, /unfinished number/],
    [() => frame(1, 4, 1, [0xbe, 0xbe]), 9, /number 62/],
    [() => frame(9, 4, 1), 1, /continues nothing/],
  ];
  for (const [bytes, code, why] of broken) {
    const server = await Scripted.open();
    const calls = await begun(server, 2);
    await server.send(bytes(server));
    for (const call of calls) assert.match((await failure(call, "protocol", "maybe")).message, why);
    assert.deepEqual(server.told(), [`GOAWAY ${code}`]);
    assert.match((await server.session.finished)!.message, why);
    await server.end();
  }
});

Deno.test("a server that floods the connection loses it", async () => {
  const floods: [string, (server: Scripted) => Uint8Array][] = [
    ["PING", () => pingFrame(new Uint8Array(8), false)],
    ["the answer to no PING", () => pingFrame(new Uint8Array(8).fill(9), true)],
    ["SETTINGS", () => settingsFrame([])],
    ["PRIORITY", () => frame(2, 0, 1, [0, 0, 0, 0, 1])],
    ["WINDOW_UPDATE", () => windowUpdateFrame(0, 1)],
    ["empty DATA", (server) => server.data(1, "")],
    ["type 77", () => frame(77, 0, 0)],
    ["for a stream that is over", (server) => server.data(3, "x")],
  ];
  for (const [what, bytes] of floods) {
    const server = await Scripted.open();
    const [call, over] = await begun(server, 2);
    await server.send(server.head(1), server.answer(3, "x"));
    await (await over).text();
    const response = await call;
    const one = bytes(server);
    await server.send(bytesOf(...Array(1100).fill(one)));
    await assert.rejects(response.text(), (error: TransportError) => {
      assert.equal(error.code, "protocol");
      assert.ok(error.message.includes(what), error.message);
      return true;
    });
    // Behind answers that are on their way the connection just ends.
    if (what !== "PING" && what !== "SETTINGS") assert.equal(server.told().at(-1), "GOAWAY 11");
    await server.end();
  }
  const server = await Scripted.open();
  const [call] = await begun(server);
  await server.send(frame(1, 0, 1), ...Array(32).fill(frame(9, 0, 1)));
  assert.match((await failure(call, "protocol")).message, /more than 32 frames/);
  await server.end();
});

Deno.test("a server may ask a thousand times in ten seconds, for as long as it likes", async () => {
  const server = await Scripted.open();
  const one = pingFrame(new Uint8Array(8), false);
  for (let i = 0; i < 5; i++) {
    await server.send(bytesOf(...Array(990).fill(one)));
    assert.equal(server.told().length, 990);
    await server.clock.advance(10_000);
  }
  assert.equal(server.session.state, "open");
  await server.end();
});

Deno.test("pings measure the way to the server and back, and end with the connection", async () => {
  const server = await Scripted.open();
  const ping = server.session.ping();
  await settle();
  const [{ payload }] = server.sent();
  await server.clock.advance(12);
  await server.send(pingFrame(payload, true));
  assert.equal(await ping, 12);
  const lost = failure(server.session.ping(), "connection-lost");
  await server.send(null);
  await lost;
  await failure(server.session.ping(), "closed", "no");
  await server.end();
});

Deno.test("calls end at their deadline, and streams of which nothing moves in time", async () => {
  const limits: Partial<HttpOptions> = { headTimeoutMs: 1000, bodyTimeoutMs: 500 };
  const server = await Scripted.open(limits);
  const timed = failure(server.session.call(new Request(origin), callContext({ deadline: 50 })), "deadline-exceeded");
  const slow = failure(server.session.call(new Request(origin)), "connection-lost", "maybe");
  const [reading, unread] = await begun(server, 2);
  await server.clock.advance(50);
  await timed;
  assert.deepEqual(server.told(), ["RST_STREAM 1 8"]);
  await server.send(server.head(5), server.head(7));
  const [first, second] = [await reading, await unread];
  const text = failure(first.text(), "connection-lost");
  await server.clock.advance(499);
  assert.deepEqual(server.told(), []);
  await server.clock.advance(1);
  assert.match((await text).message, /nothing of it came/);
  await assert.rejects(second.text(), /nobody read it/);
  assert.deepEqual(server.told(), ["RST_STREAM 5 8", "PING", "RST_STREAM 7 8"]);
  assert.equal(server.session.state, "open");
  await server.clock.advance(450);
  assert.match((await slow).message, /no response came for 1000 ms/);
  assert.equal(server.session.state, "open", "something was heard of it since");
  await server.end();
});

Deno.test("a connection of which nothing at all was heard while a call waited is asked for a sign of life", async () => {
  const server = await Scripted.open({ headTimeoutMs: 1000 });
  const calls = await begun(server, 1);
  await server.clock.advance(500);
  calls.push(...await begun(server, 1));
  await server.clock.advance(500);
  await failure(calls[0], "connection-lost", "maybe");
  const [reset, ping] = server.sent();
  assert.deepEqual([reset.type, ping.type, ping.flags], [3, 6, 0]);
  await server.send(pingFrame(ping.payload, true));
  await server.clock.advance(500);
  assert.match((await failure(calls[1], "connection-lost", "maybe")).message, /no response came/);
  assert.deepEqual([server.session.state, server.told()], ["open", ["RST_STREAM 3 8"]]);
  calls.push(...await begun(server, 1));
  await server.clock.advance(900);
  calls.push(...await begun(server, 1));
  await server.clock.advance(5100);
  for (const call of calls.slice(2)) await failure(call, "connection-lost", "maybe");
  assert.equal(server.session.state, "closed");
  assert.equal((await server.session.finished)?.code, "connection-lost");
  await server.end();
});

Deno.test("closing lets calls finish within their grace, aborting does not", async () => {
  const server = await Scripted.open();
  const [call] = await begun(server);
  const closing = server.session.close({ graceMs: 100 });
  await failure(server.session.call(new Request(origin)), "closed", "no");
  await server.send(server.answer(1, "hello"));
  assert.equal(await (await call).text(), "hello");
  await closing;
  assert.deepEqual(server.told(), ["GOAWAY 0"]);
  await server.end();
  const cut = await Scripted.open();
  const [lost] = await begun(cut);
  cut.session.abort(new TransportError("closed", "Enough", { processed: "maybe" }));
  await failure(lost, "closed", "maybe");
  assert.equal((await cut.session.finished)?.message, "Enough");
  await cut.end();
});
