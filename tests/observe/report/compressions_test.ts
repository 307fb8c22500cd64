/**
 * What report() tells of compression and recommends for it: by figures that the
 * test sets, and on chains that work.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adjustablesOf,
  background,
  chain,
  compress,
  type CompressionFigures,
  compressionsOf,
  type CompressOptions,
  contentEncoding,
  type ContentEncodingOptions,
  memory,
  mux,
  pool,
  type Recommendation,
  report,
  type ReportedCompression,
  serve,
  text,
} from "../../../mod.ts";
import { Random } from "../../support/random.ts";
import { Reported } from "./_reported.ts";

const shown = (all: readonly Recommendation[]) =>
  all.map(({ target, setting, from, to, live }) => [`${target}.${setting}`, from, to, live]);

type Totals = { -readonly [Name in keyof ReturnType<ReportedCompression["stats"]>]: number };

/** A report on a part whose figures the test sets. */
function reporting(part: object, cpuShare?: number) {
  const stats: Totals = { compressed: 0, plain: 0, bytesBefore: 0, bytesAfter: 0 };
  const [adjustable] = adjustablesOf(part);
  const reported = new Reported(undefined, { compressions: { wire: { stats: () => stats, adjustable } } });
  reported.cpuShare = cpuShare;
  return { reported, stats, value: (name: string) => adjustable.settings()[name].value };
}

const compressing = (options: CompressOptions = {}, cpuShare?: number) => reporting(compress(options), cpuShare);
const encoding = (options: ContentEncodingOptions = {}, cpuShare?: number) =>
  reporting(contentEncoding(options), cpuShare);

Deno.test("a report tells the bytes before and after compression and their ratio, of its period alone", async () => {
  const { reported, stats } = compressing();
  Object.assign(stats, { compressed: 10, plain: 4, vain: 1, bytesBefore: 9000, plainBytes: 1000, bytesAfter: 3000 });
  await reported.clock.advance(400_000);
  const { compressions } = reported.report.snapshot();
  const first = { name: "wire", bytesBefore: 9000, bytesAfter: 3000, ratio: 3, compressed: 10, plain: 4 };
  assert.deepEqual(compressions, [first]);
  Object.assign(stats, { compressed: 12, plain: 5, bytesBefore: 13_000, plainBytes: 1000, bytesAfter: 5000 });
  await reported.clock.advance(700_000);
  const next = { name: "wire", bytesBefore: 4000, bytesAfter: 2000, ratio: 2, compressed: 2, plain: 1 };
  assert.deepEqual(reported.report.snapshot().compressions, [next]);
  await reported.clock.advance(700_000);
  reported.report.snapshot();
  await reported.clock.advance(700_000);
  assert.deepEqual(reported.report.snapshot().compressions, []);
});

Deno.test("where all bodies were left alone there is no ratio, which is not 1", () => {
  const { reported, stats } = encoding();
  stats.plain = 7;
  const [only] = reported.report.snapshot().compressions;
  assert.deepEqual(only, { name: "wire", bytesBefore: 0, bytesAfter: 0, compressed: 0, plain: 7 });
});

Deno.test("what is compressed in vain since it is short is left alone by a higher threshold", async () => {
  const { reported, stats, value } = compressing();
  const bytes = 1000 * 1500;
  Object.assign(stats, { plain: 1000, vain: 200, bytesBefore: bytes, plainBytes: bytes, bytesAfter: bytes });
  const [first, ...rest] = await reported.recommendations();
  assert.deepEqual([shown([first]), rest], [[["wire.thresholdBytes", 1024, 4096, true]], []]);
  assert.match(first.why, /^200 of 200 that were tried did not get smaller by a tenth, with 1500 bytes each: short/);
  assert.deepEqual([first.measured.vain, first.measured.ratio], [200, 1]);
  assert.equal(reported.report.apply([first]).applied.length, 1);
  assert.equal(value("thresholdBytes"), 4096);
});

Deno.test("compression of long messages that saves nothing is turned off, live", async () => {
  const { reported, stats, value } = compressing({}, 0.6);
  const bytes = 1000 * 50_000;
  const made = { compressed: 15, plain: 985, vain: 185, bytesBefore: bytes, plainBytes: 985 * 50_000 };
  Object.assign(stats, made, { bytesAfter: bytes - 10_000 });
  const found = await reported.recommendations();
  assert.deepEqual(shown(found), [["wire.format", "auto", "none", true]]);
  assert.match(found[0].why, /50000 bytes each, with 60 % of a processor in use: the work is in vain$/);
  assert.equal(reported.report.apply(found).applied.length, 1);
  assert.equal(value("format"), "none");
});

Deno.test("encoding of bodies that hardly get smaller is raised to longer ones, and then turned off", async () => {
  const { reported, stats, value } = encoding();
  Object.assign(stats, { compressed: 100, bytesBefore: 300_000, bytesAfter: 280_000 });
  const found = await reported.recommendations();
  assert.deepEqual(shown(found), [["wire.thresholdBytes", 1024, 4096, true]]);
  assert.match(found[0].why, /^100 that were compressed have 7 % less bytes, with 3000 bytes each/);
  Object.assign(stats, { compressed: 200, bytesBefore: 10_300_000, bytesAfter: 10_200_000 });
  const next = await reported.recommendations();
  assert.deepEqual(shown(next), [["wire.encode", true, false, true]]);
  reported.report.apply(next);
  assert.equal(value("encode"), false);
});

Deno.test("the threshold is not raised past the length where all messages would be held in memory", async () => {
  for (const mean of [70_000, 50_000]) {
    const { reported, stats } = encoding({ thresholdBytes: 65_536 });
    Object.assign(stats, { compressed: 100, bytesBefore: 100 * mean, bytesAfter: 100 * mean });
    assert.deepEqual(shown(await reported.recommendations()), [["wire.encode", true, false, true]]);
  }
});

Deno.test("what saves enough is left as it is, and so is what was tried too seldom to say", async () => {
  for (
    const totals of [
      { compressed: 1000, plain: 500, vain: 20, bytesBefore: 9e6, plainBytes: 1e6, bytesAfter: 4e6 },
      { compressed: 1000, plain: 500, vain: 20, bytesBefore: 9e6, plainBytes: 1e6, bytesAfter: 8.1e6 },
      { compressed: 0, plain: 99, vain: 99, bytesBefore: 9e6, plainBytes: 9e6, bytesAfter: 9e6 },
      { compressed: 0, plain: 5000, vain: 0, bytesBefore: 9e6, plainBytes: 9e6, bytesAfter: 9e6 },
    ]
  ) {
    const { reported, stats } = compressing({}, 0.6);
    Object.assign(stats, totals);
    assert.deepEqual(await reported.recommendations(), [], JSON.stringify(totals));
  }
});

Deno.test("where processors are short compression works less for what it saves", async () => {
  const much = { compressed: 1000, plain: 0, vain: 0, bytesBefore: 9e6, plainBytes: 0, bytesAfter: 3e6 };
  const little = { ...much, bytesAfter: 7e6 };
  for (
    const [totals, level, cpuShare, expected] of [
      [much, 6, 0.95, [["wire.level", 6, 1, true]]],
      [much, 6, 0.6, []],
      [much, 1, 0.95, []],
      [little, 1, 0.95, [["wire.thresholdBytes", 1024, 4096, true]]],
      [little, 1, 0.6, []],
    ] as const
  ) {
    const { reported, stats } = compressing({ level }, cpuShare);
    Object.assign(stats, totals);
    assert.deepEqual(shown(await reported.recommendations()), expected, `${level} ${cpuShare} ${totals.bytesAfter}`);
  }
});

Deno.test("where processors have time and most bytes are short, shorter messages are compressed, down to 256 bytes", async () => {
  const totals = { compressed: 500, plain: 9000, vain: 0, bytesBefore: 8.1e6, plainBytes: 7.2e6, bytesAfter: 7.4e6 };
  for (
    const [thresholdBytes, cpuShare, changed, expected] of [
      [1024, 0.2, {}, [["wire.thresholdBytes", 1024, 512, true]]],
      [300, 0.2, {}, [["wire.thresholdBytes", 300, 256, true]]],
      [256, 0.2, {}, []],
      [1024, 0.6, {}, []],
      [1024, undefined, {}, []],
      [1024, 0.2, { plain: 900 }, []],
      // On average they are not among those that would be compressed.
      [1024, 0.2, { plain: 90_000 }, []],
      // What is compressed has not become much smaller.
      [1024, 0.2, { bytesAfter: 7.9e6 }, []],
      [1024, 0.2, { plainBytes: 4e6, plain: 5000, bytesAfter: 5e6 }, []],
    ] as const
  ) {
    const { reported, stats } = compressing({ thresholdBytes }, cpuShare);
    Object.assign(stats, totals, changed);
    const found = shown(await reported.recommendations());
    assert.deepEqual(found, expected, JSON.stringify([thresholdBytes, cpuShare, changed]));
  }
});

Deno.test("nothing is recommended for what can't be changed, and names are had once", () => {
  const figures: CompressionFigures = { compressed: 0, plain: 500, vain: 500, bytesBefore: 1e9, bytesAfter: 1e9 };
  const wire: ReportedCompression = { stats: () => figures };
  assert.deepEqual(report({ compressions: { wire } }).snapshot().recommendations, []);
  const links = { wire: { stats: () => ({}) } };
  assert.throws(() => report({ links, compressions: { wire } }), { code: "invalid-option", message: /wire/ });
});

Deno.test("compression that works in watched chains is found, told and turned off while calls go through it", async () => {
  const wire = memory();
  const around = () => chain(wire, compress({ thresholdBytes: 200 }), mux(), text());
  await using _server = await serve(around(), (request) => request);
  await using call = chain(around(), pool({ max: 1 }));
  const handler = (): Response => new Response("words ".repeat(500), { headers: { "content-type": "text/plain" } });
  const web = chain(handler, contentEncoding({ thresholdBytes: 100 }));
  const compressions = compressionsOf({ orders: call, web, none: chain(memory()) });
  const performance = report({ compressions });
  await call("words ".repeat(500));
  const response = await web(
    new Request("http://localhost/", { headers: { "accept-encoding": "gzip" } }),
    background,
  );
  const { length } = await response.bytes();
  const [orders, encoded, ...rest] = performance.snapshot().compressions;
  assert.deepEqual([orders.name, orders.compressed, rest], ["orders.compress", 1, []]);
  assert.ok(orders.ratio! > 10, `${orders.ratio}`);
  assert.deepEqual(encoded, {
    name: "web.contentEncoding",
    compressed: 1,
    plain: 0,
    bytesBefore: 3000,
    bytesAfter: length,
    ratio: 3000 / length,
  });
  const { compressed, plain, bytesBefore, plainBytes } = compressions["orders.compress"].stats();
  // The hello of mux() went as it is, and the call has a head.
  assert.deepEqual([compressed, plain], [1, 1]);
  assert.ok(bytesBefore - plainBytes! >= 3000 && bytesBefore - plainBytes! < 3050, `${bytesBefore} ${plainBytes}`);
  // Now what does not get smaller.
  const random = new Random(5);
  const noise = Array.from({ length: 3000 }, () => String.fromCharCode(random.below(0xd000) + 65)).join("");
  // Of those that were in vain 64 are left out before the next is tried.
  for (let i = 0; i < 6500; i++) await call(noise);
  const found = performance.snapshot().recommendations;
  assert.deepEqual(shown(found), [["orders.compress.format", "auto", "none", true]]);
  assert.equal(performance.apply(found).applied.length, 1);
  await call("words ".repeat(500));
  const after = performance.snapshot().compressions[0];
  assert.equal(after.compressed, orders.compressed);
});
