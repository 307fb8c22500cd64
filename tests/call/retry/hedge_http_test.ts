/**
 * hedge() of HTTP requests: whose body is let go, and who can still cancel it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, hedge, type HedgeOptions, type TransportError } from "../../../mod.ts";
import { settle, Watched } from "../../support/calls.ts";
import { world } from "../_policy.ts";

/** A response whose body tells of its cancelling. */
function response(status: number) {
  const cancelled: unknown[] = [];
  const body = new ReadableStream({ cancel: (reason) => void cancelled.push(reason) });
  return { response: new Response(body, { status }), cancelled };
}

function setUp() {
  const { service, calls, clock, queue } = world<Request, Response>();
  const call = chain(service, hedge({ delayMs: 50, clock }));
  return {
    calls,
    clock,
    queue,
    call: (signal?: AbortSignal) => call(new Request("http://localhost/"), callContext({ signal })),
  };
}

Deno.test("a response of a loser that comes late has its body cancelled", async () => {
  const { call, calls, clock } = setUp();
  const watched = new Watched(call());
  await clock.advance(50);
  const [late, won] = [response(200), response(200)];
  calls[1].resolve(won.response);
  await settle();
  calls[0].resolve(late.response);
  await settle();
  assert.equal(watched.reply?.status, 200);
  assert.deepEqual([late.cancelled.length, won.cancelled.length], [1, 0]);
});

Deno.test("a response that reports a failure waits for the other attempt, and is passed on or let go with it", async () => {
  for (const status of [200, 500]) {
    const { call, calls, clock } = setUp();
    const watched = new Watched(call());
    await clock.advance(50);
    const [busy, other] = [response(503), response(status)];
    calls[0].resolve(busy.response);
    await settle();
    assert.equal(watched.settled, 0);
    calls[1].resolve(other.response);
    await settle();
    assert.equal(watched.reply?.status, status === 200 ? 200 : 503);
    assert.deepEqual([busy.cancelled.length, other.cancelled.length], status === 200 ? [1, 0] : [0, 1]);
  }
});

Deno.test("connor4312/cockatiel#72: the body of the winner can be cancelled by its caller to its end, and by nobody else", async () => {
  const { call, calls, clock, queue } = setUp();
  const controller = new AbortController();
  const reply = call(controller.signal);
  await clock.advance(50);
  const won = response(200);
  const heard: TransportError[] = [];
  const { cancellation } = calls[0].context;
  cancellation!.subscribe({ cancelled: (reason) => void heard.push(reason) });
  calls[0].resolve(won.response);
  await reply;
  await clock.advance(1000);
  assert.equal(heard.length, 0);
  assert.equal(queue.size, 0);
  controller.abort();
  assert.deepEqual(heard.map(({ code }) => code), ["cancelled"]);
});

Deno.test("hedge() refuses options that make no sense, naming them", () => {
  const wrong: unknown[] = [
    { percentile: 0 },
    { percentile: 1.5 },
    { delayMs: -1 },
    { minDelayMs: 3000 },
    { minCalls: 0 },
    { windowMs: Infinity },
    { maxHedges: 0 },
    { idempotent: 1 },
    { hedges: 1 },
  ];
  for (const options of wrong) {
    const message = new RegExp(Object.keys(options as object)[0]);
    assert.throws(() => hedge(options as HedgeOptions), { code: "invalid-option", message });
  }
});
