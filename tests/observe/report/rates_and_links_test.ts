/**
 * What report() recommends for rate limits and for buffers, by figures that the
 * test sets, on parts that are real.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adjustablesOf,
  batch,
  bufferBytesFor,
  chain,
  http,
  linkStats,
  memory,
  mux,
  pool,
  rateLimit,
  type Recommendation,
  report,
  serve,
  tcp,
  text,
} from "../../../mod.ts";
import { until } from "../../support/channels.ts";
import { Reported } from "./_reported.ts";

const targets = { p95Ms: 100 };
const shown = (all: readonly Recommendation[]) =>
  all.map(({ target, setting, from, to, live }) => [`${target}.${setting}`, from, to, live]);

/** A report on a rate limit of 100 calls a second, whose refusals the test counts. */
function rated(keys = 1) {
  const limit = rateLimit({ windows: [{ calls: 100, perMs: 1000 }, { calls: 60_000, perMs: 60_000, burst: 60_000 }] });
  const stats = { keys, rejected: 0 };
  const [adjustable] = adjustablesOf(limit);
  const reported = new Reported(targets, { rates: { api: { stats: () => ({ ...stats }), adjustable } } });
  reported.cpuShare = 0.2;
  return { reported, stats, limit, adjustable };
}

Deno.test("a rate that was used up while there was room is raised, the tightest window's", async () => {
  const { reported, stats, adjustable } = rated();
  stats.rejected = 500;
  reported.answered({ 20: 5900 });
  const [first, ...rest] = await reported.recommendations();
  assert.deepEqual([shown([first]), rest], [[["api.windows[0].calls", 100, 150, true]], []]);
  assert.match(first.why, /^500 calls were refused, at 100 per second, while 95 of 100 took up to 20 ms, 100 are fine/);
  assert.equal(first.measured.allowed, 100);
  assert.equal(Math.round(first.measured.perSecond), 98);
  const { applied } = reported.report.apply([first]);
  assert.equal(applied.length, 1);
  assert.equal(adjustable.settings()["windows[0].calls"].value, 150);
});

Deno.test("where the rate was not used up on the whole, the calls come in bursts, and the burst is made larger", async () => {
  const { reported, stats } = rated();
  stats.rejected = 500;
  reported.answered({ 20: 1200 });
  const [first] = await reported.recommendations();
  assert.deepEqual(shown([first]), [["api.windows[0].burst", 100, 150, true]]);
  assert.match(first.why, /on the whole 20 of 100 allowed per second were answered: they come in bursts/);
});

Deno.test("of several keys the mean says nothing, so the rate of each is raised", async () => {
  const { reported, stats } = rated(40);
  stats.rejected = 500;
  reported.answered({ 20: 1200 });
  assert.deepEqual(shown(await reported.recommendations()), [["api.windows[0].calls", 100, 150, true]]);
});

Deno.test("a rate that lets in more than can be done is lowered to what was done", async () => {
  const { reported } = rated();
  for (let i = 0; i < 100; i++) reported.loop.record(80);
  reported.answered({ 400: 3000 });
  const [first] = await reported.recommendations();
  assert.deepEqual(shown([first]), [["api.windows[0].calls", 100, 50, true]]);
  assert.match(first.why, /no more than 50 calls per second were answered, of 100 allowed/);
});

Deno.test("a rate is left alone where it refuses few calls, where there is no room, and where that is not known", async () => {
  for (
    const [rejected, cpuShare, ms] of [[5, 0.2, 20], [500, 0.9, 20], [500, undefined, 20], [500, 0.2, 150]] as const
  ) {
    const { reported, stats } = rated();
    stats.rejected = rejected;
    reported.cpuShare = cpuShare;
    reported.answered({ [ms]: 5900 });
    assert.deepEqual(await reported.recommendations(), [], `${rejected} ${cpuShare} ${ms}`);
  }
});

/** A report on connections whose bytes the test counts. */
function linked(adjustable: ReturnType<typeof adjustablesOf>[number], more: object = {}) {
  const stats = { connectionsOpen: 1, bytesIn: 0, bytesOut: 0 };
  const link = { stats: () => ({ ...stats }), roundTripMs: 40, adjustable, ...more };
  return { stats, reported: new Reported(undefined, { links: { wan: link } }) };
}
const buffersOf = (part: object) => adjustablesOf(part)[0];

Deno.test("a buffer that holds no more than a round trip's worth is doubled over that, and apply() does so", async () => {
  const wire = tcp({ port: 9, highWaterBytes: 65_536 });
  const { stats, reported } = linked(buffersOf(wire));
  // 60 s at 1.6 MB a second: 64 000 bytes each 40 ms.
  stats.bytesOut = 60 * 1_600_000;
  const all = await reported.recommendations();
  assert.deepEqual(shown(all), [["wan.highWaterBytes", 65_536, 131_072, true]]);
  assert.equal(
    all[0].why,
    "12800000 bits per second measured × 40 ms / 8000 = 64000 bytes are on their way out in a round trip, " +
      "and the buffer is 65536: it holds the sender back",
  );
  assert.equal(reported.report.apply(all).applied.length, 1);
  assert.equal(buffersOf(wire).settings().highWaterBytes.value, 131_072);
});

Deno.test("for a bandwidth that is wanted the buffer is what bufferBytesFor() says, and what bounds it goes first", async () => {
  const wire = batch({ highWaterBytes: 65_536, maxBufferedBytes: 131_072 });
  const link = { bandwidthBitsPerSecond: 100_000_000, roundTripMs: 40 };
  const { stats, reported } = linked(buffersOf(wire), link);
  stats.bytesOut = 1000;
  const all = await reported.recommendations();
  const to = bufferBytesFor(link);
  assert.deepEqual(shown(all), [
    ["wan.maxBufferedBytes", 131_072, 4 * to, true],
    ["wan.highWaterBytes", 65_536, to, true],
  ]);
  const { applied, refused } = reported.report.apply(all);
  assert.deepEqual([applied.length, refused], [2, []]);
  assert.deepEqual(await reported.recommendations(), []);
});

Deno.test("what comes in is held against the window that this end gives, which needs a restart", async () => {
  const shared = linked(buffersOf(mux({ windowBytes: 262_144 })));
  shared.stats.bytesIn = 60 * 10_000_000;
  shared.stats.connectionsOpen = 2;
  assert.deepEqual(await shared.reported.recommendations(), []);
  const alone = linked(buffersOf(mux({ windowBytes: 262_144 })));
  alone.stats.bytesIn = 60 * 10_000_000;
  const found = await alone.reported.recommendations();
  assert.deepEqual(shown(found), [["wan.windowBytes", 262_144, 1_048_576, false]]);
  assert.equal(alone.reported.report.apply(found).restart.length, 1);
});

Deno.test("buffers of a few connections are left alone, for little would be saved", async () => {
  const { stats, reported } = linked(buffersOf(tcp({ port: 9, highWaterBytes: 262_144 })));
  stats.connectionsOpen = 10;
  for (let look = 0; look < 12; look++) {
    stats.bytesOut += 60 * 10 * 10_000;
    assert.deepEqual(await reported.recommendations(), []);
  }
});

Deno.test("buffers of many connections that never need them are made smaller", async () => {
  const { stats, reported } = linked(buffersOf(tcp({ port: 9, highWaterBytes: 262_144 })));
  stats.connectionsOpen = 1000;
  for (let look = 0; look < 12; look++) {
    stats.bytesOut += 60 * 1000 * 10_000;
    const all = await reported.recommendations();
    if (look < 8) assert.deepEqual(all, []);
    else if (look === 11) assert.deepEqual(shown(all), [["wan.highWaterBytes", 262_144, 16_384, true]]);
  }
});

Deno.test("without a round trip, or without bytes, nothing is said; the fastest call stands in for the round trip", async () => {
  const stats = { connectionsOpen: 1, bytesOut: 0 };
  const adjustable = buffersOf(tcp({ port: 9, highWaterBytes: 65_536 }));
  const links = { wan: { stats: () => ({ ...stats }), adjustable } };
  const silent = new Reported(undefined, { links });
  const told = new Reported(targets, { links });
  const uncounted = new Reported(undefined, { links: { wan: { stats: () => ({}), roundTripMs: 40, adjustable } } });
  stats.bytesOut = 60 * 1_600_000;
  told.answered({ 40: 50, 80: 50 });
  assert.deepEqual(await silent.recommendations(), []);
  assert.deepEqual(await uncounted.recommendations(), []);
  assert.deepEqual(shown(await told.recommendations()), [["wan.highWaterBytes", 65_536, 131_072, true]]);
});

Deno.test("a name that two parts have is refused, of rates and links too", () => {
  const limit = rateLimit({ windows: [{ calls: 1, perMs: 1000 }] });
  const links = { a: { stats: linkStats(tcp({ port: 9 })) } };
  assert.throws(() => report({ rates: { a: { stats: limit.stats } }, links }), { code: "invalid-option" });
});

Deno.test("linkStats() reads the bytes that really went, of whatever tells of them", async () => {
  const far = chain(tcp({ port: 0 }), mux(), text());
  await using server = await serve(far, (request) => request);
  const near = chain(tcp({ port: server.addr.port! }), mux(), text());
  await using call = chain(near, pool({ max: 1 }));
  await call("x".repeat(10_000));
  const [here, there] = [linkStats(call)(), linkStats(far)()];
  assert.deepEqual([here.connectionsOpen, there.connectionsOpen], [1, 1]);
  assert.ok(here.bytesOut! > 10_000 && here.bytesOut! < 10_200, `${here.bytesOut}`);
  // What was written is counted when the system says so, which may be after the far side has it.
  await until(() => linkStats(far)().bytesOut === linkStats(call)().bytesIn, "the reply was not counted");
  assert.equal(there.bytesIn, here.bytesOut);

  await using site = await serve(http({ port: 0 }), () => new Response("hello"));
  const origin = `http://127.0.0.1:${site.addr.port}`;
  await using web = chain(http({ origin }), pool({ max: 1 }));
  await (await web(new Request(origin))).text();
  assert.equal(linkStats(web)().connectionsOpen, 1);
  assert.ok(linkStats(web)().bytesIn! > 50);
  assert.deepEqual(linkStats(chain((request: string) => request))(), {});
  assert.equal(linkStats(memory())().bytesOut, undefined);
});
