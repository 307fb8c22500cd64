/**
 * Texts in the Huffman code of HPACK.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { huffmanLength, readHuffman, writeHuffman } from "../../../src/framing/http2/huffman.ts";
import { codeBits } from "../../../src/framing/http2/huffman_codes.ts";
import { Random } from "../../support/random.ts";
import { hex, refuses } from "./_http2.ts";

function encoded(text: string): Uint8Array {
  const target = new Uint8Array(huffmanLength(text) + 8);
  return target.subarray(0, writeHuffman(target, 0, text));
}

function decoded(bytes: Uint8Array): string {
  const target = new Uint8Array(bytes.length * 2);
  return String.fromCharCode(...target.subarray(0, readHuffman(bytes, 0, bytes.length, target)));
}

Deno.test("the code leaves room for nothing but its end", () => {
  const parts = [...codeBits].reduce((sum, bits) => sum + 2 ** (30 - bits), 0);
  assert.equal(parts + 1, 2 ** 30);
});

Deno.test("texts of the RFC are written and read as they stand there", () => {
  const texts: [string, string][] = [
    ["www.example.com", "f1e3 c2e5 f23a 6ba0 ab90 f4ff"],
    ["no-cache", "a8eb 1064 9cbf"],
    ["custom-value", "25a8 49e9 5bb8 e8b4 bf"],
    ["Mon, 21 Oct 2013 20:13:21 GMT", "d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff"],
    ["https://www.example.com", "9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3"],
  ];
  for (const [text, bytes] of texts) {
    assert.deepEqual(encoded(text), hex(bytes), text);
    assert.equal(decoded(hex(bytes)), text);
    assert.equal(huffmanLength(text), hex(bytes).length);
  }
});

Deno.test("every byte is read as it was written, alone and behind every other", () => {
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      const text = String.fromCharCode(first, second);
      assert.equal(decoded(encoded(text)), text);
    }
    assert.equal(decoded(encoded(String.fromCharCode(first))), String.fromCharCode(first));
  }
  assert.equal(decoded(encoded("")), "");
});

Deno.test("texts of bytes at random are read as they were written", () => {
  const random = new Random(7);
  for (let i = 0; i < 2000; i++) {
    const rare = random.oneIn(2);
    const text = String.fromCharCode(
      ...Array.from({ length: random.below(60) }, () => rare ? random.below(256) : 32 + random.below(95)),
    );
    assert.equal(decoded(encoded(text)), text);
  }
});

Deno.test("padding that is too long, or not of ones, is refused, and so is the end of a text", () => {
  // "0" takes 5 bits.
  assert.equal(decoded(hex("07")), "0");
  refuses(() => decoded(hex("07 ff")), "COMPRESSION_ERROR", /bits of padding/);
  refuses(() => decoded(hex("ff")), "COMPRESSION_ERROR", /8 bits of padding/);
  refuses(() => decoded(hex("06")), "COMPRESSION_ERROR", /not ones/);
  refuses(() => decoded(hex("ffff ffff")), "COMPRESSION_ERROR", /the end of a text/);
  // The first bits of a long code.
  refuses(() => decoded(hex("ffff fe")), "COMPRESSION_ERROR", /bits of padding/);
});
