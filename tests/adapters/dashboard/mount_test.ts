/**
 * The dashboard under whatever path it is mounted at, with and without a slash
 * behind it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Hono } from "hono";
import { LinearRouter } from "hono/router/linear-router";
import { PatternRouter } from "hono/router/pattern-router";
import { RegExpRouter } from "hono/router/reg-exp-router";
import { TrieRouter } from "hono/router/trie-router";
import { dashboard } from "../../../adapters/dashboard.ts";
import { chromium, openPage } from "../../support/browser.ts";
import { peerTest } from "../../support/peer.ts";
import { startWorld } from "./_world.ts";

const isLive = "document.getElementById('status').dataset.state === 'live'";

/** Asks for a page, and for all that it links to, as a browser would. */
async function fetched(app: Hono, path: string): Promise<void> {
  const page = await app.request(path);
  assert.equal(page.status, 200, path);
  assert.match(page.headers.get("content-type")!, /^text\/html/, path);
  const links = [...(await page.text()).matchAll(/(?:src|href)="([^"#][^"]*)"/g)].map(([, link]) => link)
    .filter((link) => link !== "data:,");
  assert.equal(links.length, 4, path);
  for (const link of links) {
    const { pathname } = new URL(link, `http://localhost${path}`);
    const file = await app.request(pathname);
    assert.equal(file.status, 200, `${path} links to ${pathname}`);
    assert.match(file.headers.get("content-type")!, /^text\/(css|javascript)/, pathname);
    await file.body?.cancel();
  }
}

Deno.test("the page and its files are found at any mount path, with and without a slash behind it", async () => {
  for (const mount of ["/dashboard", "/a/b/board", "/:tenant/board", "/"]) {
    const board = dashboard();
    const app = new Hono().route(mount, board.app);
    const path = mount.replace(":tenant", "caf%C3%A9%20%3F");
    for (const asked of path === "/" ? ["/"] : [path, `${path}/`]) await fetched(app, asked);
    assert.equal((await app.request(`${path}/other`)).status, 404);
    board.close();
  }
  const board = dashboard();
  const odd = await new Hono().route("/:tenant", board.app).request("/a%22%3E%3Cb%E0%A4");
  assert.equal(odd.status, 200);
  assert.match(await odd.text(), /href="a%22%3E%3Cb%E0%A4\/style\.css"/);
  board.close();
});

Deno.test("the slash behind the path is understood by every router that Hono has", async () => {
  for (const router of [new RegExpRouter(), new TrieRouter(), new LinearRouter(), new PatternRouter()]) {
    const board = dashboard();
    const app = new Hono({ router: router as TrieRouter<never> }).route("/dashboard", board.app);
    for (const path of ["/dashboard", "/dashboard/"]) await fetched(app, path);
    board.close();
  }
});

Deno.test("a slash behind the path is no way around who may see the page", async () => {
  const board = dashboard({ authorize: () => false });
  const app = new Hono().route("/dashboard", board.app);
  for (const path of ["/dashboard", "/dashboard/"]) assert.equal((await app.request(path)).status, 403, path);
  board.close();
});

peerTest("a browser shows the page at both forms of its address", [chromium], async () => {
  await using world = await startWorld();
  for (const url of [world.url, `${world.url}/`]) {
    await using open = await openPage(url);
    await open.until(isLive);
    assert.deepEqual(open.errors, []);
  }
});
