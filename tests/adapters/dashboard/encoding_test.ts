/**
 * What contentEncoding() saves, from a known load to the metrics and the feed of
 * the dashboard.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { gzipSync } from "node:zlib";
import { dashboard } from "../../../adapters/dashboard.ts";
import { prometheus } from "../../../adapters/prometheus.ts";
import {
  background,
  chain,
  compressionMetrics,
  contentEncoding,
  ContentEncodingStats,
  type Handler,
  ManualClock,
  stagesOf,
} from "../../../mod.ts";
import { EventStreamParser } from "../../../src/framing/event_stream/event_stream_parser.ts";

const long = "the same words again and again, ".repeat(200);

/** A server of bodies, one by each path, and what it has counted. */
function served() {
  const stats = new ContentEncodingStats();
  const handler: Handler<Request, Response> = (request) => {
    const headers = { "content-type": request.url.endsWith("/picture") ? "image/png" : "text/plain" };
    return new Response(request.url.endsWith("/short") ? "short" : long, { headers });
  };
  const site = chain(handler, contentEncoding({ stats }));
  const ask = async (path: string, headers: HeadersInit = { "accept-encoding": "gzip" }): Promise<number> => {
    const response = await site(new Request(`http://localhost${path}`, { headers }), background);
    return (await response.arrayBuffer()).byteLength;
  };
  return { stats, site, ask };
}

Deno.test("a known load is counted in the bytes that were given and those that were sent", async () => {
  const { stats, site, ask } = served();
  const figures = () =>
    Object.fromEntries(stagesOf(site).at(-1)!.figures!().map(({ name, value }) => [name, value] as const));
  assert.equal(figures().ratio, undefined, "nothing is known yet");
  let sent = 0;
  for (let i = 0; i < 5; i++) sent += await ask("/long");
  await ask("/short");
  await ask("/picture");
  await ask("/long", {});
  assert.deepEqual([stats.compressed, stats.plain, stats.inflated], [5, 2, 0]);
  assert.deepEqual([stats.bytesBefore, stats.bytesAfter], [5 * long.length, sent]);
  assert.ok(stats.ratio > 10);
  assert.deepEqual(figures(), {
    ratio: 5 * long.length / sent,
    "bytes before": 5 * long.length,
    "bytes after": sent,
    encoded: 5,
    plain: 2,
    decoded: 0,
  });
  const source = compressionMetrics(stats, { listener: "site" });
  const values = Object.fromEntries(source().map(({ name, series }) => [name, series[0].value] as const));
  assert.equal(values["wireway.compression.input"], 5 * long.length);
  assert.equal(values["wireway.compression.output"], sent);
  assert.equal(values["wireway.compression"], 5 * long.length / sent);
});

Deno.test("a body counts as far as it was read", async () => {
  const { stats, site } = served();
  const request = new Request("http://localhost/long", { headers: { "accept-encoding": "gzip" } });
  const response = await site(request, background);
  assert.deepEqual([stats.compressed, stats.bytesAfter], [1, 0]);
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  assert.equal(stats.bytesAfter, value!.length);
  await reader.cancel();
});

Deno.test("a client counts the bodies of its requests, and replies that it decoded", async () => {
  const stats = new ContentEncodingStats();
  let received = 0;
  const call = chain(async (request: Request): Promise<Response> => {
    received += (await request.arrayBuffer()).byteLength;
    const headers = { "content-type": "text/plain", "content-encoding": "gzip" };
    return new Response(new Uint8Array(gzipSync(long)), { headers });
  }, contentEncoding({ side: "client", stats }));
  for (const body of [long, long, "short"]) {
    const headers = { "content-type": "text/plain" };
    const response = await call(new Request("http://localhost/", { method: "POST", headers, body }), background);
    assert.equal(await response.text(), long);
  }
  assert.deepEqual([stats.compressed, stats.plain, stats.inflated], [2, 1, 3]);
  assert.deepEqual([stats.bytesBefore, stats.bytesAfter + "short".length], [2 * long.length, received]);
});

Deno.test("the dashboard and the page of metrics show what a known load saved", async () => {
  const { stats, site, ask } = served();
  const clock = new ManualClock();
  const sources = [compressionMetrics(stats, { listener: "site" })];
  using board = dashboard({ chains: { site }, sources, clock, wallClock: () => clock.now(), record: "always" });
  let sent = 0;
  for (let i = 0; i < 7; i++) sent += await ask("/long");
  await clock.advance(1000);
  const events: { data: string }[] = [];
  const parser = new EventStreamParser({ event: ({ data }) => events.push({ data }) });
  const reader = (await board.app.request("/events")).body!.getReader();
  while (events.length === 0) parser.push((await reader.read()).value!);
  await reader.cancel();
  const { series, recent, figures } = JSON.parse(events[0].data);
  const last = (name: string): unknown =>
    recent.values[series.findIndex((one: { name: string }) => one.name === name)].at(-1);
  assert.deepEqual(
    [last("wireway.compression.input"), last("wireway.compression.output")],
    [7 * long.length, sent],
  );
  assert.match(JSON.stringify(figures), new RegExp(`"bytes before","kind":"count","value":${7 * long.length}`));
  const page = await prometheus(sources)(new Request("http://localhost/metrics")).text();
  assert.match(page, new RegExp(`^wireway_compression_output_bytes_total\\{listener="site"\\} ${sent}$`, "m"));
});
