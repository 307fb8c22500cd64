/**
 * Adjustable: what it shows, and what it refuses to change.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { adjustable } from "../../src/core/adjustable.ts";
import { integer, oneOf } from "../../src/core/options.ts";

function doors(): ReturnType<typeof adjustable> {
  let max = 10;
  return adjustable("doors()", {
    max: { rule: integer(10, 1, 100), min: 1, max: 100, get: () => max, set: (value) => max = Number(value) },
    colour: { rule: oneOf("red", ["red", "blue"]), get: () => "red" },
  });
}

Deno.test("settings show what holds, what is allowed and what can be changed", () => {
  assert.deepEqual(doors().settings(), {
    max: { value: 10, min: 1, max: 100, allowed: "an integer from 1 to 100", live: true },
    colour: { value: "red", allowed: '"red" or "blue"', live: false },
  });
});

Deno.test("a setting that was adjusted holds", () => {
  const part = doors();
  part.adjust("max", 25);
  assert.equal(part.settings().max.value, 25);
});

Deno.test("what can't be adjusted is refused by name, and changes nothing", () => {
  const part = doors();
  for (
    const [name, value, code, message] of [
      ["max", 101, "invalid-option", "Cannot use doors(): option max is 101, allowed is an integer from 1 to 100"],
      ["max", "5", "invalid-option", /option max is "5"/],
      ["min", 1, "invalid-option", 'Cannot adjust doors(): it has no setting "min", only max, colour'],
      ["constructor", 1, "invalid-option", /it has no setting "constructor"/],
      ["colour", "blue", "unsupported", "Cannot adjust doors(): setting colour needs a restart"],
      ["colour", "green", "invalid-option", /option colour is "green"/],
    ] as const
  ) assert.throws(() => part.adjust(name, value), { name: "TransportError", code, message });
  assert.equal(part.settings().max.value, 10);
});
