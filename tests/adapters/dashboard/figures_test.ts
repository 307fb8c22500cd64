/**
 * Every figure on the page, traced to a load that is known.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Histogram, type Metric } from "../../../mod.ts";
import { chromium, type OpenPage, openPage } from "../../support/browser.ts";
import { peerTest } from "../../support/peer.ts";
import { beganAt, startWorld, type World } from "./_world.ts";

const isLive = "document.getElementById('status').dataset.state === 'live'";

/** Waits until the page shows the figures of the clock's time. */
async function advance({ clock }: World, open: OpenPage, ms = 1000): Promise<void> {
  await clock.advance(ms);
  await open.until(`document.documentElement.dataset.shown === "${beganAt + clock.now()}"`);
}

const textOf = (open: OpenPage, selector: string): Promise<string | undefined> =>
  open.page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.textContent`);

const stage = (chain: string, name: string, figure: string): string =>
  `[data-chain="${chain}"] [data-stage="${chain}|${name}"] [data-figure="${figure}"]`;

async function sees(open: OpenPage, expected: Record<string, string>): Promise<void> {
  const found: Record<string, string | undefined> = {};
  for (const selector of Object.keys(expected)) found[selector] = await textOf(open, selector);
  assert.deepEqual(found, expected);
}

peerTest("the page shows the calls that were made, how they ended and how long they took", [chromium], async () => {
  await using world = await startWorld();
  await using open = await openPage(world.url);
  await open.until(isLive);
  const { orders, echo } = world;
  for (const tookMs of [10, 10, 10, 20, 40, 100]) void orders({ tookMs });
  for (const tookMs of [5, 5]) orders({ tookMs, fails: true }).catch(() => {});
  void orders({ tookMs: 1500 });
  await Promise.all(["a", "b", "c", "d", "e".repeat(5000)].map((text) => echo(text)));
  await advance(world, open);
  const series = (name: string): string => `[data-series="${name}"]`;
  await sees(open, {
    '#now [data-figure="calls"]': "8/s",
    '#now [data-figure="failed"]': "25 %",
    '#now [data-figure="in-flight"]': "1",
    '#now [data-figure="served"]': "5/s",
    '#now [data-figure="accepted"]': "1",
    '#now [data-figure="pooled"]': "1",
    [series("wireway.calls{outcome=success upstream=orders}:rate")]: "6/s",
    [series("wireway.calls{outcome=failure upstream=orders}:rate")]: "2/s",
    [series("wireway.active_calls{upstream=orders}:now")]: "1",
    [series("wireway.server.calls{listener=echo}:rate")]: "5/s",
    [series("wireway.server.open_connections{listener=echo}:now")]: "1",
    [series("wireway.pool.connections{state=idle upstream=echo}:now")]: "1",
    [series("wireway.pool.connections{state=active upstream=echo}:now")]: "0",
    [series("wireway.pool.waiting_calls{upstream=echo}:now")]: "0",
    [stage("orders", "callMeter", "calls")]: "9",
    [stage("orders", "callMeter", "in flight")]: "1",
    [stage("orders", "callMeter", "failed")]: "2",
    [stage("orders", "circuitBreaker", "state")]: "closed",
    [stage("orders", "retry", "retries")]: "0",
    [stage("orders", "timeout", "cut short")]: "0",
    [stage("echo", "pool", "calls")]: "5",
    [stage("echo", "pool", "idle")]: "1",
    [stage("echo", "batch", "messages")]: "6",
    [stage("echo", "compress", "compressed")]: "1",
    [stage("echo", "tcp", "open")]: "1",
    [stage("echo server", "mux", "answered")]: "5",
    '[data-breaker="upstream=orders"] .chip': "● closed",
  });
  // A value of a histogram is right to within 0.8 percent.
  for (const [figure, expected] of [["p50", 10], ["p95", 100], ["p99", 100]] as const) {
    const shown = await textOf(open, `#now [data-figure="${figure}"]`);
    assert.match(shown!, / ms$/);
    assert.ok(Math.abs(parseFloat(shown!) / expected - 1) < 0.015, `${figure}: ${shown}`);
    assert.equal(await textOf(open, series(`wireway.call.duration{upstream=orders}:${figure}`)), shown);
  }

  orders({ tookMs: 5, fails: true }).catch(() => {});
  await advance(world, open);
  await sees(open, {
    '#now [data-figure="calls"]': "2/s",
    '#now [data-figure="failed"]': "50 %",
    [stage("orders", "callMeter", "calls")]: "10",
    [stage("orders", "circuitBreaker", "failures in a row")]: "0",
  });
  for (let i = 0; i < 3; i++) orders({ tookMs: 1, fails: true }).catch(() => {});
  await advance(world, open);
  await sees(open, {
    [stage("orders", "circuitBreaker", "state")]: "open",
    '[data-breaker="upstream=orders"] .chip': "■ open",
    '#events [data-type="state-changed"] span': "orders breaker: closed → open, 3 call(s) in a row failed",
  });
  assert.deepEqual(open.errors, []);
});

/** A program whose figures are all made up: each is another number. */
function knownMetrics(second: number): Metric[] {
  const duration = new Histogram();
  for (let i = 0; i < second * 10; i++) duration.record(250);
  const [labels, unit, description] = [{}, "", ""];
  const counter = (name: string, perSecond: number, unit = "", more: Record<string, string> = {}): Metric => ({
    name,
    kind: "counter",
    unit,
    description,
    series: [{ labels: more, value: 1000 + perSecond * second }],
  });
  const gauge = (name: string, value: number, unit = "", more: Record<string, string> = {}): Metric => ({
    name,
    kind: "gauge",
    unit,
    description,
    series: [{ labels: more, value }],
  });
  return [
    // The first meter of calls is the one at the top of the page.
    counter("wireway.calls", 90, unit, { outcome: "success" }),
    counter("wireway.calls", 10, unit, { outcome: "failure" }),
    {
      name: "wireway.call.duration",
      kind: "histogram",
      unit: "s",
      description,
      series: [{ labels, value: duration, scale: 0.001 }],
    },
    gauge("wireway.active_calls", 17),
    counter("wireway.server.calls", 21),
    counter("wireway.server.call_failures", 22),
    counter("wireway.server.call_refusals", 23),
    gauge("wireway.server.open_connections", 24),
    gauge("wireway.pool.connections", 25, unit, { state: "active" }),
    gauge("wireway.pool.waiting_calls", 26),
    counter("wireway.server.received", 2048, "By"),
    counter("wireway.server.sent", 3 * 1024 ** 2, "By"),
    counter("wireway.batch.messages", 56),
    counter("wireway.batch.batches", 7),
    counter("wireway.compression.input", 500, "By"),
    counter("wireway.compression.output", 200, "By"),
    counter("wireway.bandwidth.sent", 512, "By", { class: "0" }),
    counter("wireway.bandwidth.sent", 64, "By", { class: "3" }),
    gauge("process.resident_memory", 100 * 1024 ** 2, "By"),
    gauge("process.heap", 50 * 1024 ** 2, "By"),
    counter("process.cpu", 0.25, "s"),
    {
      name: "process.event_loop_delay",
      kind: "summary",
      unit: "s",
      description,
      series: [{ labels, value: duration, scale: 0.001 }],
    },
    gauge("process.open_fds", 31),
    { name: "shop.unknown", kind: "gauge", unit: "", description, series: [] },
  ];
}

peerTest(
  "all tiles and all lines of all charts show what their source said, and nothing else is there",
  [chromium],
  async () => {
    let second = 1;
    await using world = await startWorld({ sources: [() => knownMetrics(second)], chains: {} });
    await using open = await openPage(world.url);
    await open.until(isLive);
    second = 2;
    await advance(world, open);
    const all = await open.page.evaluate(`Object.fromEntries(
    Array.from(document.querySelectorAll("#now [data-figure], .card [data-series], .card [data-figure]"),
      (one) => [one.dataset.series ?? one.dataset.figure, one.textContent]))`);
    const known = "250 ms";
    assert.deepEqual(all, {
      "calls": "100/s",
      "failed": "10 %",
      "p50": known,
      "p95": known,
      "p99": known,
      "in-flight": "17",
      "served": "21/s",
      "accepted": "24",
      "pooled": "25",
      "bytes-in": "2.0 KiB/s",
      "bytes-out": "3.0 MiB/s",
      "memory": "100.0 MiB",
      "cpu": "25 %",
      "delay": known,
      "wireway.calls{outcome=success}:rate": "90/s",
      "wireway.calls{outcome=failure}:rate": "10/s",
      "wireway.call.duration{}:p50": known,
      "wireway.call.duration{}:p95": known,
      "wireway.call.duration{}:p99": known,
      "wireway.active_calls{}:now": "17",
      "wireway.server.calls{}:rate": "21/s",
      "wireway.server.call_failures{}:rate": "22/s",
      "wireway.server.call_refusals{}:rate": "23/s",
      "wireway.server.open_connections{}:now": "24",
      "wireway.pool.connections{state=active}:now": "25",
      "wireway.pool.waiting_calls{}:now": "26",
      "wireway.server.received{}:rate": "2.0 KiB/s",
      "wireway.server.sent{}:rate": "3.0 MiB/s",
      "Messages a batch|": "8",
      "Compression ratio|": "2.50×",
      "wireway.bandwidth.sent{class=0}:rate": "512 B/s",
      "wireway.bandwidth.sent{class=3}:rate": "64 B/s",
      "process.resident_memory{}:now": "100.0 MiB",
      "process.heap{}:now": "50.0 MiB",
      "process.cpu{}:rate": "25 %",
      "process.event_loop_delay{}:p50": known,
      "process.event_loop_delay{}:p95": known,
      "process.event_loop_delay{}:p99": known,
      "process.open_fds{}:now": "31",
    });
    // The table has them all, with the totals.
    await open.page.click("#all summary");
    const total = await textOf(open, '#all [data-value="wireway.calls{outcome=success}:total"]');
    assert.equal(total, "1180");
    assert.equal(await open.page.locator("#all tbody tr").count(), 41);
    assert.deepEqual(open.errors, []);
  },
);

const noPanels = { health: undefined, objectives: undefined, report: undefined };

peerTest("what is not known is shown as a dash and never as 0", [chromium], async () => {
  await using world = await startWorld(noPanels);
  await using open = await openPage(world.url);
  await open.until(isLive);
  await advance(world, open);
  const none = "–";
  await sees(open, {
    '[data-series="wireway.call.duration{upstream=orders}:p99"]': none,
    [stage("orders", "callMeter", "p99")]: none,
    [stage("echo", "compress", "ratio")]: none,
    [stage("echo", "batch", "messages a batch")]: none,
    [stage("echo", "pool", "wait p99")]: none,
    [stage("echo", "pool", "calls")]: "0",
    '[data-series="wireway.calls{outcome=success upstream=orders}:rate"]': "0/s",
  });
  for (const section of ["process", "health", "objectives", "report", "alerts", "empty"]) {
    assert.equal(await open.page.locator(`#${section}`).isVisible(), false, section);
  }
  assert.deepEqual(open.errors, []);
});

peerTest("a dashboard that was given nothing says so", [chromium], async () => {
  await using world = await startWorld({ ...noPanels, sources: [], chains: {}, events: undefined });
  await using open = await openPage(world.url);
  await open.until(isLive);
  assert.equal(await open.page.locator("#empty").isVisible(), true);
  assert.equal(await open.page.locator("section:visible").count(), 0);
});

peerTest("health, objectives and the report say of known calls what became of them", [chromium], async () => {
  await using world = await startWorld();
  await using open = await openPage(world.url);
  await open.until(isLive);
  for (let i = 1; i <= 200; i++) {
    world.orders({ tookMs: 20, fails: i % 5 === 0 }).catch(() => {});
    await world.clock.advance(100);
  }
  await world.echo("a".repeat(2000));
  await world.echo("b".repeat(3000));
  // Panels come with every fifth frame.
  for (let i = 0; i < 5; i++) await advance(world, open);
  const rows = (selector: string): Promise<string[]> =>
    open.page.evaluate(`Array.from(document.querySelectorAll(${JSON.stringify(selector)}),
      (row) => Array.from(row.cells, (cell) => cell.textContent).join(" | "))`);
  const [compression] = await rows("#report tbody tr");
  // The hellos of mux() and batch() went as they are, and the heads of calls and batches count as well.
  assert.match(compression, /^echo\.compress \| 2 \| 2 \| (4\.9|5\.0) KiB \| \d+ B \| (1\d|[2-9]\d)(\.\d+)?×$/);
  const [p95, errors] = await rows("#objectives tbody tr");
  assert.match(p95, /^p95 \| ≤ 50 ms \| (19|20)(\.\d+)? ms \| ● met \| 0 \/ 0$/);
  assert.match(errors, /^errors \| ≤ 1 % \| 20 % \| ■ missed \| 20 \/ 20$/);
  const alert = await open.page.locator("#alerts [role=alert]").innerText();
  assert.match(alert, /^■ page orders: errorRate is 0\.2, promised is 0\.01/);
  const [check] = await rows("#health tbody tr");
  // A fifth fails: that is what there is, and not yet what counts as ill.
  const [, failed, all] = /^errors orders \| ● healthy \| (\d+) of (\d+) calls failed in the last 10 s$/.exec(check) ??
    [];
  assert.ok(Number(all) > 0 && Number(failed) * 5 === Number(all), check);
  assert.match(await open.page.locator('[data-score="reliability"]').innerText(), /^reliability\s+5\s/);
  assert.match(await open.page.locator('[data-score="latency"]').innerText(), /^latency\s+\d+/);
  assert.deepEqual(open.errors, []);
});
