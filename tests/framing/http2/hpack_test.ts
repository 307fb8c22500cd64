/**
 * Header blocks: what is refused, what the tables keep, and what goes out.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { HpackDecoder } from "../../../src/framing/http2/hpack_decoder.ts";
import { HpackEncoder } from "../../../src/framing/http2/hpack_encoder.ts";
import { HeaderList } from "../../../src/framing/http2/hpack_fields.ts";
import { Random } from "../../support/random.ts";
import { bytesOf, hex, latin1, readAlone, readBlock, refuses } from "./_http2.ts";

function encode(encoder: HpackEncoder, ...fields: [string, string][]): Uint8Array {
  encoder.begin();
  for (const [name, value] of fields) encoder.add(name, value);
  return encoder.finish().slice();
}

Deno.test("blocks that can't be read are refused, naming what is wrong", () => {
  const wrong: [string, RegExp][] = [
    ["80", /number 0/],
    ["be", /number 62 of a table of 61/],
    ["ff 80 80 80 80 01", /too many bytes/],
    ["ff ff ff ff ff 7f", /too large/],
    ["ff ff ff ff 7f", /too large/],
    ["ff", /unfinished number/],
    ["ff 80", /unfinished number/],
    ["40", /unfinished field/],
    ["40 01", /unfinished text/],
    ["40 01 61", /unfinished field/],
    ["40 01 61 02 62", /unfinished text/],
    ["40 01 61 81 ff", /padding/],
    ["7f ff ff ff 7f", /too large/],
    ["3f e2 1f", /a table of 4097 bytes, 4096 are allowed/],
    ["82 20", /behind a field/],
    ["20 20 20", /more than 2 new table sizes/],
  ];
  for (const [block, why] of wrong) refuses(() => readAlone(hex(block)), "COMPRESSION_ERROR", why);
});

Deno.test("what is larger than the table empties it, and what was added last has the first number", () => {
  const decoder = new HpackDecoder(100);
  const field = (name: string, length: number): Uint8Array =>
    bytesOf(hex("40 01"), latin1(name), [length], new Uint8Array(length).fill(120));
  readBlock(decoder, bytesOf(field("a", 1), field("b", 1)));
  assert.deepEqual(readBlock(decoder, hex("be bf")), ["b: x", "a: x"]);
  readBlock(decoder, field("c", 10));
  assert.deepEqual(readBlock(decoder, hex("be bf")), ["c: xxxxxxxxxx", "b: x"]);
  readBlock(decoder, field("d", 100));
  refuses(() => readBlock(decoder, hex("be")), "COMPRESSION_ERROR", /number 62/);
});

Deno.test("a table that is made smaller forgets what has no room, for good", () => {
  const decoder = new HpackDecoder();
  readBlock(decoder, bytesOf(hex("40 01 61 01 78"), hex("40 01 62 01 78")));
  // 34 bytes: one field.
  assert.deepEqual(readBlock(decoder, hex("3f 03 3f e1 1f be")), ["b: x"]);
  refuses(() => readBlock(decoder, hex("bf")), "COMPRESSION_ERROR", /number 63 of a table of 62/);
});

Deno.test("a list takes no more than it may, and the table knows the rest all the same", () => {
  const decoder = new HpackDecoder();
  const block = bytesOf(hex("40 01 61 01 78"), hex("40 01 62 01 78"));
  for (
    const [list, excess] of [[new HeaderList(67, 10), "67 bytes"], [
      new HeaderList(1000, 1),
      "1 header fields",
    ]] as const
  ) {
    decoder.read(block, 0, block.length, list);
    assert.equal(list.fields.length, 1);
    assert.match(list.excess!, new RegExp(`more than ${excess}`));
  }
  assert.deepEqual(readBlock(decoder, hex("be bf")), ["b: x", "a: x"]);
});

Deno.test("a small block that stands for a large list costs no memory", () => {
  const decoder = new HpackDecoder();
  const list = new HeaderList(64 * 1024, 256);
  const bomb = bytesOf(hex("40 01 61 7f a1 1e"), new Uint8Array(4000).fill(120), new Uint8Array(50_000).fill(0xbe));
  decoder.read(bomb, 0, bomb.length, list);
  assert.ok(list.fields.length < 20);
  assert.match(list.excess!, /bytes/);
});

Deno.test("what repeats goes out as a number, what changes leaves the table alone", () => {
  const encoder = new HpackEncoder();
  const first = encode(encoder, ["user-agent", "Wireway"], [":path", "/orders"], ["content-length", "17"]);
  const second = encode(encoder, ["user-agent", "Wireway"], [":path", "/orders"], ["content-length", "17"]);
  assert.deepEqual(second.subarray(0, 1), hex("be"));
  assert.deepEqual(second.subarray(1), first.subarray(first.length - second.length + 1));
  const decoder = new HpackDecoder();
  const fields = ["user-agent: Wireway", ":path: /orders", "content-length: 17"];
  assert.deepEqual(readBlock(decoder, first), fields);
  assert.deepEqual(readBlock(decoder, second), fields);
});

Deno.test("a field that would take much of the table is not put there", () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  readBlock(decoder, encode(encoder, ["a", "1"]));
  for (let i = 0; i < 3; i++) {
    const value = `${i}`.repeat(3000);
    assert.deepEqual(readBlock(decoder, encode(encoder, ["x-large", value])), [`x-large: ${value}`]);
  }
  assert.deepEqual(encode(encoder, ["a", "1"]), hex("be"));
});

Deno.test("a field that turns out to change each time stops pushing out the others", () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  readBlock(decoder, encode(encoder, ["a", "1"]));
  for (let i = 0; i < 200; i++) {
    assert.deepEqual(readBlock(decoder, encode(encoder, ["x-left", `${i}`])), [`x-left: ${i}`]);
  }
  const block = encode(encoder, ["a", "1"]);
  assert.equal(block.length, 1);
  assert.deepEqual(readBlock(decoder, block), ["a: 1"]);
});

Deno.test("secrets are never to be in a table", () => {
  for (const name of ["authorization", "cookie", "proxy-authorization", "x-api-key"]) {
    const encoder = new HpackEncoder();
    for (let i = 0; i < 2; i++) {
      const block = encode(encoder, [name, "secret"]);
      assert.equal(block[0] & 0xf0, 0x10, name);
      assert.deepEqual(readAlone(block), [`${name}: secret`]);
    }
  }
});

Deno.test("a peer that wants a smaller table gets one, told at the next block, the smallest first", () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  readBlock(decoder, encode(encoder, ["a", "1"]));
  encoder.limitTable(0);
  encoder.limitTable(4096);
  const block = encode(encoder, ["a", "1"]);
  assert.deepEqual(block.subarray(0, 4), hex("20 3f e1 1f"));
  assert.deepEqual(readBlock(decoder, block), ["a: 1"]);
  encoder.limitTable(0);
  const none = encode(encoder, ["a", "1"], ["b", "2"]);
  assert.equal(none[0], 0x20);
  assert.deepEqual(readBlock(decoder, none), ["a: 1", "b: 2"]);
  encoder.limitTable(1_000_000);
  assert.deepEqual(readBlock(decoder, encode(encoder, ["a", "1"])), ["a: 1"]);
});

Deno.test("a block that is given up leaves both ends alike", () => {
  const encoder = new HpackEncoder((_name, value) => {
    if (value === "bad") throw new Error("bad");
  });
  const decoder = new HpackDecoder();
  readBlock(decoder, encode(encoder, ["a", "1"]));
  assert.throws(() => encode(encoder, ["b", "2"], ["c", "bad"]), /bad/);
  encoder.giveUp();
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(readBlock(decoder, encode(encoder, ["a", "1"], ["b", "2"])), ["a: 1", "b: 2"]);
  }
});

Deno.test("whatever goes out is read as it was given, over thousands of blocks and changes of the table", () => {
  const random = new Random(11);
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder();
  for (let i = 0; i < 3000; i++) {
    if (random.oneIn(50)) encoder.limitTable(random.below(5000));
    const fields = Array.from({ length: random.below(8) }, (): [string, string] => [
      random.pick([":path", "accept", "cookie", "x-a", "x-b", `x-${random.below(2000)}`, "meta-id", "content-length"]),
      random.oneIn(3) ? "same" : random.oneIn(20) ? "long ".repeat(random.below(1500)) : `${random.below(300)}`,
    ]);
    assert.deepEqual(
      readBlock(decoder, encode(encoder, ...fields)),
      fields.map(([name, value]) => `${name}: ${value}`),
    );
  }
});
