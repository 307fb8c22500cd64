/**
 * The picture of a load test.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { plot } from "../../bench/load/plot.ts";
import { linear, logarithmic } from "../../bench/load/scale.ts";
import { Tally } from "../../bench/load/tally.ts";
import { element, escaped } from "../../bench/load/xml.ts";
import { chromium, openPage } from "../support/browser.ts";
import { peerTest } from "../support/peer.ts";

/** Ten seconds, of which the fifth has a stall. */
function seconds(): Tally[] {
  return Array.from({ length: 10 }, (_, second) => {
    const tally = new Tally();
    for (let i = 0; i < 1000; i++) tally.succeed(second === 4 && i > 900 ? 5 * (i - 900) : 0.2 + i / 2000);
    return tally;
  });
}

function pictureOf(ticks: Tally[], title = "tcp, open loop, 1,000 calls a second"): string {
  const total = new Tally();
  for (const tick of ticks) total.merge(tick);
  return plot({ title, subtitle: "1,000 a second, p99 320 ms, 0 errors", ticks, total });
}

/** Throws where elements are not closed in order, or attributes not quoted. */
function checkWellFormed(xml: string): void {
  const open: string[] = [];
  const rest = xml.replace(/^<\?xml [^?]*\?>\n/, "").replace(/<(\/?)([a-z]+)((?: [\w:-]+="[^"<]*")*)(\/?)>/gi, (
    _,
    closing: string,
    name: string,
    __,
    empty: string,
  ) => {
    if (closing) assert.equal(open.pop(), name);
    else if (!empty) open.push(name);
    return "";
  });
  assert.deepEqual(open, []);
  assert.doesNotMatch(rest, /[<>]|&(?!(?:amp|lt|gt|quot|apos);)/);
}

Deno.test("the plot is well-formed, whatever its title", () => {
  for (const title of ["plain", `<b> & "quotes" 'too' ]]>`, "a\u0000b\u0007"]) {
    checkWellFormed(pictureOf(seconds(), title));
  }
  checkWellFormed(pictureOf([]));
  checkWellFormed(pictureOf([new Tally()]));
  const one = new Tally();
  one.succeed(1);
  checkWellFormed(pictureOf([one]));
});

Deno.test("the plot has a line for each percentile, whose point for a stall is higher up", () => {
  const svg = pictureOf(seconds());
  const places = (name: string): number[] => {
    const points = new RegExp(`<polyline class="${name} line" points="([^"]*)"`).exec(svg)![1];
    return points.split(" ").map((point) => Number(point.split(",")[1]));
  };
  for (const name of ["max", "p99"]) {
    const y = places(name);
    assert.equal(y.length, 10);
    assert.ok(y.every((place, second) => second === 4 ? place < y[0] - 100 : Math.abs(place - y[0]) < 2), name);
  }
  assert.ok(Math.abs(places("p50")[4] - places("p50")[0]) < 2);
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
});

Deno.test("scales put their ends where they belong, and their lines between", () => {
  const even = linear(10, 100, 200, 5);
  assert.deepEqual([even.at(0), even.at(10), even.ticks], [100, 200, [0, 2, 4, 6, 8, 10]]);
  assert.deepEqual(linear(0, 0, 1, 5).ticks.length > 0, true);
  const decades = logarithmic(0.2, 300, 400, 100);
  assert.deepEqual(decades.ticks, [0.1, 1, 10, 100, 1000]);
  assert.deepEqual([decades.at(0.1), decades.at(1000), decades.at(0)], [400, 100, 400]);
});

Deno.test("text and attributes are escaped", () => {
  assert.equal(escaped(`a<b>&"'\u0001`), "a&lt;b&gt;&amp;&quot;&apos;");
  assert.equal(element("a", { b: '"<' }), '<a b="&quot;&lt;"/>');
});

peerTest("a browser draws the plot", [chromium], async () => {
  const folder = await Deno.makeTempDir({ prefix: "wireway_" });
  try {
    const path = join(folder, "load.svg");
    await Deno.writeTextFile(path, pictureOf(seconds()));
    await using open = await openPage(`file://${path}`);
    await open.until("document.documentElement.nodeName === 'svg' && !document.querySelector('parsererror')");
    assert.equal(await open.page.evaluate("document.querySelectorAll('polyline').length"), 5);
    const outside = "[...document.querySelectorAll('text, polyline')].filter((one) => { const box = one.getBBox();" +
      " return box.x < 0 || box.y < 0 || box.x + box.width > 960 || box.y + box.height > 460; }).map((one) => one.outerHTML)";
    assert.deepEqual(await open.page.evaluate(outside), []);
    await open.screenshot("load-light");
    await open.page.emulateMedia({ colorScheme: "dark" });
    await open.screenshot("load-dark");
    assert.deepEqual(open.errors, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
