/**
 * shape(): what is kept within bounds on both ends.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, ManualClock, shape, TransportError } from "../../mod.ts";
import { ShapeAssembly } from "../../src/channel/shape/shape_assembly.ts";
import { ShapeWindow } from "../../src/channel/shape/shape_window.ts";
import { hello, hex, raw } from "./_raw.ts";

const marker = 0xfc;
const over = new TransportError("cancelled", "Test over");
const unlimited = [255, 255, 255, 255];

Deno.test("shape() begins no large message that the peer has no room to put together", async () => {
  const clock = new ManualClock();
  const weights = [1, 1, 1, 1, 1, 1, 1];
  const { channel, peer, wire } = await raw((transport) =>
    chain(transport, shape({ clock, fragmentBytes: 1000, weights }))
  );
  await peer.send(hello(marker, ...unlimited, 0, 0, 5000 >> 8, 5000 & 255));
  await clock.advance(0);
  const sizes = [0, 2000, 3000, 4000];
  for (const className of [3, 2, 1]) void channel.send(new Uint8Array(sizes[className]), className);
  void channel.send(new Uint8Array(900), 7);
  await clock.advance(0);
  let begun = 0;
  let most = 0;
  let fragments = 0;
  for (const message of wire.messages.slice(1) as Uint8Array[]) {
    if (message.length === 900) continue;
    fragments++;
    const size = sizes[message[2] & 31];
    if ((message[2] & 0x80) !== 0) begun += size;
    most = Math.max(most, begun);
    if ((message[2] & 0x40) !== 0) begun -= size;
  }
  assert.equal(fragments, 9);
  assert.ok(most >= 4000 && most <= 5000, `messages of ${most} bytes were begun`);
  channel.abort(over);
});

Deno.test("shape() says what has arrived after 4096 bytes, and after 64 messages without a byte", async () => {
  const clock = new ManualClock();
  const { channel, peer, wire } = await raw((transport) => chain(transport, shape({ clock })));
  await peer.send(hello(marker, ...unlimited, ...unlimited));
  for (let i = 0; i < 64; i++) void peer.send(new Uint8Array(0));
  await wire.count(2);
  assert.equal(hex(wire.messages[1]), "fc 03 00 00 00 40");
  void peer.send(new Uint8Array(4095));
  void peer.send("x");
  await wire.count(3);
  assert.equal(hex(wire.messages[2]), "fc 03 00 00 00 42");
  channel.abort(over);
});

Deno.test("shape() frees the room of each message that is whole", () => {
  const assembly = new ShapeAssembly(5000, 5000);
  for (let i = 0; i < 20; i++) {
    assert.equal(assembly.add(0x80 | 3, new Uint8Array(2000)), undefined);
    assert.equal(assembly.add(0x40 | 3, new Uint8Array(2000))?.length, 4000);
  }
});

Deno.test("shape() does not open its window for a sender that does not use it", () => {
  const window = new ShapeWindow(32_768, 1 << 20, 8192);
  let arrived = 0;
  for (let i = 0; i < 50; i++) {
    window.sent(5000, true, i * 10);
    assert.equal(window.acknowledged(++arrived, i * 10 + 10), true);
  }
  assert.equal(window.bytes, 65_536);
  assert.equal(window.inFlight, 0);
  for (let i = 0; i < 8; i++) window.sent(5000, i === 0, 1000);
  assert.equal(window.acknowledged(arrived + 8, 1010), true);
  assert.equal(window.bytes, 131_072);
  assert.equal(window.acknowledged(arrived + 7, 1010), false, "fewer than before is more than were sent");
});

Deno.test("shape() measures no round trip that its own receiver has held up", () => {
  const window = new ShapeWindow(32_768, 1 << 20, 8192);
  for (let i = 0; i < 3; i++) {
    window.sent(40_000, true, i * 10);
    window.acknowledged(i + 1, i * 10 + 1);
  }
  const { bytes } = window;
  window.sent(40_000, true, 100);
  window.forgetProbe();
  window.acknowledged(4, 5000);
  assert.equal(window.bytes, bytes);
  assert.equal(window.roundTripMs, 1);
});

Deno.test("shape() says hello with its rate and bounds, and refuses options that make no sense", async () => {
  const { channel, wire } = await raw((transport) =>
    chain(transport, shape({ downBytesPerSecond: 1000, maxAssemblyBytes: 1 << 26 }))
  );
  await wire.count(1);
  assert.equal(hex(wire.messages[0]), "fc 01 77 77 01 01 00 00 03 e8 04 00 00 00");
  channel.abort(over);
  const bad = [{ upBytesPerSecond: 0 }, { weights: [1, 2] }, { weights: [1, 1, 1, 1, 1, 1, 0] }, {
    fragmentBytes: 1 << 20,
  }];
  for (const options of bad) assert.throws(() => shape(options), { code: "invalid-option" });
});
