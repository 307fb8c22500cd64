/**
 * chain() refuses orders that make no sense.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type CallMiddleware, chain, named, TransportError } from "../../mod.ts";

/** A middleware that is only called like this. */
const called = (name: string): CallMiddleware =>
  named(name, {}, (inner) => (request, context) => inner(request, context));

const base = (request: string): string => request;

/** Members of a chain, from the wire to the caller, that make no sense, and a word of the reason. */
const senseless: [inner: string, outer: string, reason: RegExp][] = [
  ["retry", "circuitBreaker", /what each attempt says/],
  ["hedge", "circuitBreaker", /what each attempt says/],
  ["cache", "retry", /answered as the first/],
  ["httpCache", "hedge", /answered as the first/],
  ["coalesce", "retry", /answered as the first/],
  ["retry", "retry", /attempts would multiply; leave one of them out/],
  ["hedge", "hedge", /attempts would multiply/],
  ["retry", "adaptiveTimeout", /pauses between them/],
  ["fallback", "retry", /never see a failure/],
  ["fallback", "circuitBreaker", /never see a failure/],
  ["fallback", "cache", /kept as if it were one/],
  ["batch", "compress", /compresses far better/],
  ["compress", "shape", /bytes that are never sent/],
  ["batch", "shape", /wait in batches/],
];

for (const [inner, outer, reason] of senseless) {
  Deno.test(`${outer}() around ${inner}() is refused with the reason, and the other way round it is not`, () => {
    assert.throws(() => chain(base, called(inner), called("timeout"), called(outer)), (error: unknown) => {
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, "invalid-option");
      assert.match(error.message, new RegExp(`${outer}\\(\\) stands around ${inner}\\(\\): `));
      assert.match(error.message, reason);
      assert.deepEqual(error.details, { outer, inner });
      return true;
    });
    if (inner !== outer) chain(base, called(outer), called("timeout"), called(inner));
  });
}

Deno.test("a chain around a chain is one chain: the order is checked through both", () => {
  const inner = chain(base, called("retry"));
  assert.throws(() => chain(inner, called("timeout"), called("circuitBreaker")), { code: "invalid-option" });
});

Deno.test("an order is refused before anything is wrapped", () => {
  let wrapped = 0;
  const breaker: CallMiddleware = named("circuitBreaker", {}, (inner) => {
    wrapped++;
    return inner;
  });
  assert.throws(() => chain(base, called("retry"), breaker), { code: "invalid-option" });
  assert.equal(wrapped, 0);
});

Deno.test("the recommended order is accepted", () => {
  const order = [
    "concurrencyLimit",
    "adaptiveTimeout",
    "circuitBreaker",
    "hedge",
    "retry",
    "coalesce",
    "cache",
    "fallback",
    "timeout",
  ];
  let call = chain(base, called("rateLimit"));
  for (const name of order) call = chain(call, called(name));
});
