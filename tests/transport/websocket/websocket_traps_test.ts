/**
 * What went wrong in WebSocket servers of others, each test named after it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, ManualClock, websocket } from "../../../mod.ts";
import { until, within } from "../../support/channels.ts";
import { openRaw, upgradeLines } from "./_websocket_raw.ts";

Deno.test("denoland/deno#25792: a peer that reads nothing keeps a listener from ending no longer than lingerMs", async () => {
  const clock = new ManualClock();
  const channels: Channel[] = [];
  const listener = await websocket({ port: 0, clock, lingerMs: 2000 }).listen((channel) => {
    channels.push(channel);
    channel.receive({ message: () => {}, end: () => {}, closed: () => {} });
  });
  const rude = await openRaw(listener.addr.port!, upgradeLines);
  await until(() => channels.length === 1, "the connection");
  // More than the system takes for a peer that does not read.
  void channels[0].send(new Uint8Array(16 * 1024 * 1024));
  const ended = Promise.all([channels[0].close(), listener.close()]);
  let over = false;
  void ended.then(() => over = true);
  await clock.advance(1999);
  assert.equal(over, false);
  while (!over && clock.pending > 0) await clock.advance(2000);
  await within(ended, "the listener's end");
  assert.equal(listener.counters.connectionsOpen, 0);
  rude.close();
});
