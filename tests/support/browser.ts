/**
 * Pages in a headless browser: Debian's Chromium, driven by Playwright.
 *
 * @module
 */

import { join } from "node:path";
import { type Browser, chromium as playwright, type Page } from "playwright-core";
import { type Peer, peer } from "./peer.ts";

/** The browser, for `peerTest()`. */
export const chromium: Peer = peer("chromium", "chromium");

/** Beside Playwright's own: no sandbox inside of containers, and nothing said to the world outside. */
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-sync",
];

/** How long a step in a page may take. */
const patienceMs = 20_000;

/** How often a page is asked whether something is so. */
const pollMs = 25;

/** One page in a browser of its own. Disposing closes both. */
export interface OpenPage extends AsyncDisposable {
  /** Playwright's page: `page.click()`, `page.textContent()`, `page.evaluate()` … */
  readonly page: Page;
  /** What went wrong in the page so far: errors that nobody caught, and `console.error()`. */
  readonly errors: string[];
  /** Everything that the page wrote to its console. */
  readonly console: string[];
  /** Waits until an expression, which the page evaluates again and again, is true. */
  until(expression: string): Promise<void>;
  /** Writes a picture of the page to the folder that `WIREWAY_SCREENSHOTS` names; does nothing without it. */
  screenshot(name: string): Promise<void>;
}

/**
 * Opens a page.
 *
 * @example Usage
 * ```ts ignore
 * import { chromium, openPage } from "../support/browser.ts";
 * import { peerTest } from "../support/peer.ts";
 *
 * peerTest("the page says hello", [chromium], async () => {
 *   await using open = await openPage("http://127.0.0.1:8000/");
 *   await open.until("document.querySelector('h1').textContent === 'hello'");
 *   await open.screenshot("hello");
 *   assert.deepEqual(open.errors, []);
 * });
 * ```
 */
export async function openPage(url: string): Promise<OpenPage> {
  const browser = await playwright.launch({ executablePath: chromium.path, headless: true, args: flags });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(patienceMs);
    const open = watched(browser, page);
    await page.goto(url);
    return open;
  } catch (error) {
    await browser.close();
    throw error;
  }
}

function watched(browser: Browser, page: Page): OpenPage {
  const errors: string[] = [];
  const console: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    console.push(message.text());
    if (message.type() === "error") errors.push(message.text());
  });
  return {
    page,
    errors,
    console,
    async until(expression) {
      // Asked from outside, since a page's own policy may forbid it to evaluate texts.
      const giveUpAt = Date.now() + patienceMs;
      while (!await page.evaluate(expression)) {
        if (Date.now() > giveUpAt) {
          throw new Error(`Cannot see ${expression} in the page; its errors: ${JSON.stringify(errors)}`);
        }
        await page.waitForTimeout(pollMs);
      }
    },
    async screenshot(name) {
      const folder = Deno.env.get("WIREWAY_SCREENSHOTS");
      if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`) });
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
