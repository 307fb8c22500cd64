/**
 * Runtimes from npm, and bundles for them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { bundleOf } from "../support/bundle.ts";
import { peer, run } from "../support/peer.ts";

/** What brings the runtimes. */
export const npx = peer("npx", "npm");

const packages = { workerd: "workerd@1", bun: "bun@1", node: "node@22" };

/** Where the program of a package is, installed where it is not yet. */
export async function runtime(name: keyof typeof packages): Promise<string> {
  // Asked from an empty folder, so that no project's own packages are taken.
  const cwd = await Deno.makeTempDir();
  try {
    const command = ["-y", "-p", packages[name], "-c", `command -v ${name}`];
    const { code, stdout, stderr } = await run("npx", command, { cwd, timeoutMs: 180_000 });
    assert.equal(code, 0, stderr);
    return await Deno.realPath(stdout.trim().split("\n").at(-1)!);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

/** Bundles one of the programs beside this file for a platform without Deno; gives its path in `folder`. */
export function bundle(program: string, folder: string): Promise<string> {
  return bundleOf(new URL(program, import.meta.url), folder);
}
