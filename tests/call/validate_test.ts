/**
 * validate(): checks requests and replies against schemas.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { z } from "zod";
import { chain, type Schema, type Service, type TransportEvent, validate, type ValidateOptions } from "../../mod.ts";
import { failure, scripted } from "../support/calls.ts";

const Order = z.object({
  items: z.array(z.object({ name: z.string(), count: z.number().int().positive().default(1) })).max(50),
});
type Order = z.output<typeof Order>;

Deno.test("validate() lets through what is right, in the form that the schema gives it", async () => {
  const { service, calls } = scripted<Order, string>();
  const call = chain(service, validate({ request: Order, reply: z.string().transform((text) => text.length) }));
  const reply: Promise<number> = call({ items: [{ name: "tea" }] });
  assert.deepEqual(calls[0].request, { items: [{ name: "tea", count: 1 }] });
  calls[0].resolve("four");
  assert.equal(await reply, 4);
});

Deno.test("validate() refuses a wrong request before anything is called, and says what was wrong and where", async () => {
  const { service, calls } = scripted<Order, string>();
  const call = chain(service, validate({ request: Order }));
  const wrong = { items: [{ name: "tea" }, { name: 7, count: 0 }] };
  const error = await failure(call(wrong as unknown as Order), "invalid-request", "no");
  assert.equal(calls.length, 0);
  assert.match(error.message, /^Request refused: items\[1\]\.name: .* \(and 1 more\)$/);
  const { issues, issueCount } = error.details as { issues: { path: string; message: string }[]; issueCount: number };
  assert.deepEqual(issues.map(({ path }) => path), ["items[1].name", "items[1].count"]);
  assert.equal(issueCount, 2);
  assert.deepEqual(JSON.parse(JSON.stringify(error.details)), error.details, "it can travel");
});

Deno.test("validate() names no more faults than it may, and counts the others", async () => {
  const call = chain((_: Order) => "x", validate({ request: Order, maxIssues: 3 }));
  const items = Array.from({ length: 40 }, () => ({ name: 7 }));
  const { details } = await failure(call({ items } as unknown as Order), "invalid-request");
  assert.equal((details!.issues as unknown[]).length, 3);
  assert.equal(details!.issueCount, 40);
});

Deno.test("validate() refuses a wrong reply, although the call was made", async () => {
  const { service, calls } = scripted<string, unknown>();
  const events: TransportEvent[] = [];
  const call = chain(
    service,
    validate<string, string, unknown, string>({ reply: z.string(), observer: (event) => events.push(event) }),
  );
  const reply = call("x");
  calls[0].resolve(7);
  const error = await failure(reply, "invalid-reply", "yes");
  assert.match(error.message, /^Reply refused: /);
  assert.deepEqual(events, [{ type: "call-rejected", policy: "validate", error }]);
});

Deno.test("validate() takes any Standard Schema, also one that answers later", async () => {
  const later: Schema<string, string> = {
    "~standard": {
      version: 1,
      vendor: "test",
      async validate(value: unknown) {
        await undefined;
        if (typeof value !== "string") return { issues: [{ message: "not text" }] };
        return value === "odd" ? { issues: [] } : { value: `${value}!` };
      },
    },
  };
  const call = chain((request: string) => request, validate({ request: later, reply: later }));
  assert.equal(await call("a"), "a!!");
  assert.match((await failure(call(7 as unknown as string), "invalid-request", "no")).message, /: not text$/);
  assert.match((await failure(call("odd"), "invalid-request", "no")).message, /its schema does not allow it/);
});

Deno.test("validate() takes zod's own later checks", async () => {
  const slow = z.string().refine((text) => Promise.resolve(text !== "bad"), "is bad");
  const call = chain((request: string) => request, validate({ request: slow }));
  assert.equal(await call("good"), "good");
  assert.match((await failure(call("bad"), "invalid-request")).message, /is bad/);
});

Deno.test("validate() passes errors on, and rejects where the inner service or a schema throws", async () => {
  const broken: Service<string, string> = () => {
    throw new TypeError("broken");
  };
  await assert.rejects(validate<string>({ request: z.string() })(broken as Service<string, unknown>)("x"), TypeError);
  const throwing = z.string().transform((): string => {
    throw new RangeError("in the schema");
  });
  await assert.rejects(chain((request: string) => request, validate({ request: throwing }))("x"), RangeError);
});

Deno.test("validate() refuses options that make no sense", () => {
  for (const options of [{ request: 7 }, { reply: {} }, { maxIssues: 0 }, { schema: z.string() }]) {
    assert.throws(() => validate(options as ValidateOptions<unknown, unknown, unknown, unknown>), {
      code: "invalid-option",
    });
  }
});
