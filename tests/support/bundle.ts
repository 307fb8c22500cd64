/**
 * Bundles of programs, for platforms without Deno.
 *
 * @module
 */

import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { run } from "./process.ts";

/** Bundles a program as one module for browsers and their like; gives its path in `folder`. */
export async function bundleOf(program: URL, folder: string): Promise<string> {
  const output = join(folder, basename(program.pathname).replace(/\.ts$/, ".mjs"));
  const args = ["bundle", "--quiet", "--platform", "browser", "--output", output, program.pathname];
  const { code, stderr } = await run(Deno.execPath(), args, { timeoutMs: 180_000, env: { NO_COLOR: "1" } });
  assert.equal(code, 0, stderr);
  return output;
}
