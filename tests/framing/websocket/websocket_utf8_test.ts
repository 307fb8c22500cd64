/**
 * The UTF-8 that is checked as it arrives.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { decodeUtf8, isUtf8, readUtf8, Utf8Validator } from "../../../src/framing/websocket/utf8.ts";
import { Random } from "../../support/random.ts";
import { hex, join, unhex, utf8 } from "./websocket_feed.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** At which byte a strict streaming decoder gives up; -1 where it never does. */
function firstBad(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let i = 0; i < bytes.length; i++) {
    try {
      decoder.decode(bytes.subarray(i, i + 1), { stream: true });
    } catch {
      return i;
    }
  }
  return -1;
}

/** At which byte the validator gives up, a byte at a time. */
function refusedAt(bytes: Uint8Array): number {
  const validator = new Utf8Validator();
  for (let i = 0; i < bytes.length; i++) if (!validator.push(bytes, i, i + 1)) return i;
  return -1;
}

/** What is not UTF-8, and at which byte that is certain. */
const invalid: readonly (readonly [what: string, bytes: string, at: number])[] = [
  ["a lone continuation byte, the first", "80", 0],
  ["a lone continuation byte, the last", "bf", 0],
  ["a continuation byte too many", "c3 a9 a9", 2],
  ["an overlong slash of two bytes", "c0 af", 0],
  ["an overlong form, the last of two bytes", "c1 bf", 0],
  ["an overlong slash of three bytes", "e0 80 af", 1],
  ["an overlong form, the last of three bytes", "e0 9f bf", 1],
  ["an overlong slash of four bytes", "f0 80 80 af", 1],
  ["an overlong form, the last of four bytes", "f0 8f bf bf", 1],
  ["an overlong form of five bytes", "f8 88 80 80 80", 0],
  ["an overlong form of six bytes", "fc 84 80 80 80 80", 0],
  ["the first high surrogate", "ed a0 80", 1],
  ["the last high surrogate", "ed af bf", 1],
  ["the first low surrogate", "ed b0 80", 1],
  ["the last low surrogate", "ed bf bf", 1],
  ["a pair of surrogates", "ed a0 bd ed b8 80", 1],
  ["U+110000", "f4 90 80 80", 1],
  ["U+13FFFF", "f4 bf bf bf", 1],
  ["beyond any plane", "f5 80 80 80", 0],
  ["fe", "fe", 0],
  ["ff", "ff", 0],
  ["a character cut by ASCII after one byte", "c3 41", 1],
  ["a character cut by ASCII after two bytes", "e2 82 41", 2],
  ["a character cut by ASCII after three bytes", "f0 9f 98 41", 3],
  ["a character cut by another", "e2 82 c3 a9", 2],
  ["what Autobahn sends in 6.4", "ce ba e1 bd b9 cf 83 ce bc ce b5 f4 90 80 80 65 64 69 74 65 64", 12],
];

const boundaries = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xcfff, 0xd000, 0xd7ff, 0xe000, 0xfffd, 0xfffe, 0xffff]
  .concat([0x1_0000, 0x3_ffff, 0x4_0000, 0xf_ffff, 0x10_0000, 0x10_ffff]);

for (const [what, digits, at] of invalid) {
  Deno.test(`text is refused at the first byte that is wrong: ${what}`, () => {
    const bytes = unhex(digits);
    assert.equal(firstBad(bytes), at, "the platform agrees");
    assert.equal(refusedAt(bytes), at);
    for (const before of ["", "abc", "é", "x".repeat(100), "漢".repeat(30)]) {
      const text = join(utf8(before), bytes, utf8("and more than a few words after it"));
      assert.equal(refusedAt(text), utf8(before).length + at);
      assert.equal(isUtf8(text), false);
      assert.equal(readUtf8(text, 0, text.length), undefined);
      assert.equal(new Utf8Validator().push(text, 0, text.length), false);
    }
  });
}

Deno.test("text is taken up to its boundaries, and not complete where it is cut in a character", () => {
  for (const point of boundaries) {
    const text = String.fromCodePoint(point);
    const bytes = utf8(text);
    assert.equal(isUtf8(bytes), true, `U+${point.toString(16)}`);
    assert.equal(readUtf8(bytes, 0, bytes.length), text);
    for (let cut = 1; cut < bytes.length; cut++) {
      const validator = new Utf8Validator();
      assert.equal(validator.push(bytes, 0, cut), true);
      assert.equal(validator.complete, false);
      assert.equal(isUtf8(bytes, 0, cut), false);
      assert.equal(readUtf8(bytes, 0, cut), undefined);
      assert.equal(validator.push(bytes, cut, bytes.length), true);
      assert.equal(validator.complete, true);
    }
  }
});

Deno.test("every sequence of two bytes, and every one of three and four that begins with a lead, is judged as the platform does", () => {
  const edges = [0x7f, 0x80, 0x8f, 0x90, 0xbf, 0xc0];
  const interesting = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xed, 0xf0, 0xf4];
  const check = (...bytes: number[]): void => {
    const text = Uint8Array.from(bytes);
    if (isUtf8(text) !== (decoded(text) !== undefined)) assert.fail(hex(text));
  };
  for (let a = 0; a < 256; a++) {
    check(a);
    for (let b = 0; b < 256; b++) check(a, b);
    if (a < 0xc0) continue;
    for (const b of interesting) {
      for (const c of interesting) {
        check(a, b, c);
        if (a >= 0xef) { for (const d of edges) check(a, b, c, d); }
      }
    }
  }
});

Deno.test("text that is its own mistake is taken: U+FFFD and a byte order mark", () => {
  for (const text of ["\uFFFD", "a\uFFFDb", "\uFEFFtext", "\uFEFF", "long enough for the decoder \uFFFD\uFEFF"]) {
    const bytes = utf8(text);
    assert.equal(readUtf8(bytes, 0, bytes.length), text);
    assert.equal(decodeUtf8(bytes, 0, bytes.length), text);
  }
  assert.equal(readUtf8(unhex("ef bf bd ff"), 0, 4), undefined);
});

Deno.test("readUtf8() reads its part of the bytes and no more", () => {
  const bytes = join(unhex("ff ff ff"), utf8("grüße"), unhex("ff"));
  assert.equal(readUtf8(bytes, 3, bytes.length - 1), "grüße");
  for (let length = 0; length < 40; length++) {
    const text = "abcdefghijklmnopqrstuvwxyz0123456789+-*/".slice(0, length);
    assert.equal(readUtf8(utf8(`<${text}>`), 1, 1 + length), text);
  }
});

/** Valid text with now and then a byte that is not. */
function randomText(random: Random): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let left = random.below(12); left > 0; left--) {
    const kind = random.below(8);
    if (kind < 4) parts.push(utf8("the quick brown fox jumps over it ".repeat(3).slice(0, random.below(90))));
    else if (kind < 7) parts.push(utf8(random.pick(["é", "Ω", "漢字", "😀", "\u{10FFFF}", "\uD7FF", "\uFFFD"])));
    else parts.push(random.bytes(random.below(3)));
  }
  return join(...parts);
}

Deno.test("random texts are judged as the platform does, in pieces and at any alignment", () => {
  const count = { valid: 0, invalid: 0 };
  for (let seed = 1; seed <= 20_000; seed++) {
    const random = new Random(seed);
    const text = randomText(random);
    const expected = decoded(text);
    count[expected === undefined ? "invalid" : "valid"]++;
    const shifted = join(new Uint8Array(random.below(4)), text);
    const start = shifted.length - text.length;
    if (isUtf8(shifted, start) !== (expected !== undefined)) assert.fail(`seed ${seed}: ${hex(text)}`);
    if (readUtf8(shifted, start, shifted.length) !== expected) assert.fail(`seed ${seed}: ${hex(text)} is misread`);
    const validator = new Utf8Validator();
    let ok = true;
    for (let at = start; ok && at < shifted.length;) {
      const to = Math.min(shifted.length, at + random.below(1 + random.below(80)));
      ok = validator.push(shifted, at, to);
      at = to;
    }
    if ((ok && validator.complete) !== (expected !== undefined)) assert.fail(`seed ${seed}: ${hex(text)} in pieces`);
  }
  assert.ok(count.valid > 2000 && count.invalid > 2000, JSON.stringify(count));
});

Deno.test("a validator can be used again after it was reset", () => {
  const validator = new Utf8Validator();
  for (const digits of ["e0", "ed", "f0", "f4", "c3"]) {
    assert.equal(validator.push(unhex(digits), 0, 1), true);
    validator.reset();
    assert.equal(validator.complete, true);
    const text = utf8("ࠀ\uD7FF𐀀\u{FFFFF}é");
    assert.equal(validator.push(text, 0, text.length), true);
  }
});
