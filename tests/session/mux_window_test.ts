/**
 * mux() over the platform's WebSocket with a peer that takes nothing up: its
 * sender stops, and goes on without a loss.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Handler, mux, serve } from "../../mod.ts";
import { numbered, sameBytes, until, untilStill } from "../support/channels.ts";
import { type MountedServer, mountedServer, platformDialler } from "../support/mounted.ts";
import { callFrame, creditFrame, helloFrame } from "./_frames.ts";

const replyBytes = 50_000;
const windowBytes = 300_000;

/** A client that speaks mux by hand, on the platform's object, and gives credit only when it is told to. */
async function byHand(server: MountedServer): Promise<{ socket: WebSocket; received: Uint8Array[] }> {
  const socket = new WebSocket(server.url);
  socket.binaryType = "arraybuffer";
  const received: Uint8Array[] = [];
  socket.onmessage = ({ data }) => received.push(new Uint8Array(data));
  await new Promise((resolve) => socket.onopen = resolve);
  socket.send(helloFrame({ version: 2, windowBytes, needsCredits: true }) as Uint8Array<ArrayBuffer>);
  return { socket, received };
}

async function end(socket: WebSocket): Promise<void> {
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
}

Deno.test("replies to a peer that gives no credit stop at its window, new work with them, and all come later", async () => {
  const mounted = mountedServer();
  let made = 0;
  const handler: Handler<Uint8Array, Uint8Array> = (request) => {
    made++;
    return numbered(request[3], replyBytes);
  };
  const server = await serve(mux()(mounted.onPort), handler, { graceMs: 100 });
  const { socket, received } = await byHand(mounted);
  const calls = 200;
  for (let id = 0; id < calls; id++) socket.send(callFrame(id, [...numbered(id, 4)]) as Uint8Array<ArrayBuffer>);
  const replies = (): Uint8Array[] => received.filter(([kind]) => kind === 3);
  const before = await untilStill(() => received.length);
  assert.ok(replies().length * replyBytes < windowBytes + replyBytes, `${replies().length} replies without credit`);
  assert.ok(replies().length >= 6);
  assert.ok(made <= replies().length + 1, `${made} replies were made`);
  while (replies().length < calls) {
    const have = replies().length;
    socket.send(creditFrame(replyBytes + 5 + 64) as Uint8Array<ArrayBuffer>);
    await until(() => replies().length > have, "another reply");
  }
  assert.ok(before < calls);
  const seen = new Set(
    replies().map((frame) => {
      sameBytes(frame.subarray(5), numbered(frame[4], replyBytes), `reply ${frame[4]}`);
      return frame[4];
    }),
  );
  assert.equal(seen.size, calls);
  assert.equal(server.calls.failed, 0);
  await end(socket);
  await server.shutdown();
  await mounted.end();
});

Deno.test("calls far larger than the windows of both ends are all answered, in order", async () => {
  const mounted = mountedServer();
  const dialler = platformDialler();
  const taken: number[] = [];
  const server = await serve(mux({ windowBytes })(mounted.onPort), (request) => {
    taken.push(request[3]);
    return new Uint8Array(request.length);
  }, { graceMs: 1000 });
  const session = await mux({ windowBytes: 10_000 })(dialler.dialTo(mounted.url)).dial();
  const calls = Array.from({ length: 250 }, (_, i) => session.call(numbered(i, 40_000)));
  const replies = await Promise.all(calls);
  assert.ok(replies.every(({ length }) => length === 40_000));
  assert.deepEqual(taken, Array.from({ length: 250 }, (_, i) => i));
  await session.close();
  await server.shutdown();
  await mounted.end();
  await dialler.end();
});

Deno.test("a sender to a peer that takes nothing up is asked to wait, at a bounded number of bytes", async () => {
  const mounted = mountedServer();
  const sessions: { send(request: Uint8Array): void | Promise<void> }[] = [];
  const server = await serve(mux()(mounted.onPort), (request) => request, {
    graceMs: 0,
    onSession: (session) => sessions.push(session),
  });
  const { socket, received } = await byHand(mounted);
  await until(() => sessions.length === 1, "the session");
  let sent = 0;
  const sending = (async () => {
    for (; sent < 100; sent++) await sessions[0].send(numbered(sent, 30_000));
  })();
  const stoppedAt = await untilStill(() => sent);
  assert.ok(stoppedAt * 30_000 < windowBytes + 30_000, `${stoppedAt} messages were sent`);
  for (let i = 0; i < 100; i++) {
    await until(() => received.length > 1 + i, `message ${i}`);
    sameBytes(received[1 + i].subarray(1), numbered(i, 30_000), `message ${i}`);
    socket.send(creditFrame(30_000 + 1 + 64) as Uint8Array<ArrayBuffer>);
  }
  await sending;
  await end(socket);
  await server.shutdown();
  await mounted.end();
});
