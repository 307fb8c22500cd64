/**
 * Makes the picture of the dashboard in the README, under a load that is known:
 * ten minutes of calls that come from a fixed seed.
 *
 * `deno task screenshot`
 *
 * @module
 */

import { openPage } from "../../support/browser.ts";
import { Random } from "../../support/random.ts";
import { startWorld } from "./_world.ts";

const [target = "examples/pages/dashboard.png", width = "1280", height = "1180", scheme = "light"] = Deno.args;

const seeded = new Random(7);
const random = (): number => seeded.below(10_000) / 10_000;
const minutes = 10;
const words = "order price customer street city parcel invoice amount".split(" ");

await using world = await startWorld({ record: "always", note: "Calls of a fixed seed, on a clock of its own" });
const { orders, echo, clock } = world;
for (let second = 0; second < minutes * 60; second++) {
  const busy = 1 + Math.sin(second / 70) * 0.5 + (second > 380 && second < 440 ? 1.2 : 0);
  const echoes: Promise<string>[] = [];
  for (let i = 0; i < Math.round(12 * busy + random() * 4); i++) {
    const tookMs = (8 + random() * 12) * busy * (random() < 0.04 ? 6 : 1);
    orders({ tookMs, fails: random() < 0.004 * busy || second === 410 }).catch(() => {});
  }
  for (let i = 0; i < 6 + Math.round(random() * 10 * busy); i++) {
    const text = Array.from({ length: 20 + Math.round(random() * 60) }, () => words[Math.floor(random() * 8)]).join(
      " ",
    );
    echoes.push(echo(text));
  }
  await Promise.all(echoes);
  await clock.advance(1000);
}
await using open = await openPage(world.url);
const { page } = open;
await page.emulateMedia({ colorScheme: scheme as "light" | "dark" });
await page.setViewportSize({ width: Number(width), height: Number(height) });
await open.until("document.getElementById('status').dataset.state === 'live'");
// Charts follow their size.
await page.waitForTimeout(300);
await page.screenshot({ path: target, fullPage: height === "0" });
console.log(`${target}: ${(await Deno.stat(target)).size} bytes; errors: ${JSON.stringify(open.errors)}`);
