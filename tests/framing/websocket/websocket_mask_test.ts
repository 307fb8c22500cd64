/**
 * The masking of WebSocket payloads.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { copyMasked, maskInPlace, newMask } from "../../../src/framing/websocket/websocket_mask.ts";
import { Random } from "../../support/random.ts";
import { equal } from "../_feed.ts";
import { hex, unhex, utf8 } from "./websocket_feed.ts";

const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 19, 20, 21, 22, 23, 24, 25, 31, 63, 64, 65, 127, 1000, 4099];
const mask = 0x8f3d_a1b7 | 0;

/** By the letter of the RFC: octet i is masked with octet i modulo 4 of the key. */
const plain = (bytes: Uint8Array, phase: number): Uint8Array =>
  bytes.map((byte, i) => byte ^ (mask >>> (8 * ((i + phase) % 4))));

Deno.test("maskInPlace() gives the example of RFC 6455, section 5.7", () => {
  const bytes = utf8("Hello");
  maskInPlace(bytes, 0, 5, 0x3d21_fa37);
  assert.equal(hex(bytes), "7f 9f 4d 51 58");
  maskInPlace(bytes, 0, 5, 0x3d21_fa37);
  assert.equal(hex(bytes), hex(utf8("Hello")));
});

Deno.test("maskInPlace() masks what it is told to and nothing else, wherever it lies", () => {
  const random = new Random(1);
  const buffer = random.bytes(4200);
  for (const length of lengths) {
    for (let start = 8; start < 16; start++) {
      for (let base = 0; base < 4; base++) {
        for (let phase = 0; phase < 4; phase++) {
          const all = buffer.slice();
          const bytes = all.subarray(base);
          maskInPlace(bytes, start, start + length, mask, phase);
          const from = base + start;
          const expected = buffer.slice();
          expected.set(plain(buffer.subarray(from, from + length), phase), from);
          if (!equal(all, expected)) assert.fail(`${length} bytes from ${from}, phase ${phase}`);
        }
      }
    }
  }
});

Deno.test("maskInPlace() goes to the last bytes of a buffer that is no whole number of words", () => {
  for (let length = 1; length < 70; length++) {
    const bytes = new Random(length).bytes(length);
    const expected = plain(bytes, 0);
    maskInPlace(bytes, 0, length, mask);
    assert.equal(hex(bytes), hex(expected), `${length} bytes`);
  }
});

Deno.test("maskInPlace() masks in pieces as it does at once", () => {
  const bytes = new Random(3).bytes(200);
  const expected = hex(plain(bytes, 0));
  for (let size = 1; size < 100; size++) {
    const pieces = bytes.slice();
    for (let at = 0; at < 200; at += size) maskInPlace(pieces, at, Math.min(200, at + size), mask, at);
    assert.equal(hex(pieces), expected, `pieces of ${size}`);
  }
});

Deno.test("maskInPlace() is not fooled by buffers that take turns", () => {
  const all = [new Random(4).bytes(100), new Random(5).bytes(200), new Random(6).bytes(700_000)];
  const expected = all.map((bytes) => plain(bytes, 0));
  for (let at = 0; at < 100; at += 25) for (const bytes of all) maskInPlace(bytes, at, at + 25, mask, at);
  all.forEach((bytes, i) => assert.equal(hex(bytes.subarray(0, 100)), hex(expected[i].subarray(0, 100))));
});

Deno.test("copyMasked() leaves the source alone and writes nothing beside its target", () => {
  const buffer = new Random(2).bytes(4200);
  for (const length of lengths) {
    for (let sourceAt = 0; sourceAt < 4; sourceAt++) {
      for (let offset = 0; offset < 8; offset++) {
        const source = buffer.subarray(sourceAt, sourceAt + length);
        const before = hex(source);
        const phase = (offset + sourceAt) % 4;
        const target = new Uint8Array(length + 16).fill(0xee);
        copyMasked(source, target, offset, mask, phase);
        assert.equal(hex(source), before);
        assert.equal(hex(target.subarray(offset, offset + length)), hex(plain(source, phase)));
        assert.ok(target.subarray(0, offset).every((byte) => byte === 0xee));
        assert.ok(target.subarray(offset + length).every((byte) => byte === 0xee));
      }
    }
  }
});

Deno.test("newMask() draws a new mask each time, over many pools", () => {
  const masks = new Set<number>();
  for (let i = 0; i < 5000; i++) {
    const drawn = newMask();
    assert.ok(Number.isInteger(drawn) && drawn >= 0 && drawn <= 0xffff_ffff);
    masks.add(drawn);
  }
  // Two of 5000 are alike once in 340 times, three pairs practically never.
  assert.ok(masks.size > 4997, `${masks.size} of 5000 differ`);
  for (let bit = 0; bit < 32; bit++) {
    const set = [...masks].filter((drawn) => (drawn >>> bit) & 1).length;
    assert.ok(set > 2200 && set < 2800, `bit ${bit} is set in ${set} of 5000`);
  }
});

Deno.test("a mask's first byte on the wire is its lowest", () => {
  const bytes = new Uint8Array(4);
  maskInPlace(bytes, 0, 4, 0x0403_0201);
  assert.equal(hex(bytes), hex(unhex("01020304")));
});
