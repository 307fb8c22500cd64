/**
 * WebSocket: clients on whom nobody decides keep no place.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type Channel,
  type Listener,
  ManualClock,
  platformWebSocket,
  type TransportEvent,
  websocket,
} from "../../../mod.ts";
import { until } from "../../support/channels.ts";
import { openRaw, raw, upgradeLines } from "./_websocket_raw.ts";

const ends = (channel: Channel): void => channel.receive({ message: () => {}, end: () => {}, closed: () => {} });

Deno.test("websocket() gives up a client on whom nobody decides in time, and its place", async () => {
  const clock = new ManualClock();
  const events: TransportEvent[] = [];
  let asked = 0;
  const letIn = Promise.withResolvers<boolean>();
  const listener = await websocket({
    port: 0,
    clock,
    maxConnections: 1,
    connectTimeoutMs: 100,
    authenticate: () => ++asked === 1 ? letIn.promise : Promise.resolve(false),
    observer: (event) => events.push(event),
  }).listen(ends);
  const port = listener.addr.port!;
  const hanging = await openRaw(port, upgradeLines);
  await until(() => asked === 1, "the question");
  await clock.advance(100);
  assert.equal(await hanging.read(new Uint8Array(1)).catch(() => null), null);
  hanging.close();
  await until(() => events.length === 1, "the refusal");
  const [refusal] = events;
  assert.ok(refusal.type === "connection-refused" && /not open after 100 ms/.test(refusal.error.message));
  assert.match((await raw(port, upgradeLines)).head, /^HTTP\/1\.1 401/);
  letIn.resolve(true);
  await until(() => events.length === 2, "the other refusal");
  assert.equal(listener.counters.connectionsOpen, 0);
  assert.equal(listener.counters.connectionsAccepted, 0);
  await listener.close();
  assert.equal(clock.pending, 0);
});

Deno.test("websocket() lets go of a client on whom nobody decides when its listener is closed", async () => {
  const clock = new ManualClock();
  let asked = false;
  const transport = websocket({
    port: 0,
    clock,
    authenticate: () => {
      asked = true;
      return new Promise<boolean>(() => {});
    },
  });
  const listener: Listener = await transport.listen(ends);
  const hanging = await openRaw(listener.addr.port!, upgradeLines);
  await until(() => asked, "the question");
  await listener.close();
  assert.equal(await hanging.read(new Uint8Array(1)).catch(() => null), null);
  hanging.close();
  await until(() => clock.pending === 0, "the end of the timer");
});

Deno.test("platformWebSocket() gives up a client on whom nobody decides in time, and its place", async () => {
  const clock = new ManualClock();
  let asked = 0;
  const socket = platformWebSocket({
    clock,
    maxConnections: 1,
    connectTimeoutMs: 100,
    authenticate: () => ++asked === 1 ? new Promise<boolean>(() => {}) : false,
  });
  const listener = await socket.listen(ends);
  const [, ...lines] = upgradeLines;
  const headers = new Headers(lines.map((line) => line.split(": ") as [string, string]));
  const request = (): Request => new Request("http://127.0.0.1/", { headers });
  const first = socket.fetch(request());
  await until(() => asked === 1, "the question");
  await clock.advance(100);
  assert.equal((await first).status, 503);
  assert.equal((await socket.fetch(request())).status, 401);
  await listener.close();
  assert.equal(clock.pending, 0);
});
