/**
 * What stands in for a context in programs without types: `{ timeoutMs: 100 }`
 * as it is, or a signal.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adaptiveTimeout,
  batchCalls,
  cache,
  type CallContext,
  chain,
  type ChannelTransport,
  coalesce,
  concurrencyLimit,
  deadline,
  hedge,
  http,
  httpCalls,
  jsonRpc,
  memory,
  mux,
  pipeline,
  pool,
  rateLimit,
  retry,
  serve,
  type Service,
  type SessionTransport,
  text,
  timeout,
} from "../../mod.ts";
import { within } from "../support/channels.ts";

const wrong: readonly unknown[] = [{ timeoutMs: 100 }, { deadline: 1e15 }, new AbortController().signal];

async function refusesWhatIsNoContext<Req, Res>(call: Service<Req, Res>, request: Req): Promise<void> {
  for (const context of wrong) {
    await assert.rejects(
      within(Promise.resolve().then(() => call(request, context as CallContext)), "the refusal"),
      { name: "TransportError", code: "invalid-request", processed: "no", message: /use callContext\(/ },
    );
  }
}

const policies: Record<string, (inner: Service<string, string>) => Service<string, string>> = {
  timeout: timeout({ ms: 1000 }),
  deadline: deadline({ defaultMs: 1000, maxMs: 1000 }),
  adaptiveTimeout: adaptiveTimeout(),
  retry: retry(),
  hedge: hedge({ idempotent: true }),
  coalesce: coalesce({ key: String }),
  cache: cache({ key: String, ttlMs: 1000 }),
};

for (const [name, policy] of Object.entries(policies)) {
  Deno.test(`what is no context is refused by ${name}(), with a word on what to use`, async () => {
    await refusesWhatIsNoContext(chain((request: string) => request, policy), "a");
  });
}

Deno.test("what is no context is refused by batchCalls(), with a word on what to use", async () => {
  await using call = chain((requests: readonly string[]) => requests as readonly (string | Error)[], batchCalls());
  await refusesWhatIsNoContext(call, "a");
});

Deno.test("what is no context is refused where it would wait for its turn", async () => {
  const busy = Promise.withResolvers<string>();
  const limited = chain(() => busy.promise, concurrencyLimit({ max: 1, maxWaiting: 4 }));
  const first = limited("a");
  await refusesWhatIsNoContext(limited, "b");
  busy.resolve("done");
  await first;
  const paced = chain(
    (request: string) => request,
    rateLimit({ windows: [{ calls: 1, perMs: 60_000 }], maxWaitMs: 120_000 }),
  );
  await paced("a");
  await refusesWhatIsNoContext(paced, "b");
});

const sessions: Record<string, (inner: ChannelTransport) => SessionTransport<Uint8Array, Uint8Array>> = {
  mux: mux(),
  pipeline: pipeline(),
};

for (const [name, session] of Object.entries(sessions)) {
  Deno.test(`what is no context is refused on ${name}(), before and after the connection is open`, async () => {
    const wire = chain(memory(), session, text());
    await using _ = await serve(wire, (request) => request);
    await using call = chain(wire, pool({ max: 1 }));
    await refusesWhatIsNoContext(call, "a");
    assert.equal(await call("a"), "a");
    await refusesWhatIsNoContext(call, "a");
    assert.equal(await call("b"), "b");
  });
}

Deno.test("what is no context, and what is no call, are refused on jsonRpc()", async () => {
  const wire = chain(memory(), jsonRpc());
  await using _ = await serve(wire, () => "reply");
  await using call = chain(wire, pool({ max: 1 }));
  assert.equal(await call({ method: "a" }), "reply");
  await refusesWhatIsNoContext(call, { method: "a" });
  await assert.rejects(call(undefined as unknown as { method: string }), {
    code: "invalid-request",
    processed: "no",
    message: /its method is undefined/,
  });
});

Deno.test("what is no context is refused on http()", async () => {
  const server = await serve(chain(http({ port: 0, hostname: "127.0.0.1" }), httpCalls(), text()), (name) => name);
  await using _ = server;
  await using call = chain(http({ origin: `http://127.0.0.1:${server.addr.port}` }), httpCalls(), text(), pool());
  assert.equal(await call("a"), "a");
  await refusesWhatIsNoContext(call, "a");
});
