/**
 * Channels of platformWebSocket() on a socket that the test plays: what no
 * real one does at will.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type Channel,
  deadlinesOf,
  ManualClock,
  platformWebSocket,
  type PlatformWebSocketOptions,
  TransportError,
} from "../../../mod.ts";
import { Recorder } from "../../support/channels.ts";

/** The part of a WebSocket that is used. */
class ScriptedSocket extends EventTarget {
  binaryType = "blob";
  protocol = "";
  readyState = 0;
  bufferedAmount = 0;
  readonly sent: unknown[] = [];
  readonly closes: [number?, string?][] = [];

  send(message: string | Uint8Array): void {
    this.sent.push(message);
    this.bufferedAmount += message.length;
  }

  close(code?: number, reason?: string): void {
    this.closes.push([code, reason]);
  }

  tell(type: string, fields: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(type), fields));
  }
}

/** A channel on a scripted socket. */
async function scripted(options: PlatformWebSocketOptions = {}, signal?: AbortSignal): Promise<{
  socket: ScriptedSocket;
  clock: ManualClock;
  channel: Channel;
}> {
  const socket = new ScriptedSocket();
  const clock = new ManualClock();
  const createWebSocket = (): WebSocket => socket as unknown as WebSocket;
  const dial = platformWebSocket({ url: "ws://a/", clock, ...options, createWebSocket }).dial({ signal });
  socket.tell("open");
  return { socket, clock, channel: await dial };
}

Deno.test("a sender waits until the platform has sent half of the high-water mark", async () => {
  const { socket, clock, channel } = await scripted({ highWaterBytes: 1000 });
  channel.receive(new Recorder());
  assert.equal(channel.send(new Uint8Array(500)), undefined);
  let isFree = false;
  void (channel.send(new Uint8Array(800)) as Promise<void>).then(() => isFree = true);
  assert.equal(channel.bufferedBytes, 1300);
  await clock.advance(200);
  assert.equal(isFree, false);
  socket.bufferedAmount = 501;
  await clock.advance(40);
  assert.equal(isFree, false);
  socket.bufferedAmount = 300;
  await clock.advance(40);
  assert.equal(isFree, true);
  await clock.advance(1000);
  assert.equal(clock.pending, 0, "nobody waits, so nobody asks");
  socket.tell("close", { code: 1000, reason: "" });
});

Deno.test("a close waits until the platform has sent all, then says goodbye, and ends without the peer's in time", async () => {
  const { socket, clock, channel } = await scripted({ lingerMs: 1000 });
  const recorder = new Recorder();
  channel.receive(recorder);
  void channel.send(new Uint8Array(5000));
  const closed = channel.close();
  await clock.advance(900);
  assert.deepEqual(socket.closes, []);
  socket.bufferedAmount = 2000;
  await clock.advance(900);
  assert.equal(recorder.closes, 0, "a peer that takes more is waited for");
  socket.bufferedAmount = 0;
  await clock.advance(100);
  assert.deepEqual(socket.closes, [[1000, ""]]);
  await clock.advance(1000);
  await closed;
  assert.equal(recorder.error, undefined);
  recorder.checkOver();
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("a peer that takes nothing of what was sent before a close is a lost connection", async () => {
  const { clock, channel } = await scripted({ lingerMs: 1000 });
  const recorder = new Recorder();
  channel.receive(recorder);
  void channel.send(new Uint8Array(5000));
  const closed = channel.close();
  await clock.advance(1000);
  await closed;
  assert.match(recorder.error!.message, /took none of the last 5000 bytes within 1000 ms/);
});

Deno.test("a connection that breaks off after the goodbye has ended in order", async () => {
  const { socket, channel } = await scripted();
  const recorder = new Recorder();
  channel.receive(recorder);
  const closed = channel.close();
  socket.tell("close", { code: 1006, reason: "" });
  await closed;
  assert.equal(recorder.error, undefined);
});

Deno.test("what has come before the end is handed out before it, however long the receiver pauses", async () => {
  const { socket, channel } = await scripted();
  const gate = Promise.withResolvers<void>();
  const recorder = new Recorder(() => gate.promise);
  channel.receive(recorder);
  socket.tell("message", { data: "one" });
  socket.tell("close", { code: 3008, reason: "" });
  assert.equal(recorder.ends + recorder.closes, 0, "it pauses still");
  assert.throws(() => channel.send("x"), { code: "closed" });
  gate.resolve();
  assert.equal((await recorder.over())?.code, "deadline-exceeded");
  recorder.checkOver();
});

Deno.test("messages that come before anybody receives wait, in order", async () => {
  const { socket, channel } = await scripted();
  for (const data of ["one", "two"]) socket.tell("message", { data });
  const recorder = new Recorder();
  channel.receive(recorder);
  await recorder.count(2);
  socket.tell("message", { data: "three" });
  socket.tell("close", { code: 1000, reason: "" });
  await recorder.over();
  assert.deepEqual(recorder.messages, ["one", "two", "three"]);
});

Deno.test("a receiver that pauses again and again may be sent more than may wait at once", async () => {
  const { socket, channel } = await scripted({ maxMessageBytes: 1000, highWaterBytes: 0, maxBufferedBytes: 4000 });
  const recorder = new Recorder(() => Promise.resolve());
  channel.receive(recorder);
  for (let round = 1; round <= 10; round++) {
    for (let i = 0; i < 4; i++) socket.tell("message", { data: new ArrayBuffer(1000) });
    await recorder.count(4 * round);
  }
  for (let i = 0; i < 6; i++) socket.tell("message", { data: new ArrayBuffer(1000) });
  assert.equal(recorder.error?.code, "overloaded");
  assert.equal(socket.closes[0][0], 1013);
});

Deno.test("a signal that aborts after the dial does nothing to the channel", async () => {
  const controller = new AbortController();
  const { socket, channel } = await scripted({}, controller.signal);
  controller.abort();
  assert.deepEqual(socket.closes, []);
  channel.send("still here");
  socket.tell("close", { code: 1000, reason: "" });
});

Deno.test("a message that is neither text nor bytes ends the channel", async () => {
  const { socket, channel } = await scripted();
  const recorder = new Recorder();
  channel.receive(recorder);
  socket.tell("message", { data: new Blob([]) });
  assert.equal(recorder.error?.code, "unsupported");
});

Deno.test("close() after an abort waits until the platform has closed the socket", async () => {
  const { socket, clock, channel } = await scripted({ lingerMs: 1000 });
  channel.receive(new Recorder());
  channel.abort(new TransportError("cancelled", "given up"));
  let closed = false;
  const closing = channel.close().then(() => closed = true);
  await clock.advance(999);
  assert.equal(closed, false);
  socket.tell("close", { code: 1000, reason: "" });
  await closing;
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("close() after an abort waits no longer than lingerMs for a peer that does not answer", async () => {
  const { clock, channel } = await scripted({ lingerMs: 1000 });
  channel.receive(new Recorder());
  channel.abort(new TransportError("cancelled", "given up"));
  const closing = channel.close();
  await clock.advance(1000);
  await closing;
  assert.equal(deadlinesOf(clock).size, 0);
});

Deno.test("a dial that is given up has failed when the platform has closed its socket", async () => {
  const socket = new ScriptedSocket();
  const createWebSocket = (): WebSocket => socket as unknown as WebSocket;
  const giveUp = new AbortController();
  const clock = new ManualClock();
  const dial = platformWebSocket({ url: "ws://a/", clock, createWebSocket }).dial({ signal: giveUp.signal });
  let failed = false;
  dial.catch(() => failed = true);
  giveUp.abort();
  await clock.advance(100);
  assert.equal(failed, false);
  assert.equal(socket.closes.length, 1);
  socket.tell("close", { code: 1006, reason: "" });
  await assert.rejects(dial, { code: "cancelled" });
  assert.equal(deadlinesOf(clock).size, 0);
});
