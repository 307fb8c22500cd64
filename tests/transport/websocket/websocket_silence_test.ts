/**
 * websocket() and peers that fall silent: in the opening handshake, in the middle
 * of a frame, or behind a network that swallows everything. The sockets are real
 * and the clock is moved by hand.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, ManualClock, type TransportError, type TransportEvent, websocket } from "../../../mod.ts";
import type { WebSocketOptions } from "../../../mod.ts";
import { encode, text } from "../../autobahn/_wire.ts";
import { Recorder, turn, until, within } from "../../support/channels.ts";
import { faultProxy } from "../../support/fault_proxy.ts";
import { readAll } from "../_echo.ts";
import { upgradeLines } from "./_websocket_raw.ts";

const second = 1000;
const encoder = new TextEncoder();
const request = encoder.encode(`${upgradeLines.join("\r\n")}\r\n\r\n`);

/** A server on a clock of its own, which echoes. */
async function served(options: Partial<WebSocketOptions> = {}) {
  const clock = new ManualClock();
  const events: TransportEvent[] = [];
  const recorders: Recorder[] = [];
  const observer = (event: TransportEvent): void => void events.push(event);
  const listener = await websocket({ ...options, port: 0, clock, observer }).listen((channel: Channel) => {
    const recorder = new Recorder((message) => channel.send(message));
    recorders.push(recorder);
    channel.receive({
      message: (message) => recorder.message(message),
      end: () => void channel.close(),
      closed: (error) => recorder.closed(error),
    });
  });
  return { clock, events, recorders, listener, port: listener.addr.port! };
}

for (const side of ["server", "client"] as const) {
  Deno.test(`a ${side} finds a peer behind a blackhole by its heartbeat`, async () => {
    const clock = new ManualClock();
    const limits = { clock, heartbeatMs: 10 * second, livenessMs: 5 * second };
    const server = new Recorder((message) => accepted.send(message));
    let accepted: Channel;
    const listener = await websocket({ port: 0, ...side === "server" ? limits : {} }).listen((channel) => {
      accepted = channel;
      channel.receive(server);
    });
    await using proxy = await faultProxy({ upstreamPort: listener.addr.port! });
    const channel = await websocket({ port: proxy.port, ...side === "client" ? limits : {} }).dial();
    const client = new Recorder();
    channel.receive(client);
    channel.send("hello");
    await client.count(1);
    const watched = side === "server" ? server : client;

    // A peer that answers is kept, however long it has nothing to say.
    for (let i = 0; i < 5; i++) {
      const before = listener.counters.bytesIn + listener.counters.bytesOut;
      await clock.advance(10 * second);
      await until(() => listener.counters.bytesIn + listener.counters.bytesOut >= before + 8, "a ping and a pong");
      await turn();
    }
    assert.equal(watched.closes, 0);

    proxy.pause();
    await clock.advance(10 * second);
    await clock.advance(5 * second - 1);
    assert.equal(watched.closes, 0);
    await clock.advance(1);
    const error = await watched.over();
    assert.equal(error?.code, "connection-lost");
    assert.match(error.message, /gave no sign of life within 5000 ms$/);
    proxy.cutAll("reset");
    await Promise.all([client.over(), server.over(), listener.close()]);
    assert.equal(clock.pending, 0, "no timer is left");
  });
}

/** What a slow client sends, and how long it takes for each piece. */
const slow: Record<string, Uint8Array[]> = {
  "says nothing": [],
  "sends half a head": [request.subarray(0, 60)],
  "sends a head byte by byte": [...request.subarray(0, 80)].map((byte) => Uint8Array.of(byte)),
};
for (const [what, pieces] of Object.entries(slow)) {
  Deno.test(`a client that ${what} is closed when its time is over, and nobody else`, async () => {
    const { clock, events, recorders, listener, port } = await served({ connectTimeoutMs: 10 * second });
    const good = await websocket({ port }).dial();
    const recorder = new Recorder();
    good.receive(recorder);
    const conn = await Deno.connect({ port });
    const ended = readAll(conn);
    await until(() => clock.pending > 0, "the connection's time");
    // Each byte comes in time, all of them do not.
    const stepMs = Math.floor(9 * second / Math.max(1, pieces.length));
    for (const piece of pieces) {
      await conn.write(piece);
      await turn();
      await clock.advance(stepMs);
    }
    assert.equal(listener.counters.connectionsRefused, 0);
    await clock.advance(10 * second);
    await within(ended, "the end of the slow one");
    conn.close();
    await until(() => listener.counters.connectionsRefused === 1, "the refusal");
    assert.ok(events.some((event) => event.type === "connection-refused"));
    good.send("still there?");
    await recorder.count(1);
    await Promise.all([
      good.close(),
      recorders[0].over(),
      listener.close(),
    ]);
  });
}

Deno.test("a client gives up on a server that answers with half a head", async () => {
  const clock = new ManualClock();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dial = websocket({ port: listener.addr.port, clock, connectTimeoutMs: 10 * second }).dial();
  const rejected = assert.rejects(dial, { code: "connect-timeout" });
  using conn = await listener.accept();
  await conn.write(encoder.encode("HTTP/1.1 101 Switching Proto"));
  await turn();
  await clock.advance(10 * second);
  await within(rejected, "the end of the dial");
  assert.equal(clock.pending, 0);
});

Deno.test("a frame that is begun and not finished ends the connection in time", async () => {
  const { clock, recorders, listener, port } = await served({ frameTimeoutMs: 5 * second });
  using conn = await Deno.connect({ port });
  await conn.write(request);
  await until(() => recorders.length === 1, "the connection");
  await conn.write(encode([text("hello")], true).subarray(0, 8));
  await until(() => listener.counters.bytesIn > 0, "the piece");
  await turn();
  await clock.advance(5 * second);
  const error: TransportError | undefined = await recorders[0].over();
  assert.equal(error?.code, "protocol");
  assert.match(error.message, /began a frame and did not finish it within 5000 ms$/);
  await readAll(conn);
  await listener.close();
});
