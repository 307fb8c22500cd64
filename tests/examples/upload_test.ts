import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../support/process.ts";

const root = new URL("../..", import.meta.url).pathname;

Deno.test("deno task upload streams a file, tells how far it is, and shows that it arrived as it was", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "noise.bin");
  const noise = Uint8Array.from({ length: 3_000_001 }, (_, i) => (i * 2654435761) >>> 13 & 255);
  await Deno.writeFile(path, noise);
  const args = ["task", "upload", path];
  const { code, stdout, stderr } = await run(Deno.execPath(), args, { cwd: root, timeoutMs: 60_000 });
  await Deno.remove(folder, { recursive: true });
  assert.equal(code, 0, stderr);
  const lines = stdout.trim().split("\n");
  assert.deepEqual(lines.slice(0, -1).map((line) => parseInt(line)), [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", noise)).toHex();
  assert.equal(lines.at(-1), `noise.bin arrived as it was: sha256 ${digest}`);
});

Deno.test("deno task upload says what it can't read", async () => {
  const args = ["task", "upload", "nothing.here"];
  const { code, stderr } = await run(Deno.execPath(), args, { cwd: root, timeoutMs: 60_000 });
  assert.equal(code, 1);
  assert.match(stderr, /nothing\.here/);
});
