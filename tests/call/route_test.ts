/**
 * route(): sends calls to different services.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  background,
  callContext,
  chain,
  type Client,
  describe,
  ManualClock,
  route,
  type Service,
  timeout,
} from "../../mod.ts";

/** A client that answers with its name, and tells how often it was closed. */
function client(name: string, close: () => Promise<void> = () => Promise.resolve()) {
  const state = { closed: 0 };
  const service: Service<string, string> = (request) => Promise.resolve(`${name} ${request}`);
  const end = () => {
    state.closed++;
    return close();
  };
  return { state, call: Object.assign(service, { close: end, [Symbol.asyncDispose]: end }) as Client<string, string> };
}

const reads = (request: string) => request.startsWith("get");

Deno.test("route() sends reads to the replicas and all else to the primary", async () => {
  const [primary, replicas] = [client("primary"), client("replica")];
  const call = route([{ when: reads, to: replicas.call }], primary.call);
  assert.deepEqual(await Promise.all([call("get x"), call("set x")]), ["replica get x", "primary set x"]);
});

Deno.test("route() takes the first route that wants a call, and lets it look at the context", async () => {
  const call = route<string, string>([
    { when: (_, { priority }) => priority === 0, to: client("urgent").call },
    { when: reads, to: client("reads").call },
    { when: reads, to: client("never").call },
  ], client("rest").call);
  assert.equal(await call("get x", callContext({ priority: 0 })), "urgent get x");
  assert.equal(await call("get x"), "reads get x");
  assert.equal(await call("x"), "rest x");
});

Deno.test("route() passes context and promise on as they are", async () => {
  const reply = Promise.resolve("A");
  const seen: unknown[] = [];
  const call = route<string, string>([], (_, context) => {
    seen.push(context);
    return reply;
  });
  const context = callContext({ priority: 1 });
  assert.equal(call("a", context), reply);
  assert.equal(call("a"), reply);
  assert.deepEqual(seen, [context, background]);
  await reply;
});

Deno.test("route() rejects a call whose predicate throws", async () => {
  const call = route<string, string>([{
    when: () => {
      throw new RangeError("predicate");
    },
    to: client("never").call,
  }], client("rest").call);
  await assert.rejects(call("x"), RangeError);
});

Deno.test("route() closes each service once, through the chain around it, even where one fails to close", async () => {
  const bad = client("bad", () => Promise.reject(new Error("stuck")));
  const [twice, rest] = [client("twice"), client("rest")];
  const plain: Service<string, string> = (request) => Promise.resolve(request);
  const call = chain(
    route([
      { when: reads, to: bad.call },
      { when: reads, to: twice.call },
      { when: reads, to: twice.call },
      { when: reads, to: plain },
    ], rest.call),
    timeout({ ms: 10, clock: new ManualClock() }),
  );
  await assert.rejects(call.close(), /stuck/);
  assert.deepEqual([bad.state.closed, twice.state.closed, rest.state.closed], [1, 1, 1]);
});

Deno.test("route() can be disposed of, and says what it is made of", async () => {
  const rest = client("rest");
  {
    await using call = route([{ when: reads, to: client("reads").call }], rest.call);
    assert.match(describe(call), /^route\(/);
  }
  assert.equal(rest.state.closed, 1);
});

Deno.test("route() refuses what is no route or no service, naming it", () => {
  const { call } = client("x");
  assert.throws(() => route([{ when: reads, to: 7 as never }], call), /routes\[0\]\.to/);
  assert.throws(() => route([{ when: 7 as never, to: call }], call), /routes\[0\]\.when/);
  assert.throws(() => route([], 7 as never), { code: "invalid-option" });
  assert.throws(() => route(7 as never, call), { code: "invalid-option" });
});
