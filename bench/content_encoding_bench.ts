/**
 * What contentEncoding() costs beside the platform's codec by hand, and beside
 * Hono's compress().
 *
 * @module
 */

import { Hono } from "hono";
import { compress } from "hono/compress";
import { chain, contentEncoding } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const TIMES = 20;

const json = JSON.stringify(Array.from({ length: 1200 }, (_, id) => ({ id, name: `customer ${id}`, open: true })));
const headers = { "content-type": "application/json" };
const handler = (): Response => new Response(json, { headers });
const request = (): Request => new Request("http://localhost/", { headers: { "accept-encoding": "gzip" } });

const ours = chain(handler, contentEncoding());
const app = new Hono().use(compress()).get("/", handler);

async function byHand(): Promise<Response> {
  const body = (await handler()).body!.pipeThrough(new CompressionStream("gzip"));
  return new Response(body, { headers: { ...headers, "content-encoding": "gzip" } });
}

const group = new Group(`contentEncoding(), ${Math.round(json.length / 1024)} KiB of JSON`, TIMES, "response");

group.floor("CompressionStream by hand", async () => {
  for (let i = 0; i < TIMES; i++) kept.value = await (await byHand()).arrayBuffer();
});

group.bench("contentEncoding()", async () => {
  for (let i = 0; i < TIMES; i++) kept.value = await (await ours(request())).arrayBuffer();
});

group.bench("Hono's compress()", async () => {
  for (let i = 0; i < TIMES; i++) kept.value = await (await app.fetch(request())).arrayBuffer();
});
