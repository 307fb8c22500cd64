/**
 * Signs of life of mux() sessions.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { deadlinesOf } from "../../src/core/mod.ts";
import { dialFake } from "./_fake_peer.ts";
import { pingFrame, pongFrame } from "./_frames.ts";
import { joined } from "./_joined.ts";
import { isPending, rejection, resolution } from "./_settle.ts";

Deno.test("a ping resolves with the round trip", async () => {
  const { session, channel, clock } = await dialFake();
  const ping = session.ping();
  const [sent] = channel.taken();
  assert.match(sent, /^06........$/);
  await clock.advance(35);
  await isPending(ping);
  channel.deliver(Uint8Array.fromHex(`07${sent.slice(2)}`));
  assert.equal(await resolution(ping), 35);
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("pings are told apart by their numbers", async () => {
  const { session, channel, clock } = await dialFake();
  const first = session.ping();
  await clock.advance(10);
  const second = session.ping();
  const [one, two] = channel.taken();
  assert.notEqual(one, two);
  await clock.advance(10);
  channel.deliver(Uint8Array.fromHex(`07${two.slice(2)}`));
  assert.equal(await resolution(second), 10);
  await isPending(first);
  channel.deliver(Uint8Array.fromHex(`07${one.slice(2)}`));
  assert.equal(await resolution(first), 20);
});

Deno.test("the peer's pings are answered with their number", async () => {
  const { channel } = await dialFake();
  channel.deliver(pingFrame(0xdead_beef));
  assert.deepEqual(channel.taken(), ["07deadbeef"]);
});

Deno.test("a ping that nobody answers is rejected in time, and a late answer changes nothing", async () => {
  const { session, channel, clock } = await dialFake({ pingTimeoutMs: 300 });
  const ping = session.ping();
  const [sent] = channel.taken();
  await clock.advance(299);
  await isPending(ping);
  await clock.advance(1);
  assert.match((await rejection(ping, "deadline-exceeded")).message, /did not answer within 300 ms/);
  channel.deliver(Uint8Array.fromHex(`07${sent.slice(2)}`));
  channel.deliver(pongFrame(12345));
  assert.equal(session.state, "open");
});

Deno.test("both ends ping each other while calls run", async () => {
  const { session, accepted } = await joined(() => new Promise<Uint8Array>(() => {}));
  void session.call(new Uint8Array(1));
  assert.deepEqual(await resolution(Promise.all([session.ping(), accepted.ping()])), [0, 0]);
});

Deno.test("a ping is answered while the session drains", async () => {
  const { session, channel } = await dialFake();
  void session.close();
  channel.taken();
  channel.deliver(pingFrame(1));
  assert.deepEqual(channel.taken(), ["0700000001"]);
});
