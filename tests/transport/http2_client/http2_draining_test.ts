/**
 * HTTP/2 on own sockets: what calls hear at the end of a connection that takes
 * no more, and what a server may do that only looks like a flood.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  goawayFrame,
  pingFrame,
  rstStreamFrame,
  settingsFrame,
  windowUpdateFrame,
} from "../../../src/framing/http2/http2_frame_writer.ts";
import { failure } from "../../support/calls.ts";
import { begun, bytesOf, origin, Scripted, settle } from "./_scripted.ts";

Deno.test("a call that a server going away has not taken may be sent again, though it was the last", async () => {
  const server = await Scripted.open();
  const [call] = await begun(server);
  await server.send(goawayFrame(0, 0));
  await failure(call, "draining", "no");
  await server.end();
});

Deno.test("a call that is refused on a connection that drains may be sent again", async () => {
  const server = await Scripted.open();
  const [call] = await begun(server);
  await server.send(goawayFrame(1, 0));
  await server.send(rstStreamFrame(1, 7));
  await failure(call, "overloaded", "no");
  await server.end();
});

Deno.test("a large upload may be given room for each of its frames", async () => {
  const server = await Scripted.open();
  const body = new Uint8Array(40 * 1024 * 1024);
  const call = server.session.call(new Request(origin, { method: "POST", body }));
  call.catch(() => {});
  await settle();
  let got = 0;
  while (got < body.length) {
    const frames = server.sent().filter(({ type }) => type === 0);
    assert.ok(frames.length > 0, `data goes on after ${got} bytes`);
    const updates: Uint8Array[] = [];
    for (const { payload } of frames) {
      got += payload.length;
      updates.push(windowUpdateFrame(0, payload.length), windowUpdateFrame(1, payload.length));
    }
    await server.send(bytesOf(...updates));
  }
  await server.send(server.answer(1, "ok"));
  assert.equal(await (await call).text(), "ok");
  await server.end();
});

Deno.test("a connection that was pinged does not keep the process alive", async () => {
  const server = await Scripted.open();
  await server.clock.advance(10);
  assert.equal(server.held, false);
  const ping = server.session.ping();
  assert.equal(server.held, true);
  await server.clock.advance(10);
  assert.equal(server.held, true);
  const [asked] = server.sent().filter(({ type }) => type === 6);
  await server.send(pingFrame(asked.payload, true));
  assert.equal(await ping, 10);
  await server.clock.advance(10);
  assert.equal(server.held, false);
  await server.end();
});

Deno.test("a response that is reset at once has been worked on", async () => {
  const server = await Scripted.open();
  const [call] = await begun(server);
  await server.send(bytesOf(server.head(1), rstStreamFrame(1, 8)));
  await failure(call, "connection-lost", "yes");
  await server.end();
});

Deno.test("a call that finds no room behind a redirect has been worked on", async () => {
  const server = await Scripted.open();
  const [call] = await begun(server);
  const redirect = server.head(1, [[":status", "307"], ["location", `${origin}/there`]], true);
  await server.send(bytesOf(settingsFrame([[3, 0]]), redirect));
  await failure(call, "too-many-calls", "maybe");
  await server.end();
});
