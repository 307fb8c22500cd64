/**
 * The dashboard in a browser: by keyboard, on a phone, in the dark, through
 * cuts, and against names that would harm it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chromium, type OpenPage, openPage } from "../../support/browser.ts";
import { until } from "../../support/channels.ts";
import { faultProxy } from "../../support/fault_proxy.ts";
import { peerTest } from "../../support/peer.ts";
import { evil, snapshots } from "./_snapshots.ts";
import { beganAt, startWorld, type World } from "./_world.ts";

const isLive = "document.getElementById('status').dataset.state === 'live'";
const shows = ({ clock }: World): string => `document.documentElement.dataset.shown === "${beganAt + clock.now()}"`;

/** A page that has been shown something of everything. */
async function fullPage(world: World): Promise<OpenPage> {
  const open = await openPage(world.url);
  await open.until(isLive);
  for (let i = 1; i <= 20; i++) {
    void world.orders({ tookMs: 10 * i });
    await world.echo("hello ".repeat(i));
    await world.clock.advance(1000);
  }
  await open.until(shows(world));
  return open;
}

const focused = (open: OpenPage): Promise<string> =>
  open.page.evaluate(`(() => {
    const { id, className, tagName, value, textContent } = document.activeElement;
    return id || className || (value ? tagName + " " + value : tagName + " " + textContent.slice(0, 20));
  })()`);

peerTest("panels show health, objectives, alerts and the report", [chromium], async () => {
  await using world = await startWorld(snapshots);
  await using open = await fullPage(world);
  const textOf = (selector: string) => open.page.locator(selector).first().innerText();
  assert.match(await textOf("#health .line"), /▲ degraded\s+ready, live/);
  assert.match(await textOf("#health tbody tr"), /12 of 20 calls failed in the last 10 s/);
  assert.match(
    await textOf("#health [aria-label=Endpoints] tbody"),
    /10\.0\.0\.1:9000\t● healthy\t3\t20\t12\t–\t42\.5 ms\t–/,
  );
  assert.match(await textOf("#objectives tbody tr"), /p99\t≤ 200 ms\t412 ms\t■ missed\t21 \/ 30/);
  assert.match(await textOf("#objectives tbody tr:nth-child(2)"), /errors\t≤ 0\.1 %\t–\t○ –/);
  assert.match(await textOf("#alerts [role=alert]"), /■ page p99 is 412 ms, 200 ms are promised/);
  assert.match(await textOf('#report [data-score="latency"]'), /latency\s+61\.3/);
  const compressions = await textOf("#report table");
  assert.match(compressions, /orders\.compress .*\s7\s+2\s+30\.0 KiB\s+10\.0 KiB\s+3×/);
  assert.match(compressions, /web\.contentEncoding\s+0\s+4\s+0 B\s+0 B\s+–/);
  assert.match(await textOf('#report [data-recommendation="pool.max"]'), /pool\.max: 2 → 4\s+calls waited 40 ms/);
  await open.screenshot("dashboard-panels");
});

peerTest("names and texts that would harm a page are shown as they are", [chromium], async () => {
  const chains = { [evil]: (request: string) => request };
  const sources = [() => [{
    name: "wireway.calls",
    kind: "counter" as const,
    unit: "",
    description: evil,
    series: [{ labels: { upstream: evil, outcome: evil }, value: 1 }],
  }]];
  await using world = await startWorld({ ...snapshots, title: evil, note: evil, chains, sources });
  await using open = await fullPage(world);
  await open.page.click("#all summary");
  await open.until("document.querySelector('#all tbody tr') !== null");
  const found = await open.page.evaluate(`({
    injected: document.querySelectorAll("img, [onerror]").length,
    title: document.title,
    heading: document.querySelector("h1").textContent,
    chain: document.querySelector(".chain h3").firstChild.textContent,
    group: document.querySelector(".card h3 small").textContent.trim(),
    row: document.querySelector("#all tbody tr").cells[1].textContent,
  })`);
  assert.deepEqual(found, {
    injected: 0,
    title: evil,
    heading: evil,
    chain: evil,
    group: `upstream=${evil}`,
    row: `outcome=${evil} upstream=${evil}`,
  });
  assert.deepEqual(open.errors, []);
});

peerTest("all of the page can be reached and used by keyboard, and one sees where one is", [chromium], async () => {
  await using world = await startWorld(snapshots);
  await using open = await fullPage(world);
  const { keyboard } = open.page;
  await keyboard.press("Tab");
  assert.equal(await focused(open), "skip");
  assert.equal(await open.page.locator(".skip").isVisible(), true);
  await keyboard.press("Enter");
  assert.equal(await focused(open), "figures");

  await open.page.evaluate("document.activeElement.blur(); document.body.focus(); getSelection().removeAllRanges()");
  await open.page.locator(".skip").focus();
  const order: string[] = [];
  for (let i = 0; i < 3; i++) {
    await keyboard.press("Tab");
    order.push(await focused(open));
    const outlined = await open.page.evaluate(`(() => {
      const at = document.activeElement.matches("input") ? document.activeElement.nextElementSibling : document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      return outlineStyle + " " + outlineWidth;
    })()`);
    assert.equal(outlined, "solid 2px", order[i]);
  }
  assert.deepEqual(order, ["INPUT recent", "pause", "theme"]);

  await open.page.locator("#range input").first().focus();
  await keyboard.press("ArrowRight");
  assert.equal(await open.page.locator("#range input:checked").getAttribute("value"), "long");
  await keyboard.press("ArrowLeft");

  await open.page.locator("#pause").focus();
  await keyboard.press("Enter");
  assert.equal(await open.page.locator("#pause").getAttribute("aria-pressed"), "true");
  const before = await open.page.evaluate("document.documentElement.dataset.shown");
  await world.clock.advance(2000);
  await open.until("document.getElementById('status').textContent === 'paused'");
  assert.equal(await open.page.evaluate("document.documentElement.dataset.shown"), before);
  await keyboard.press("Enter");
  await open.until(shows(world));

  await open.page.locator("#theme").focus();
  await keyboard.press("Enter");
  assert.equal(await open.page.evaluate("document.documentElement.dataset.theme"), "light");

  // In a chart the arrow keys go back in time, and the legend follows.
  const chart = open.page.locator('[data-chart^="Latency"]');
  await chart.locator(".plot").focus();
  const now = await chart.locator(".legend").innerText();
  for (let i = 0; i < 12; i++) await keyboard.press("ArrowLeft");
  assert.match(await chart.locator(".time").innerText(), /^\d\d:\d\d:\d\d$/);
  assert.notEqual(await chart.locator(".legend").innerText(), now);
  await keyboard.press("Escape");
  assert.equal(await chart.locator(".time").innerText(), "");

  await open.page.locator(".stage summary").first().focus();
  await keyboard.press("Enter");
  assert.equal(await open.page.locator(".stage .settings").first().isVisible(), true);
  assert.deepEqual(open.errors, []);
});

peerTest("on a phone nothing is cut off or has to be scrolled to the side", [chromium], async () => {
  await using world = await startWorld(snapshots);
  await using open = await fullPage(world);
  for (const width of [390, 320, 768, 1280, 1920]) {
    await open.page.setViewportSize({ width, height: 800 });
    const wide = await open.page.evaluate("document.documentElement.scrollWidth");
    assert.ok(wide as number <= width, `${wide} pixels at a width of ${width}`);
    // Charts follow in the next frame.
    await open.until(`Array.from(document.querySelectorAll("main *")).every((one) => one.closest(".scroll, .hidden") ||
      !one.checkVisibility() || one.getBoundingClientRect().right <= ${width})`);
  }
  await open.page.setViewportSize({ width: 390, height: 844 });
  // A finger hits what is large enough.
  const low = await open.page.evaluate(`Array.from(document.querySelectorAll("button, #range span"), (one) =>
    one.getBoundingClientRect().height).filter((height) => height < 32)`);
  assert.deepEqual(low, []);
  await open.screenshot("dashboard-phone");
});

/** Contrast of all texts against the ground behind them, by WCAG 2.2; what is below the least. */
const poorTexts = `(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (walker.currentNode.textContent.trim() === "" || !one.checkVisibility() || one.closest(".hidden, .skip")) continue;
    seen++;
    const [a, b] = [light(parse(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) poor.push(one.className + " " + one.textContent.slice(0, 20) + ": " + contrast.toFixed(2));
  }
  return { poor, seen };
})()`;

/** Contrast of the lines of charts against their cards: 3 is what graphics need. */
const poorLines = `(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const card = light(parse(getComputedStyle(document.querySelector(".card")).backgroundColor));
  return [1, 2, 3, 4, 5, 6].map((i) => {
    const probe = document.createElement("span");
    probe.style.color = "var(--line-" + i + ")";
    document.body.append(probe);
    const line = light(parse(getComputedStyle(probe).color));
    probe.remove();
    return (Math.max(line, card) + 0.05) / (Math.min(line, card) + 0.05);
  }).filter((contrast) => contrast < 3);
})()`;

peerTest("by day and by night all texts and lines stand out from their ground", [chromium], async () => {
  await using world = await startWorld(snapshots);
  await using open = await fullPage(world);
  const grounds = new Set<string>();
  for (const colorScheme of ["light", "dark"] as const) {
    await open.page.emulateMedia({ colorScheme });
    const { poor, seen } = await open.page.evaluate(poorTexts) as { poor: string[]; seen: number };
    assert.deepEqual(poor, [], colorScheme);
    assert.ok(seen > 150, `${seen} texts`);
    assert.deepEqual(await open.page.evaluate(poorLines), [], colorScheme);
    grounds.add(await open.page.evaluate("getComputedStyle(document.body).backgroundColor"));
    await open.screenshot(`dashboard-${colorScheme}`);
  }
  assert.equal(grounds.size, 2);
});

peerTest("who wants no motion gets none", [chromium], async () => {
  await using world = await startWorld();
  await using open = await fullPage(world);
  const animations = "document.getAnimations().length";
  assert.equal(await open.page.evaluate(animations), 1);
  await open.page.emulateMedia({ reducedMotion: "reduce" });
  assert.equal(await open.page.evaluate(animations), 0);
});

peerTest("a page whose connection is cut says so, comes back by itself and misses nothing", [chromium], async () => {
  await using world = await startWorld();
  await using proxy = await faultProxy({ upstreamPort: Number(new URL(world.url).port) });
  await using open = await openPage(world.url.replace(/:\d+/, `:${proxy.port}`));
  await open.until(isLive);
  await world.clock.advance(1000);
  await open.until(shows(world));
  proxy.refuse(true);
  proxy.cutAll("reset");
  await open.until("document.getElementById('status').dataset.state === 'lost'");
  for (let i = 0; i < 5; i++) {
    void world.orders({ tookMs: 1 });
    await world.clock.advance(1000);
  }
  proxy.refuse(false);
  await open.until(isLive);
  await world.clock.advance(1000);
  await open.until(shows(world));
  const calls = '[data-stage="orders|callMeter"] [data-figure="calls"]';
  assert.equal(await open.page.locator(calls).innerText(), "5");
});

peerTest("a page that was away for too long fetches all anew, and its charts have no hole", [chromium], async () => {
  await using world = await startWorld({ record: "always" });
  await using proxy = await faultProxy({ upstreamPort: Number(new URL(world.url).port) });
  await using open = await openPage(world.url.replace(/:\d+/, `:${proxy.port}`));
  await open.until(isLive);
  await world.clock.advance(1000);
  await open.until(shows(world));
  proxy.refuse(true);
  proxy.cutAll("reset");
  await open.until("document.getElementById('status').dataset.state === 'lost'");
  await world.clock.advance(300_000);
  proxy.refuse(false);
  await open.until(shows(world));
  // One at once, and one a second for 301 seconds.
  assert.equal(await open.page.evaluate("document.documentElement.dataset.readings"), "302");
});

peerTest("a page that is closed frees its reader, and nothing is read any more", [chromium], async () => {
  await using world = await startWorld();
  {
    await using open = await openPage(world.url);
    await open.until(isLive);
    assert.equal(world.board.readers, 1);
  }
  await until(() => world.board.readers === 0, "no reader left");
});
