import assert from "node:assert/strict";
import { run } from "../support/process.ts";

Deno.test("deno task mcp serves over TCP and HTTP, and its clients get the same over both", async () => {
  const args = ["task", "mcp", "--once", "--tcp-port", "0", "--http-port", "0"];
  const { code, stdout, stderr } = await run(Deno.execPath(), args, { timeoutMs: 60_000, env: { NO_COLOR: "1" } });
  assert.equal(code, 0, stderr);
  const [listening, ...answers] = stdout.trim().split("\n");
  assert.match(listening, /^MCP over TCP at 127\.0\.0\.1:\d+, over HTTP at http:\/\/127\.0\.0\.1:\d+\/mcp$/);
  assert.deepEqual(answers, [
    "over TCP:  count_words, now; count_words says 6 words",
    "over HTTP: count_words, now; count_words says 6 words",
  ]);
});
