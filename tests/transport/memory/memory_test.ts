/**
 * memory(): what it shares with no other transport, and ends that linger.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock, memory, TransportError, type TransportEvent } from "../../../mod.ts";
import { join, numbered, part, Recorder, turn } from "../../support/channels.ts";

Deno.test("memory() hands over the very message that was sent, in a later turn", async () => {
  const pair = await join(memory());
  const [near, far] = [new Recorder(), new Recorder()];
  pair.near.receive(near);
  pair.far.receive(far);
  const message = numbered(1, 100);
  void pair.near.send(message);
  assert.equal(far.messages.length, 0);
  await far.count(1);
  assert.equal(far.messages[0], message);
  void pair.near.send("text stays text");
  await far.count(2);
  assert.equal(far.messages[1], "text stays text");
  await part(pair, near, far);
});

Deno.test("memory() reaches only what listens on the same value", async () => {
  const [one, other] = [memory({ name: "same" }), memory({ name: "same" })];
  const listener = await one.listen((channel) => void channel.close());
  assert.deepEqual(listener.addr, { transport: "memory", path: "same" });
  await assert.rejects(other.dial(), {
    code: "connect-failed",
    message: "Cannot connect to same: nothing listens there",
  });
  await listener.close();
});

Deno.test("memory() keeps what was sent before close() for a peer that pauses longer than lingerMs", async () => {
  const clock = new ManualClock();
  const pair = await join(memory({ clock, lingerMs: 2000 }));
  const gate = Promise.withResolvers<void>();
  const [near, far] = [new Recorder(), new Recorder(() => gate.promise)];
  pair.near.receive(near);
  pair.far.receive(far);
  for (let i = 0; i < 10; i++) void pair.near.send(numbered(i, 10));
  const closing = pair.near.close();
  await far.count(1);
  await clock.advance(2000);
  await closing;
  near.checkOver();
  assert.equal(near.error, undefined);
  gate.resolve();
  await far.until(() => far.ends === 1, "the end");
  assert.equal(far.messages.length, 10);
  await pair.far.close();
  assert.equal(far.error, undefined);
  assert.equal(clock.pending, 0);
  await part(pair, near, far);
});

Deno.test("memory() loses a connection whose peer has not waited any longer, as soon as it is sent to", async () => {
  const clock = new ManualClock();
  const pair = await join(memory({ clock, lingerMs: 2000 }));
  const [near, far] = [new Recorder(), new Recorder()];
  pair.near.receive(near);
  pair.far.receive(far);
  void pair.near.close();
  await far.until(() => far.ends === 1, "the end");
  void pair.far.send("still heard");
  await near.count(1);
  await clock.advance(2000);
  near.checkOver();
  assert.equal(far.closes, 0);
  assert.throws(() => pair.far.send("heard no more"), { code: "closed" });
  far.checkOver();
  assert.equal(far.error?.code, "connection-lost");
  assert.equal(pair.far.bufferedBytes, 0, "nothing is kept for a peer that is gone");
  await part(pair, near, far);
});

Deno.test("memory() lets a sender go that waits for a peer which never reads", async () => {
  const clock = new ManualClock();
  const pair = await join(memory({ clock, lingerMs: 2000, highWaterBytes: 100 }));
  const near = new Recorder();
  pair.near.receive(near);
  const room = pair.near.send(numbered(1, 1000));
  assert.ok(room instanceof Promise);
  void pair.near.close();
  await clock.advance(2000);
  await room;
  near.checkOver();
  const far = new Recorder();
  pair.far.receive(far);
  await far.until(() => far.ends === 1, "the end");
  assert.equal(far.messages.length, 1);
  await part(pair, near, far);
});

Deno.test("memory() keeps messages before it has a receiver, and lets their place go after they are handed out", async () => {
  const pair = await join(memory({ highWaterBytes: 1e6, maxBufferedBytes: 1e6 }));
  const [near, far] = [new Recorder(), new Recorder()];
  pair.near.receive(near);
  for (let i = 0; i < 100; i++) void pair.near.send(numbered(i, 10));
  await turn();
  assert.ok(pair.near.bufferedBytes >= 1000);
  pair.far.receive(far);
  await far.count(100);
  assert.equal(pair.near.bufferedBytes, 0);
  await part(pair, near, far);
});

Deno.test("memory() tells of connections that are refused for being too many", async () => {
  const events: TransportEvent["type"][] = [];
  const transport = memory({ maxConnections: 1, observer: ({ type }) => events.push(type) });
  const listener = await transport.listen((channel) => channel.receive(new Recorder()));
  const channel = await transport.dial();
  await assert.rejects(transport.dial(), { code: "connect-failed" });
  assert.deepEqual(events, ["connection-opened", "connection-opened", "connection-refused"]);
  assert.equal(listener.counters.connectionsRefused, 1);
  channel.receive(new Recorder());
  channel.abort(new TransportError("cancelled", "Test over"));
  await listener.close();
});
