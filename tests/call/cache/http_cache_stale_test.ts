/**
 * httpCache(): stale responses, while a new one is fetched and where none can
 * be had (RFC 5861).
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, TransportError } from "../../../mod.ts";
import { settle } from "../../support/calls.ts";
import { numbered, url, world } from "./_http_cache.ts";

Deno.test("httpCache() gives a stale response while one call fetches a new one", async () => {
  const { get, seconds, requests, events, pages } = world(
    numbered({ "cache-control": "max-age=10, stale-while-revalidate=20", etag: '"v"' }),
  );
  await get();
  await seconds(15);
  const [stale, same] = await Promise.all([get(), get()]);
  assert.deepEqual([stale.body, stale.age, same.body], ["1", "15", "1"]);
  assert.equal(requests.length, 2);
  assert.equal(requests[1].headers.get("if-none-match"), '"v"');
  assert.equal((await get()).body, "2");
  assert.deepEqual(events.map((event) => event.type === "call-answered" && event.from), ["stale", "stale", "cache"]);
  assert.equal(pages.stats.stale, 2);
});

Deno.test("httpCache() refreshes without the caller's conditions, context and patience", async () => {
  const gate = Promise.withResolvers<void>();
  const { call, get, seconds, requests } = world(async (_, count) => {
    if (count === 2) await gate.promise;
    return new Response(String(count), {
      headers: { "cache-control": "max-age=10, stale-while-revalidate=20", etag: '"v"' },
    });
  });
  await get();
  await seconds(15);
  const controller = new AbortController();
  const context = callContext({ signal: controller.signal });
  const response = await call(
    new Request(url, { headers: { "if-none-match": '"x"', "if-modified-since": "x" }, signal: controller.signal }),
    context,
  );
  await response.body?.cancel();
  controller.abort();
  assert.equal(requests[1].headers.get("if-none-match"), '"v"');
  assert.equal(requests[1].headers.get("if-modified-since"), null);
  assert.equal(requests[1].signal.aborted, false);
  gate.resolve();
  await settle(200);
  assert.equal((await get()).body, "2");
});

Deno.test("httpCache() gives up a refresh that takes too long, and tries again with the next call", async () => {
  const { get, seconds, requests, clock } = world(
    (_, count) =>
      count > 1 ? new Promise<Response>(() => {}) : new Response("1", {
        headers: { "cache-control": "max-age=10, stale-while-revalidate=1000" },
      }),
    { refreshTimeoutMs: 2000 },
  );
  await get();
  await seconds(15);
  await get();
  await seconds(1);
  await get();
  assert.equal(requests.length, 2);
  await seconds(1);
  assert.equal(clock.pending, 0);
  assert.equal((await get()).body, "1");
  assert.equal(requests.length, 3);
  await seconds(3);
});

Deno.test("httpCache() lets a stale response stand in for an error or a 5xx, for as long as it may", async () => {
  const trouble = [
    () => Promise.reject(new TransportError("connect-failed", "Refused")),
    () => Promise.reject(new TypeError("odd")),
    () => new Response("busy", { status: 503 }),
    () => new Response("broken", { status: 500 }),
  ];
  for (const fail of trouble) {
    const { get, seconds } = world((_, count) =>
      count > 1
        ? fail()
        : new Response("1", { headers: { "cache-control": "max-age=10, stale-if-error=20", etag: '"v"' } })
    );
    await get();
    await seconds(15);
    const stale = await get();
    assert.deepEqual([stale.status, stale.body, stale.age], [200, "1", "15"]);
    await seconds(20);
    const late = await get().catch((error) => error);
    assert.ok(late instanceof Error || late.status >= 500);
  }
});

Deno.test("httpCache() passes errors on where nothing may stand in, and for a call that was cancelled", async () => {
  for (const control of ["max-age=10, stale-if-error=20, must-revalidate", "max-age=10"]) {
    const { get, seconds } = world((_, count) =>
      count > 1 ? Promise.reject(new Error("fault")) : new Response("1", { headers: { "cache-control": control } })
    );
    await get();
    await seconds(15);
    await assert.rejects(get(), /fault/);
  }
  const { get, seconds } = world(
    (_, count) =>
      count > 1
        ? Promise.reject(new TransportError("cancelled", "Gone"))
        : numbered({ "cache-control": "max-age=10" })(_, 1),
    {
      staleIfErrorMs: 60_000,
    },
  );
  await get();
  await seconds(15);
  await assert.rejects(get(), { code: "cancelled" });
});

Deno.test("httpCache() takes the times from its options where a response says nothing of them", async () => {
  const { get, seconds, requests } = world(
    (_, count) =>
      count === 3 ? Promise.reject(new Error("fault")) : numbered({ "cache-control": "max-age=10" })(_, count),
    {
      staleWhileRevalidateMs: 5000,
      staleIfErrorMs: 60_000,
    },
  );
  await get();
  await seconds(12);
  assert.equal((await get()).body, "1");
  assert.equal(requests.length, 2);
  await seconds(40);
  assert.equal((await get()).body, "2");
  assert.equal(requests.length, 3);
});

Deno.test("httpCache() cancels the body of a 5xx that a stale response stands in for (unread bodies leak)", async () => {
  let cancelled = 0;
  const { get, seconds } = world((_, count) =>
    count === 1 ? numbered({ "cache-control": "max-age=10, stale-if-error=60" })(_, 1) : new Response(
      new ReadableStream({ cancel: () => void cancelled++ }),
      { status: 502 },
    )
  );
  await get();
  await seconds(15);
  assert.equal((await get()).body, "1");
  assert.equal(cancelled, 1);
});
