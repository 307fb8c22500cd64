/**
 * Tests against programs that this project did not write.
 *
 * A test whose program is missing is ignored and says which Debian package
 * would bring it. With `WIREWAY_REQUIRE_PEERS=1` it fails instead: the
 * machine that installs the programs must not skip a test in silence.
 *
 * @module
 */

import { delimiter, join } from "node:path";

export * from "./process.ts";

/** A program, and where to get it. */
export interface Peer {
  /** The program's name. */
  command: string;
  /** The Debian package that installs it. */
  debianPackage: string;
  /** Where it is installed: `undefined` if it is missing. */
  path: string | undefined;
}

/**
 * Looks for a program in the folders of `PATH`, without running it.
 *
 * @example Usage
 * ```ts ignore
 * import { peer, peerTest, run } from "./peer.ts";
 *
 * const erlang = peer("escript", "erlang-base");
 * peerTest("a frame survives Erlang", [erlang], async () => {
 *   await run("escript", ["tests/peers/erlang_client.escript", "--port", "1"]);
 * });
 * ```
 */
export function peer(command: string, debianPackage: string): Peer {
  const folders = (Deno.env.get("PATH") ?? "").split(delimiter);
  const path = folders.filter((folder) => folder !== "")
    .map((folder) => join(folder, command))
    .find(isProgram);
  return { command, debianPackage, path };
}

/**
 * Registers a test that needs programs: ignored if one is missing, failing if
 * one is missing and `WIREWAY_REQUIRE_PEERS` is `1`.
 */
export function peerTest(
  name: string,
  peers: Peer[],
  fn: (t: Deno.TestContext) => void | Promise<void>,
): void {
  const missing = peers.filter((peer) => peer.path === undefined)
    .map((peer) => `${peer.command} (Debian package ${peer.debianPackage})`)
    .join(", ");
  if (missing === "") {
    Deno.test(name, fn);
  } else if (Deno.env.get("WIREWAY_REQUIRE_PEERS") === "1") {
    Deno.test(name, () => {
      throw new Error(
        `Cannot run the test while WIREWAY_REQUIRE_PEERS=1: missing ${missing}`,
      );
    });
  } else {
    Deno.test.ignore(`${name} [missing: ${missing}]`, fn);
  }
}

function isProgram(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    // Windows has no mode bits: there being a file has to do.
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}
