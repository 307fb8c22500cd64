/**
 * The pages of the example server, in a real browser.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chromium, type OpenPage, openPage } from "../support/browser.ts";
import { peerTest, type RunningProcess, start } from "../support/peer.ts";

const root = new URL("../..", import.meta.url).pathname;
const places = ["tcp", "line", "frame", "http", "chat", "ticker"];

/** Starts the example server on free ports, and says where its pages are. */
async function site(
  ...flags: string[]
): Promise<AsyncDisposable & { server: RunningProcess; port: number; url: string }> {
  const ports = places.filter((name) => !flags.includes(`--${name}-port`)).flatMap((name) => [`--${name}-port`, "0"]);
  const args = ["run", "--allow-net", "--allow-env", "--allow-read=examples/pages", "examples/server.ts"];
  const server = start(Deno.execPath(), [...args, ...ports, ...flags], { cwd: root, stopSignal: "SIGINT" });
  const port = Number((await server.until(/^chat +127\.0\.0\.1:(\d+)/))[1]);
  const [, url] = await server.until(/(http:\/\/\S+)\/chat/);
  await server.until(/^Ctrl-C ends it/);
  return { server, port, url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const isLive = "document.getElementById('status').dataset.state === 'live'";

async function say({ page }: OpenPage, name: string, text: string): Promise<void> {
  await page.fill("#name", name);
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

/** What stands in the chat page, without the times. */
const linesOf = ({ page }: OpenPage): Promise<string[]> =>
  page.evaluate(`Array.from(document.querySelectorAll("#lines .said"), (item) => {
    item.querySelector("time").remove();
    return item.textContent;
  })`);

peerTest("what one writes in the chat page all see, and newcomers see what was said before", [chromium], async () => {
  await using chat = await site();
  await using ada = await openPage(`${chat.url}/chat`);
  await ada.until(isLive);
  await say(ada, "Ada", "is anybody there?");
  await using bob = await openPage(`${chat.url}/chat`);
  await bob.until("document.querySelectorAll('#lines .said').length === 1");
  await ada.until("document.getElementById('status').textContent === '2 people'");
  await say(bob, "Bob", "<b>yes</b>");
  await ada.until("document.querySelectorAll('#lines .said').length === 2");
  const expected = ["Ada is anybody there?", "Bob <b>yes</b>"];
  await ada.screenshot("chat");
  await bob.page.setViewportSize({ width: 380, height: 700 });
  await bob.page.emulateMedia({ colorScheme: "dark" });
  await bob.screenshot("chat-phone-dark");
  assert.deepEqual(await linesOf(ada), expected);
  assert.deepEqual(await linesOf(bob), expected);
  assert.deepEqual([...ada.errors, ...bob.errors], []);
});

peerTest("the chat page comes back by itself when its server does", [chromium], async () => {
  const first = await site();
  await using ada = await openPage(`${first.url}/chat`);
  await ada.until(isLive);
  assert.equal(await first.server.stop(), 0);
  await ada.until(`!(${isLive})`);
  await using _ = await site("--chat-port", String(first.port), "--http-port", new URL(first.url).port);
  await ada.until(isLive);
  await say(ada, "Ada", "back again");
  await ada.until("document.querySelectorAll('#lines .said').length === 1");
});

peerTest("a page of another origin is not let into the chat", [chromium], async () => {
  await using chat = await site();
  await using other = await site();
  await using page = await openPage(`${other.url}/ticker`);
  const outcome = await page.page.evaluate(`new Promise((resolve) => {
    const socket = new WebSocket("ws://127.0.0.1:${chat.port}/chat");
    socket.onopen = () => resolve("let in");
    socket.onclose = () => resolve("refused");
  })`);
  assert.equal(outcome, "refused");
});

peerTest("the ticker page resumes after its connection is cut, and misses no tick", [chromium], async () => {
  await using ticker = await site();
  await using open = await openPage(`${ticker.url}/ticker`);
  await open.until("Number(document.getElementById('seen').textContent) > 20");
  await open.page.click("#cut");
  await open.until(`!(${isLive})`);
  await open.until(`${isLive} && Number(document.getElementById('replayed').textContent) > 3`);
  const seen = Number(await open.page.textContent("#seen"));
  await open.until(`Number(document.getElementById('seen').textContent) > ${seen + 3}`);
  assert.equal(await open.page.textContent("#missing"), "0");
  assert.equal(await open.page.textContent("#connections"), "2");
  assert.equal(await open.page.locator("#rows tr").count(), 4);
  await open.screenshot("ticker");
  await open.page.setViewportSize({ width: 380, height: 700 });
  await open.page.emulateMedia({ colorScheme: "dark" });
  await open.screenshot("ticker-phone-dark");
  assert.deepEqual(open.errors.filter((error) => !error.includes("ERR_INCOMPLETE_CHUNKED_ENCODING")), []);
});
