/**
 * httpCache() and coalesce() over real HTTP, with curl as a peer.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Hono } from "hono";
import { chain, coalesce, httpCache } from "../../mod.ts";
import { peer, peerTest } from "../support/peer.ts";
import { run } from "../support/process.ts";
import { httpWorld } from "./_world.ts";

/** An app whose page has a validator; it counts how often it was asked, and how often it made a body. */
function app() {
  const counts = { asked: 0, made: 0 };
  const hono = new Hono()
    .get("/page", (c) => {
      counts.asked++;
      c.header("cache-control", "max-age=60, stale-while-revalidate=10");
      c.header("etag", '"v1"');
      if (c.req.header("if-none-match") === '"v1"') return c.body(null, 304);
      counts.made++;
      return c.text(`page ${counts.made}`);
    })
    .get("/checked", (c) => {
      counts.asked++;
      c.header("cache-control", "no-cache");
      c.header("etag", '"v2"');
      if (c.req.header("if-none-match") === '"v2"') return c.body(null, 304);
      counts.made++;
      return c.text(`checked ${counts.made}`);
    })
    .post("/page", (c) => c.text("written"));
  return { counts, fetch: (request: Request) => hono.fetch(request) };
}

Deno.test("a client's httpCache() asks a real server once, validates with its ETag, and heeds its writes", async () => {
  const { counts, fetch } = app();
  await httpWorld(fetch, async ({ origin, client }) => {
    const call = chain(client(), httpCache({ shared: false }));
    const get = async (path: string) => await (await call(new Request(origin + path))).text();
    assert.deepEqual([await get("/page"), await get("/page")], ["page 1", "page 1"]);
    assert.equal(counts.asked, 1);
    await (await call(new Request(`${origin}/page`, { method: "POST", body: "x" }))).text();
    assert.equal(await get("/page"), "page 2");
    assert.deepEqual([await get("/checked"), await get("/checked")], ["checked 3", "checked 3"]);
    assert.deepEqual([counts.asked, counts.made], [4, 3], "the second time a 304 did");
  });
});

Deno.test("a client's coalesce() makes one real request of many, inside a cache that keeps it", async () => {
  const { counts, fetch } = app();
  await httpWorld(fetch, async ({ origin, client }) => {
    const pages = httpCache();
    const call = chain(client(), coalesce(), pages);
    const all = await Promise.all(Array.from({ length: 10 }, () => call(new Request(`${origin}/page`))));
    for (const response of all) assert.equal(await response.text(), "page 1");
    assert.equal(counts.asked, 1);
    assert.equal(pages.stats.entries, 1);
  });
});

peerTest("curl sees Age, ETag and 304 of a server's httpCache()", [peer("curl", "curl")], async () => {
  const { counts, fetch } = app();
  await httpWorld(chain(fetch, httpCache()), async ({ origin }) => {
    const curl = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await run("curl", ["-sS", "-i", ...args, `${origin}/page`], {
        timeoutMs: 20_000,
      });
      assert.equal(code, 0, stderr);
      return stdout.toLowerCase();
    };
    const first = await curl();
    assert.match(first, /^http\/1\.1 200/);
    assert.match(first, /\r\netag: "v1"\r\n/);
    assert.ok(!/\r\nage: /.test(first), "it comes from the app");
    assert.match(first, /page 1$/);
    const second = await curl();
    assert.match(second, /\r\nage: \d+\r\n/);
    assert.match(second, /page 1$/);
    const third = await curl("-H", 'If-None-Match: "v1"');
    assert.match(third, /^http\/1\.1 304/);
    assert.match(third, /\r\n\r\n$/);
    const head = await curl("-I");
    assert.match(head, /^http\/1\.1 200/);
    assert.match(head, /\r\nage: \d+\r\n/);
    assert.equal(counts.asked, 1);
    const written = await curl("-d", "x");
    assert.match(written, /written$/);
    assert.match(await curl(), /page 2$/);
  });
});
