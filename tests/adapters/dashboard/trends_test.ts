/**
 * What objectives have measured over the last hours, as the dashboard draws it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chromium, type OpenPage, openPage } from "../../support/browser.ts";
import { peerTest } from "../../support/peer.ts";
import { snapshots } from "./_snapshots.ts";
import { beganAt, startWorld, type World } from "./_world.ts";

const isLive = "document.getElementById('status').dataset.state === 'live'";
const shows = ({ clock }: World): string => `document.documentElement.dataset.shown === "${beganAt + clock.now()}"`;
const card = (name: string): string => `#objectives [data-chart="trend|orders.${name}"]`;

/** Three minutes of calls, on a clock of its own: 10 ms and well, then 80 ms with failures, then nothing. */
async function loaded(world: World): Promise<void> {
  for (let second = 0; second < 180; second++) {
    const minute = Math.floor(second / 60);
    if (minute < 2) {
      void world.orders({ tookMs: minute === 0 ? 10 : 80 });
      if (minute === 1 && second % 3 === 0) world.orders({ tookMs: 5, fails: true }).catch(() => {});
    }
    await world.clock.advance(1000);
  }
}

async function shown(): Promise<{ world: World; open: OpenPage } & AsyncDisposable> {
  const world = await startWorld();
  await loaded(world);
  const open = await openPage(world.url);
  await open.until(isLive);
  return {
    world,
    open,
    async [Symbol.asyncDispose]() {
      await open[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

/** The values in a legend. */
const legend = ({ page }: OpenPage, name: string): Promise<string[]> =>
  page.locator(`${card(name)} .legend b`).allInnerTexts();

peerTest("each objective has a chart of the last hours beside its target", [chromium], async () => {
  await using place = await shown();
  const { world, open } = place;
  for (const [name, target] of [["p95Ms", "50 ms"], ["errorRate", "1 %"]]) {
    assert.equal(await open.page.locator(`${card(name)} .uplot`).isVisible(), true, name);
    // In the last minute there was no call.
    assert.deepEqual(await legend(open, name), ["–", target]);
  }
  void world.orders({ tookMs: 20 });
  for (let second = 0; second < 6; second++) await world.clock.advance(1000);
  await open.until(shows(world));
  const [measured] = await legend(open, "p95Ms");
  assert.match(measured, /^(19\.[89]|20(\.[01])?) ms$/);
  assert.deepEqual((await legend(open, "errorRate"))[0], "0 %");
  await open.screenshot("dashboard-trends");
  assert.deepEqual(open.errors, []);
});

peerTest(
  "by keyboard one goes back through a trend, and it stays where it is when there is news",
  [chromium],
  async () => {
    await using place = await shown();
    const { world, open } = place;
    const { keyboard } = open.page;
    await open.page.locator(`${card("p95Ms")} .plot`).focus();
    await keyboard.press("Home");
    assert.match((await legend(open, "p95Ms"))[0], /^(9\.9\d?|10(\.\d+)?) ms$/);
    const times: string[] = [await open.page.locator(`${card("p95Ms")} .time`).innerText()];
    const seen = new Set<string>();
    for (let i = 0; i < 9; i++) {
      await keyboard.press("ArrowRight");
      times.push(await open.page.locator(`${card("p95Ms")} .time`).innerText());
      seen.add((await legend(open, "p95Ms"))[0]);
    }
    assert.deepEqual(times, times.toSorted());
    assert.ok([...seen].some((text) => /^(79|80)(\.\d+)? ms$/.test(text)), [...seen].join());
    for (let second = 0; second < 6; second++) await world.clock.advance(1000);
    await open.until(shows(world));
    assert.equal(await open.page.locator(`${card("p95Ms")} .time`).innerText(), times.at(-1));
    assert.equal(
      await open.page.evaluate(`document.activeElement === document.querySelector('${card("p95Ms")} .plot')`),
      true,
    );
    await keyboard.press("Escape");
    assert.equal(await open.page.locator(`${card("p95Ms")} .time`).innerText(), "");
    assert.deepEqual(open.errors, []);
  },
);

peerTest("trends fit a phone, and are drawn anew in the dark", [chromium], async () => {
  await using place = await shown();
  const { open } = place;
  for (const width of [320, 390, 1280]) {
    await open.page.setViewportSize({ width, height: 800 });
    await open.until(`Array.from(document.querySelectorAll("#objectives .trends *")).every((one) =>
      one.getBoundingClientRect().right <= ${width})`);
  }
  const drawn = () => open.page.evaluate(`document.querySelector('${card("p95Ms")} canvas').toDataURL()`);
  await open.page.emulateMedia({ colorScheme: "light" });
  await open.until("!matchMedia('(prefers-color-scheme: dark)').matches");
  const light = await drawn();
  await open.page.emulateMedia({ colorScheme: "dark" });
  await open.until(`document.querySelector('${card("p95Ms")} canvas').toDataURL() !== ${JSON.stringify(light)}`);
  assert.deepEqual(open.errors, []);
});

peerTest("objectives that have measured nothing yet have no trend", [chromium], async () => {
  await using world = await startWorld(snapshots);
  await using open = await openPage(world.url);
  await open.until(isLive);
  assert.equal(await open.page.locator("#objectives tbody tr").count(), 2);
  assert.equal(await open.page.locator("#objectives .card").count(), 0);
  assert.deepEqual(open.errors, []);
});
