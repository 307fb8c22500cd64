/**
 * Options: what is refused, and that the error says which, what and why.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../src/core/mod.ts";
import {
  duration,
  flag,
  fraction,
  given,
  integer,
  integerOrInfinity,
  label,
  oneOf,
  type OptionRule,
  readOptions,
} from "../../src/core/options.ts";

function read(rule: OptionRule<unknown>, value: unknown): unknown {
  return readOptions("part()", { x: value }, { x: rule }).x;
}

function refuses(rule: OptionRule<unknown>, shown: string, allowed: string, ...values: unknown[]): void {
  for (const value of values) {
    assert.throws(() => read(rule, value), (error: unknown) => {
      assert.ok(error instanceof TransportError, `${String(value)}: ${error}`);
      assert.equal(error.code, "invalid-option");
      assert.equal(error.details?.option, "x");
      assert.equal(error.details?.allowed, allowed);
      if (shown !== "") {
        assert.equal(error.message, `Cannot use part(): option x is ${shown}, allowed is ${allowed}`);
      }
      return true;
    });
  }
}

Deno.test("an option that was not given has its default", () => {
  const settings = readOptions("part()", { b: undefined }, { a: integer(1, 0, 9), b: flag(true), c: label(undefined) });
  assert.deepEqual(settings, { a: 1, b: true, c: undefined });
});

Deno.test("the options that were given are not changed", () => {
  const options = Object.freeze({ a: 5 });
  assert.deepEqual(readOptions("part()", options, { a: integer(1, 0, 9), b: flag(false) }), { a: 5, b: false });
});

Deno.test("a count may be without a limit, where that is allowed", () => {
  const rule = integerOrInfinity(3, 1, 10);
  assert.deepEqual([read(rule, undefined), read(rule, 10), read(rule, Infinity)], [3, 10, Infinity]);
  refuses(rule, "", "an integer from 1 to 10, or Infinity", 0, 11, 1.5, -Infinity, NaN, "3");
});

Deno.test("an unknown option is refused, naming it and those there are", () => {
  const rules = { maxItems: integer(1, 0, 9), flag: flag(true) };
  assert.throws(() => readOptions("part()", { maxitems: 3 }, rules), (error: unknown) => {
    assert.ok(error instanceof TransportError);
    assert.equal(error.code, "invalid-option");
    assert.equal(error.message, `Cannot use part(): it has no option "maxitems", only maxItems, flag`);
    assert.deepEqual(error.details, { option: "maxitems" });
    return true;
  });
  for (const name of ["constructor", "toString", "__proto__"]) {
    assert.throws(() => readOptions("part()", JSON.parse(`{"${name}":1}`), rules), /it has no option/);
  }
});

Deno.test("options that are no object are refused", () => {
  for (const options of [null, undefined, 5, "text"]) {
    assert.throws(() => readOptions("part()", options as unknown as object, {}), (error: unknown) => {
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, "invalid-option");
      assert.match(error.message, /^Cannot use part\(\): its options are .*, not an object$/);
      return true;
    });
  }
});

Deno.test("integers", () => {
  const rule = integer(5, 1, 10);
  for (const value of [1, 10]) assert.equal(read(rule, value), value);
  refuses(rule, "0", "an integer from 1 to 10", 0);
  refuses(rule, `"3"`, "an integer from 1 to 10", "3");
  refuses(rule, "null", "an integer from 1 to 10", null);
  refuses(rule, "", "an integer from 1 to 10", 11, 1.5, NaN, Infinity, [3], {}, true);
});

Deno.test("times", () => {
  const rule = duration(5, 1);
  for (const value of [1, 1.5, Infinity]) assert.equal(read(rule, value), value);
  refuses(rule, "0.5", "a time in milliseconds of at least 1, or Infinity", 0.5);
  refuses(rule, "", "a time in milliseconds of at least 1, or Infinity", -1, NaN, -Infinity, "5", null);
  assert.equal(read(duration(undefined), 0), 0);
});

Deno.test("numbers in a range", () => {
  const rule = fraction(0.5, 0, 1);
  for (const value of [0, 0.25, 1]) assert.equal(read(rule, value), value);
  refuses(rule, "1.1", "a number from 0 to 1", 1.1);
  refuses(rule, "", "a number from 0 to 1", -0.1, NaN, Infinity, "0.5");
});

Deno.test("flags, texts and words", () => {
  assert.equal(read(flag(true), false), false);
  refuses(flag(true), "1", "true or false", 1);
  refuses(flag(true), "", "true or false", "true", null, 0);
  assert.equal(read(label("a"), "b"), "b");
  refuses(label("a"), `""`, "a text that is not empty", "");
  refuses(label("a"), "", "a text that is not empty", 5, null, ["a"]);
  const words = oneOf("slow", ["slow", "fast"]);
  assert.equal(read(words, "fast"), "fast");
  refuses(words, `"faster"`, `"slow" or "fast"`, "faster");
  refuses(words, "", `"slow" or "fast"`, "", null, 0);
});

Deno.test("values of a type that only the checker knows more about", () => {
  const call = (): void => {};
  assert.equal(read(given(undefined, "a function"), call), call);
  refuses(given(undefined, "a function"), "an object", "a function", {});
  const object = {};
  assert.equal(read(given(undefined, "an object"), object), object);
  refuses(given(undefined, "an object"), "null", "an object", null);
  refuses(given(undefined, "an object"), "a function", "an object", call);
  const list: unknown[] = [];
  assert.equal(read(given(undefined, "a list"), list), list);
  refuses(given(undefined, "a list"), "", "a list", {}, null, "abc");
});

Deno.test("a long text is shown in part only", () => {
  refuses(integer(1, 0, 1), `"${"x".repeat(60)}…"`, "an integer from 0 to 1", "x".repeat(500));
});
