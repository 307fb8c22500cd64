/**
 * How long messages are.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { byteLengthOf } from "../../src/util/byte_length.ts";
import { Random } from "../support/random.ts";

Deno.test("a text is measured as it will be encoded, halves of pairs included", () => {
  const random = new Random(1);
  const units = ["a", "\x7f", "\x80", "\u07ff", "\u0800", "\uffff", "\ud800", "\udbff", "\udc00", "\udfff", "😀"];
  for (let i = 0; i < 2000; i++) {
    const text = Array.from({ length: random.below(6) }, () => random.pick(units)).join("");
    assert.equal(byteLengthOf(text), new TextEncoder().encode(text).length, JSON.stringify(text));
  }
});
