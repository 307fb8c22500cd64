/**
 * httpCache(): keeps HTTP responses by the rules of RFC 9111.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, coalesce, httpCache, type HttpCacheOptions, memoryStore } from "../../../mod.ts";
import { failure, settle } from "../../support/calls.ts";
import { numbered, url, world } from "./_http_cache.ts";

const minute = { "cache-control": "max-age=60" };

Deno.test("httpCache() answers with what is fresh, and says how old it is", async () => {
  const { get, requests, seconds, pages } = world(numbered({ ...minute, "x-a": "b" }, 203));
  const first = await get();
  assert.deepEqual([first.status, first.body, first.age], [203, "1", null]);
  await seconds(59.5);
  const second = await get();
  assert.deepEqual([second.status, second.body, second.age, second.headers.get("x-a")], [203, "1", "59", "b"]);
  assert.equal(second.response.url, url);
  await seconds(1);
  assert.equal((await get()).body, "2");
  assert.equal(requests.length, 2);
  assert.deepEqual([pages.stats.hits, pages.stats.misses], [1, 2]);
});

Deno.test("httpCache() counts the age that a response came with", async () => {
  const { get, seconds } = world(numbered({ ...minute, age: "50" }));
  await get();
  await seconds(9);
  assert.equal((await get()).age, "59");
  await seconds(1);
  assert.equal((await get()).body, "2");
});

Deno.test("httpCache() keeps nothing that it must not", async () => {
  const bad: [HeadersInit, HeadersInit, number?][] = [
    [{ "cache-control": "no-store" }, {}],
    [{ "cache-control": "private, max-age=60" }, {}],
    [{ ...minute, "set-cookie": "session=1" }, {}],
    [minute, { authorization: "Bearer x" }],
    [{ ...minute, vary: "*" }, {}],
    [minute, { "cache-control": "no-store" }],
    [minute, { range: "bytes=0-1" }, 206],
    [minute, {}, 206],
    [{}, {}],
  ];
  for (const [response, request, status] of bad) {
    const { bodies, pages } = world(numbered(response, status));
    assert.equal(await bodies(request, request), "1 2", JSON.stringify([response, request]));
    assert.equal(pages.stats.entries, 0);
  }
  const { bodies } = world(numbered({ "cache-control": "private, max-age=60" }), { shared: false });
  assert.equal(await bodies({}, {}), "1 1");
});

Deno.test("httpCache() answers HEAD from a GET, and keeps nothing of a HEAD", async () => {
  const { get, requests } = world((request, count) =>
    new Response(request.method === "HEAD" ? null : String(count), { headers: { ...minute, "x-count": String(count) } })
  );
  assert.equal((await get({}, "", "HEAD")).headers.get("x-count"), "1");
  await get();
  const head = await get({}, "", "HEAD");
  assert.deepEqual([head.body, head.headers.get("x-count"), head.age], ["", "2", "0"]);
  assert.equal(requests.length, 2);
});

Deno.test("httpCache() keeps the variants of an address apart, as Vary says", async () => {
  const { get, bodies, requests } = world((request) =>
    new Response(request.headers.get("accept-language") ?? "none", { headers: { ...minute, vary: "Accept-Language" } })
  );
  const [de, en] = [{ "accept-language": "de" }, { "accept-language": "en" }];
  assert.equal(await bodies(de, en, {}, de, en, {}), "de en none de en none");
  assert.equal(requests.length, 3);
  assert.equal((await get({ ...de, "x-other": "1" })).age, "0");
});

Deno.test("httpCache() validates what is stale, and a 304 renews it", async () => {
  const { get, requests, seconds } = world((request, count) =>
    request.headers.get("if-none-match") === '"v1"' && count < 4
      ? new Response(null, {
        status: 304,
        headers: { etag: '"v1"', "cache-control": "max-age=10", "x-new": String(count) },
      })
      : new Response(`body ${count}`, { headers: { etag: '"v1"', "cache-control": "max-age=5", "last-modified": "x" } })
  );
  await get();
  await seconds(6);
  const second = await get();
  assert.deepEqual([second.status, second.body, second.headers.get("x-new")], [200, "body 1", "2"]);
  assert.equal(requests[1].headers.get("if-modified-since"), "x");
  await seconds(9);
  assert.equal((await get()).body, "body 1", "fresh again, for as long as the 304 said");
  assert.equal(requests.length, 2);
  await seconds(2);
  assert.equal((await get()).body, "body 1");
  await seconds(11);
  assert.equal((await get()).body, "body 4");
});

Deno.test("httpCache() validates at once where the response or the request says no-cache", async () => {
  const always = { "cache-control": "no-cache", etag: '"v"' };
  const { bodies, requests } = world((request) =>
    request.headers.has("if-none-match")
      ? new Response(null, { status: 304 })
      : new Response("kept", { headers: always })
  );
  assert.equal(await bodies({}, {}, {}), "kept kept kept");
  assert.deepEqual(requests.map(({ headers }) => headers.get("if-none-match")), [null, '"v"', '"v"']);
  const asking = world(numbered(minute));
  assert.equal(await asking.bodies({}, { "cache-control": "no-cache" }, {}), "1 2 2");
  const old = world(numbered(minute));
  assert.equal(await old.bodies({}, { pragma: "no-cache" }), "1 2");
});

Deno.test("httpCache() heeds what a request accepts", async () => {
  const { get, seconds, requests } = world(numbered(minute));
  assert.equal((await get({ "cache-control": "only-if-cached" })).status, 504);
  await get();
  await seconds(30);
  assert.equal((await get({ "cache-control": "only-if-cached" })).body, "1");
  assert.equal((await get({ "cache-control": "max-age=30" })).body, "1");
  assert.equal((await get({ "cache-control": "max-age=29" })).body, "2");
  await seconds(70);
  assert.equal((await get({ "cache-control": "max-stale=10" })).body, "2");
  assert.equal((await get({ "cache-control": "only-if-cached" })).status, 504);
  assert.equal(requests.length, 2);
});

Deno.test("httpCache() answers a caller who has it already with 304", async () => {
  const headers = { ...minute, etag: '"v"', "content-type": "text/plain", "content-length": "1" };
  const { get, requests } = world(numbered(headers));
  await get();
  const same = await get({ "if-none-match": 'W/"v", "x"' });
  assert.deepEqual([same.status, same.body, same.age, same.headers.get("etag")], [304, "", "0", '"v"']);
  assert.equal(same.headers.get("content-length"), null);
  assert.equal((await get({ "if-none-match": '"other"' })).body, "1");
  assert.equal(requests.length, 1);
  assert.equal((await get({ "if-match": '"v"' })).body, "2", "that is the origin's to answer");
});

Deno.test("httpCache() lets a caller's own conditions through where nothing fresh is kept, and learns from the 304", async () => {
  const { get, requests, seconds } = world((request) =>
    request.headers.get("if-none-match") === '"v"'
      ? new Response(null, { status: 304, headers: { ...minute, etag: '"v"' } })
      : new Response("body", { headers: { ...minute, etag: '"v"' } })
  );
  assert.equal((await get({ "if-none-match": '"v"' })).status, 304);
  await get();
  await seconds(100);
  assert.equal((await get({ "if-none-match": '"v"' })).status, 304);
  assert.equal(requests.length, 3);
  const kept = await get();
  assert.deepEqual([kept.status, kept.body, kept.age], [200, "body", "0"]);
  assert.equal(requests.length, 3);
});

Deno.test("httpCache() throws out what a write that succeeds may have changed", async () => {
  const { get, pages } = world((request, count) =>
    request.method === "GET" ? numbered({ ...minute, vary: "accept" })(request, count) : new Response("done", {
      status: request.headers.has("fail") ? 500 : 201,
      headers: { location: "/page/made", "content-location": "http://other.test/" },
    })
  );
  const fill = async () => {
    for (const path of ["", "/made", "/other"]) for (const accept of ["a", "b"]) await get({ accept }, path);
  };
  await fill();
  assert.equal(pages.stats.entries, 9, "six responses, and for three addresses what they depend on");
  await get({ fail: "1" }, "", "POST");
  assert.equal(pages.stats.entries, 9);
  await get({}, "#part", "POST");
  assert.equal(pages.stats.entries, 3);
  await fill();
  await pages.invalidate(`${url}/other`);
  assert.equal(pages.stats.entries, 6);
  await pages.invalidatePrefix(`${url}/m`);
  assert.equal(pages.stats.entries, 3);
});

Deno.test("httpCache() does not keep a response that a write overtook", async () => {
  const gate = Promise.withResolvers<void>();
  const { call, get, pages } = world(async (request, count) => {
    if (count === 1) await gate.promise;
    return new Response(`${request.method} ${count}`, { headers: minute });
  });
  const first = call(new Request(url));
  await get({}, "", "PUT");
  gate.resolve();
  assert.equal(await (await first).text(), "GET 1");
  await settle();
  assert.equal(pages.stats.entries, 0);
});

Deno.test("httpCache() invalidates by tag, and says what it is", async () => {
  const { get, pages, requests } = world(numbered(minute), { tags: (response) => [`n${response.headers.get("x")}`] });
  await get();
  await pages.invalidateTag("nnull");
  await get();
  assert.equal(requests.length, 2);
  await pages.clear();
  assert.equal(pages.stats.entries, 0);
});

Deno.test("httpCache() with coalesce() outside makes one call of many", async () => {
  const { call, requests, pages } = world(numbered(minute));
  const joined = chain(call, coalesce());
  const all = await Promise.all(Array.from({ length: 20 }, () => joined(new Request(url))));
  assert.deepEqual(await Promise.all(all.map((response) => response.text())), Array(20).fill("1"));
  assert.equal(requests.length, 1);
  assert.equal(pages.stats.entries, 1);
});

Deno.test("httpCache() shares what it keeps through a store, with its age", async () => {
  const store = memoryStore();
  const first = world(
    (_, count) => new Response(new Uint8Array([count, 255, 0]), { headers: { ...minute, vary: "accept", "x-a": "b" } }),
    {
      store,
    },
  );
  await first.get({ accept: "a" });
  await first.seconds(20);
  const second = world(numbered(minute), { store }, first.clock);
  const response = await second.call(new Request(url, { headers: { accept: "a" } }), callContext());
  assert.deepEqual([...await response.bytes()], [1, 255, 0]);
  assert.equal(response.headers.get("age"), "20");
  assert.equal(response.headers.get("x-a"), "b");
  assert.equal(second.requests.length, 0);
  await second.pages.invalidate(url);
  const third = world(numbered(minute), { store }, first.clock);
  assert.equal((await third.get({ accept: "a" })).body, "1");
});

Deno.test("httpCache() does not call for one who has gone, and refuses options that make no sense", async () => {
  const { call, requests } = world(numbered(minute));
  await failure(call(new Request(url), callContext({ signal: AbortSignal.abort() })), "cancelled", "no");
  await failure(call(new Request(url), callContext({ deadline: 0 })), "deadline-exceeded", "no");
  assert.equal(requests.length, 0);
  for (const options of [{ shared: 1 }, { maxBodyBytes: -1 }, { ttlMs: 1 }, { maxEntries: 0 }]) {
    assert.throws(() => httpCache(options as HttpCacheOptions), { code: "invalid-option" });
  }
  const used = httpCache();
  used(call);
  assert.throws(() => used(call), { code: "invalid-option" });
});
