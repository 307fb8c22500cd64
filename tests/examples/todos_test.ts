/**
 * The to-do list: one contract for a server, a command line and a page.
 *
 * @module
 */

import assert from "node:assert/strict";
import { serveTodos } from "../../examples/todos/server.ts";
import { chromium, openPage } from "../support/browser.ts";
import { peerTest, run, type RunResult, start } from "../support/peer.ts";

const root = new URL("../..", import.meta.url).pathname;

/** Runs the command line. */
function call(port: number, ...words: string[]): Promise<RunResult> {
  const args = ["task", "todos:call", "--port", String(port), ...words];
  return run(Deno.execPath(), args, { cwd: root, timeoutMs: 60_000 });
}

Deno.test("the to-do list is called from the command line, which is told what was wrong", async () => {
  await using served = await serveTodos({ tcpPort: 0, httpPort: 0 });
  const port = served.tcpPort;
  assert.equal((await call(port, "add", "buy milk")).stdout, "  1 [ ] buy milk\n");
  assert.equal((await call(port, "add", "drink it")).stdout, "  2 [ ] drink it\n");
  assert.equal((await call(port, "done", "1")).stdout, "  1 [x] buy milk\n");
  assert.equal((await call(port, "list")).stdout, "  1 [x] buy milk\n  2 [ ] drink it\n");
  const empty = await call(port, "add", "  ");
  assert.equal(empty.code, 1);
  assert.match(empty.stderr, /^Call of todos\.add refused: text: /m);
  assert.match((await call(port, "done", "7")).stderr, /There is no entry 7/);
});

peerTest("the page shows what others do, and others see what the page does", [chromium], async () => {
  await using served = await serveTodos({ tcpPort: 0, httpPort: 0 });
  const args = ["task", "todos:call", "--port", String(served.tcpPort), "watch"];
  await using watcher = start(Deno.execPath(), args, { cwd: root, timeoutMs: 60_000, stopSignal: "SIGTERM" });
  await using open = await openPage(`http://127.0.0.1:${served.httpPort}/`);
  const { page } = open;
  await page.fill("#text", "water the plants");
  await page.press("#text", "Enter");
  await open.until("document.querySelectorAll('#list li').length === 1");
  await watcher.until(/^ {2}1 \[ \] water the plants$/);

  await page.click("#list input");
  await watcher.until(/^ {2}1 \[x\] water the plants$/);
  await call(served.tcpPort, "add", "<b>from outside</b>");
  await open.until("document.querySelectorAll('#list li').length === 2");
  assert.equal(await page.textContent("#list li:last-child"), " <b>from outside</b>");
  assert.equal(await page.isChecked("#list li:first-child input"), true);

  await page.fill("#text", "   ");
  await page.press("#text", "Enter");
  await open.until("document.querySelector('#status').textContent.includes('refused')");
  await open.screenshot("todos");
  assert.deepEqual(open.errors, []);
});
