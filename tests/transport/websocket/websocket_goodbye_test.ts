/**
 * What a WebSocket client is told where its server ends the connection for a
 * reason: under calls, and when the server ends.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  batch,
  chain,
  type ChannelTransport,
  compress,
  heartbeat,
  ManualClock,
  mux,
  platformWebSocket,
  serve,
  TransportError,
  websocket,
} from "../../../mod.ts";
import { until, within } from "../../support/channels.ts";

/** The platform's client, once it is open, and its end. */
async function native(port: number): Promise<{ socket: WebSocket; closed: Promise<CloseEvent> }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  return { socket, closed };
}

Deno.test("a peer whose hello is wrong is told so: 1002, and why", async () => {
  const server = await serve(chain(websocket({ port: 0 }), mux()), (request) => request);
  const { socket, closed } = await native(server.addr.port!);
  socket.send(new Uint8Array([1, 2, 3]));
  const { code, reason } = await within(closed, "the goodbye");
  assert.equal(code, 1002);
  assert.match(reason, /its first message is no hello but 3 bytes: 01 02 03/);
  await server.shutdown();
});

Deno.test("clients that are still there when the grace is over are told: 1001, and why", async () => {
  const clock = new ManualClock();
  const wire = chain(websocket({ port: 0, clock }), mux({ clock, helloTimeoutMs: 3_600_000 }));
  const server = await serve(wire, (request) => request);
  const { closed } = await native(server.addr.port!);
  let over = false;
  const end = closed.then(() => over = true);
  const shutdown = server.shutdown({ graceMs: 1000 });
  await until(() => {
    // The grace begins when the port is closed.
    void clock.advance(1000);
    return over;
  }, "the goodbye");
  await end;
  const { code, reason } = await within(closed, "the goodbye");
  assert.equal(code, 1001);
  assert.match(reason, /grace of 1000 ms is over/);
  await within(shutdown, "the end");
});

Deno.test("a mounted server tells a peer whose hello is wrong so, too", async () => {
  const wire = platformWebSocket();
  const server = await serve(chain(wire, mux()), (request) => request);
  const http = Deno.serve({ port: 0, onListen() {} }, wire.fetch);
  const { socket, closed } = await native(http.addr.port);
  socket.send(new Uint8Array([1, 2, 3]));
  const { code, reason } = await within(closed, "the goodbye");
  assert.equal(code, 1002);
  assert.match(reason, /its first message is no hello/);
  await server.shutdown();
  await http.shutdown();
});

Deno.test("what a peer is told goes through what stands between", async () => {
  const between = (wire: ChannelTransport) => chain(wire, heartbeat(), compress(), batch());
  const listener = await between(websocket({ port: 0 })).listen((channel) => {
    channel.receive({
      message: () => void channel.close(new TransportError("invalid-request", "Not like this")),
      end: () => {},
      closed: () => {},
    });
  });
  const channel = await between(websocket({ port: listener.addr.port })).dial();
  const end = Promise.withResolvers<TransportError | undefined>();
  channel.receive({ message: () => {}, end: () => void channel.close(), closed: end.resolve });
  await channel.send("hello");
  const error = await within(end.promise, "the goodbye");
  assert.deepEqual(error?.details, { closeCode: 1008, reason: "Not like this" });
  await listener.close();
});
