/**
 * describe() and stagesOf(): names, settings, and what must not be shown.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adjustablesOf,
  chain,
  counted,
  current,
  describe,
  named,
  type Service,
  stagesOf,
  withFigures,
} from "../../src/core/mod.ts";
import { rateLimit } from "../../src/call/limits/rate_limit.ts";

function shown(settings: object): string {
  return describe(named("part", settings, {}));
}

Deno.test("a part is shown by its name and settings", () => {
  const settings = { port: 9000, host: "a", noDelay: true, max: Infinity, nothing: undefined, none: null };
  const part = named("tcp", settings, {});
  assert.equal(describe(part), `tcp({ port: 9000, host: "a", noDelay: true, max: Infinity, none: null })`);
  assert.deepEqual(stagesOf(part), [{ name: "tcp", settings }]);
});

Deno.test("the settings that are shown are a copy", () => {
  const settings = { port: 1 };
  const part = named("tcp", settings, {});
  settings.port = 2;
  assert.equal(stagesOf(part)[0].settings.port, 1);
});

Deno.test("a part that said nothing about itself goes by its own name", () => {
  class Transport {}
  assert.equal(describe(new Transport()), "Transport()");
  assert.equal(describe(function handler() {}), "handler()");
  assert.equal(describe((() => () => {})()), "function()");
  assert.equal(describe({}), "Object()");
  assert.equal(describe(Object.create(null)), "object()");
});

Deno.test("keys and passwords are not shown", () => {
  const pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----";
  const rsa = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----";
  const text = shown({
    key: pem,
    tls: { cert: "c", key: rsa, chain: [pem] },
    password: "hunter2",
    clientSecret: "hunter2",
    apiKey: "hunter2",
    auth: { token: "hunter2", authorization: "Basic hunter2" },
    url: "redis://user:hunter2@10.0.0.7:6379/0",
    urls: ["nats://hunter2@a", "nats://b"],
  });
  assert.doesNotMatch(text, /MIIE|hunter2/);
  assert.match(text, /key: \(secret\)/);
  assert.match(text, /chain: \[\(secret\)\]/);
  assert.match(text, /url: "redis:\/\/\(secret\)@10.0.0.7:6379\/0"/);
});

Deno.test("what only sounds like a secret is shown", () => {
  assert.equal(
    shown({ monkey: "m", keys: "k", maxTokens: 5, token: 5 }),
    `part({ monkey: "m", keys: "k", maxTokens: 5, token: 5 })`,
  );
});

Deno.test("long values are cut", () => {
  assert.equal(shown({ text: "x".repeat(100) }), `part({ text: "${"x".repeat(60)}…" })`);
  assert.equal(shown({ few: [1, 2, 3, 4], many: [1, 2, 3, 4, 5] }), "part({ few: [1, 2, 3, 4], many: [5 items] })");
  assert.equal(shown({ body: new Uint8Array(1000) }), "part({ body: (1000 bytes) })");
  assert.equal(shown({ observer: () => {} }), "part({ observer: (function) })");
});

Deno.test("settings within settings are shown, and those that contain themselves end", () => {
  assert.equal(shown({ a: { b: 1, c: undefined } }), "part({ a: { b: 1 } })");
  const cycle: Record<string, unknown> = { n: 1 };
  cycle.self = cycle;
  cycle.list = [cycle];
  const text = shown({ cycle });
  assert.match(text, /^part\(\{ cycle: \{ n: 1, self: \{ .*\{ … \}.* \}\)$/);
  assert.ok(text.length < 1000, `${text.length} characters`);
});

Deno.test("a named part within the settings is shown as what it is", () => {
  assert.equal(
    shown({ framing: named("newline", { maxBytes: 10 }, {}) }),
    "part({ framing: newline({ maxBytes: 10 }) })",
  );
});

Deno.test("a stage shows live figures: of the middleware, or of what it has made", async () => {
  let [seen, made] = [0, 0];
  const shared = named(
    "shared",
    {},
    (inner: Service<string, string>): Service<string, string> => (request, context) => {
      seen++;
      return inner(request, context);
    },
    () => [counted("seen", seen)],
  );
  const own = named("own", {}, (inner: Service<string, string>): Service<string, string> => {
    const number = ++made;
    return withFigures((request, context) => inner(request, context), () => [current("number", number, "By")]);
  });
  const one = chain((text: string) => text, shared, own);
  const two = chain((text: string) => text, own, shared);
  await one("a");
  await two("b");
  const figuresOf = (part: object) => stagesOf(part).map(({ figures }) => figures?.()[0]);
  const both = { name: "seen", kind: "count", value: 2 };
  assert.deepEqual(figuresOf(one), [undefined, both, { name: "number", kind: "now", value: 1, unit: "By" }]);
  assert.deepEqual(figuresOf(two), [undefined, { name: "number", kind: "now", value: 2, unit: "By" }, both]);
});

Deno.test("settings of an item of a list are told once, in their place, as they are now", () => {
  const limit = rateLimit({ windows: [{ calls: 10, perMs: 1000 }, { calls: 100, perMs: 60_000 }] });
  adjustablesOf(limit)[0].adjust("windows[1].calls", 50);
  const told = describe(limit);
  assert.ok(
    told.includes("windows: [{ calls: 10, perMs: 1000, burst: 10 }, { calls: 50, perMs: 60000, burst: 50 }]"),
    told,
  );
  assert.equal(told.split("calls").length, 3, told);
  assert.ok(!told.includes("[0]"), told);
});
