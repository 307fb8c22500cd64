/**
 * Clients of sse() that stop reading for good, and what a server keeps of
 * them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, ManualClock, sse, TransportError } from "../../../mod.ts";
import { Recorder, until, untilStill } from "../../support/channels.ts";
import { mountedForm, opened, statusOf } from "./_sse_by_hand.ts";

const times = { heartbeatMs: 1000, livenessMs: 400, resumeWindowMs: 5000, lingerMs: 200 };
const sentBytes = 30 * 1024 * 1024;

Deno.test("the connection of a client that neither reads nor speaks is closed, and what waits for it with it", async () => {
  const clock = new ManualClock();
  let channel: Channel | undefined;
  const recorder = new Recorder();
  const listener = await sse({ port: 0, clock, ...times, maxBufferedBytes: 2 * sentBytes }).listen((accepted) => {
    channel = accepted;
    accepted.receive(recorder);
  });
  using conn = await Deno.connect({ port: listener.addr.port! });
  await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: x\r\nwireway-version: 1\r\n\r\n"));
  await until(() => channel !== undefined, "the channel");
  for (let sent = 0; sent < sentBytes; sent += 65_536) void channel!.send(new Uint8Array(65_536));
  await untilStill(() => 0);
  await clock.advance(2000);
  assert.equal(recorder.closes, 0, "it may still come back");
  await clock.advance(5000);
  assert.equal(recorder.error?.details?.reason, "resume-window");
  assert.equal(channel!.bufferedBytes, 0);
  const buffer = new Uint8Array(1024 * 1024);
  let read = 0;
  for (let count: number | null = 0; count !== null; read += count ?? 0) {
    count = await conn.read(buffer).catch(() => null);
  }
  assert.ok(read < sentBytes / 2, `${read} bytes came: nothing was sent after the end`);
  await listener.close();
  assert.equal(clock.pending, 0);
});

Deno.test("a reader that is behind at the end has a little time for the rest", async () => {
  for (const reads of [true, false]) {
    const clock = new ManualClock();
    const server = await mountedForm.start({ clock, ...times });
    const hand = await opened(server);
    const [channel] = server.channels;
    for (let i = 0; i < 20; i++) void channel.send("x".repeat(100_000));
    await clock.advance(0);
    channel.abort(new TransportError("cancelled", "Enough"));
    const over = (): boolean => hand.events.some(({ event }) => event === "abort");
    if (reads) assert.equal(await hand.until(over), true);
    await clock.advance(200);
    if (!reads) assert.equal(await hand.until(over), false);
    assert.equal(clock.pending, 0);
    await server.end();
  }
});

Deno.test("only so many channels that are over are remembered", async () => {
  const server = await mountedForm.start({ maxChannels: 2 });
  const gone = [];
  for (let i = 0; i < 3; i++) {
    const hand = await opened(server);
    await statusOf(server.fetch({ method: "DELETE", headers: { "wireway-channel": hand.id } }));
    gone.push(hand);
  }
  const statuses = [];
  for (const hand of gone) statuses.push(await statusOf(hand.post(undefined)));
  assert.deepEqual(statuses, [404, 410, 410]);
  for (const hand of gone) await hand.leave();
  await server.end();
});
