/**
 * The dashboard of the example server, as `deno task start` serves it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chromium, openPage } from "../../support/browser.ts";
import { peerTest, start } from "../../support/peer.ts";

const root = new URL("../../..", import.meta.url).pathname;
const { start: { command } }: { start: { command: string } } =
  JSON.parse(await Deno.readTextFile(`${root}deno.json`)).tasks;
const anyPorts = ["tcp", "line", "frame", "http", "chat", "ticker"].flatMap((name) => [`--${name}-port`, "0"]);

function startServer(...flags: string[]) {
  const [, ...args] = command.split(" ");
  return start(Deno.execPath(), [...args, ...anyPorts, ...flags], {
    cwd: root,
    timeoutMs: 60_000,
    stopSignal: "SIGINT",
  });
}

const figure = (selector: string) => `parseFloat(document.querySelector('${selector}')?.textContent)`;

peerTest(
  "deno task start serves a dashboard of the calls it makes to itself, and says that it does",
  [chromium],
  async () => {
    await using server = startServer("--load", "50");
    const [, url] = await server.until(/^dashboard +(\S+)/);
    await using open = await openPage(url);
    await open.until(`${figure('[data-series="wireway.calls{client=load outcome=success}:rate"]')} > 20`);
    await open.until(`${figure('[data-series="wireway.server.calls{listener=tcp}:rate"]')} > 20`);
    await open.until(`${figure('[data-stage="load|pool"] [data-figure="calls"]')} > 20`);
    await open.until(`${figure('[data-stage="service|tcp"] [data-figure="bytes in"]')} > 0`);
    await open.until(`${figure('#now [data-figure="memory"]')} > 1`);
    // The report knows of the pool, of the limits and of what was wanted: it has a score for each.
    for (const score of ["connections", "throughput", "latency", "reliability", "overall"]) {
      await open.until(`${figure(`[data-score="${score}"] b`)} > 50`);
    }
    await open.until(`${figure('[data-stage="service|rateLimit"] [data-figure="keys"]')} === 1`);
    await open.until(`${figure('[data-stage="service|concurrencyLimit"] [data-figure="in flight"]')} >= 0`);
    assert.match(await open.page.locator("#note").innerText(), /^50 calls a second are this program's own/);
    for (const section of ["chains", "health", "objectives", "report", "events", "process"]) {
      assert.equal(await open.page.locator(`#${section}`).isVisible(), true, section);
    }
    await open.screenshot("dashboard-start");
    assert.deepEqual(open.errors, []);
    assert.equal(await server.stop(), 0);
  },
);

peerTest("without a load of its own the dashboard shows real calls only", [chromium], async () => {
  await using server = startServer();
  const [, url] = await server.until(/^dashboard +(\S+)/);
  await using open = await openPage(url);
  const series = '[data-series="wireway.calls{outcome=success service=example}:rate"]';
  await open.until(`document.querySelector('${series}')?.textContent === "0/s"`);
  await open.page.evaluate(`fetch("/call", { method: "POST", body: "hello" }).then((response) => response.text())`);
  await open.page.click("#all summary");
  await open.until(
    `document.querySelector('[data-value="wireway.calls{outcome=success service=example}:total"]')?.textContent === "1"`,
  );
  assert.equal(await server.stop(), 0);
});
