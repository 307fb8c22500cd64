/**
 * The example that pools Postgres clients, with a real Postgres.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { fileURLToPath } from "node:url";
import { peer, peerTest, run } from "../support/peer.ts";

const example = fileURLToPath(new URL("../../examples/postgres_pool.ts", import.meta.url));

/** Makes a database in a folder of its own for the time of a command. */
const virtual = peer("pg_virtualenv", "postgresql");

peerTest(
  "the example pools Postgres clients: every query has its answer, over four connections at the most",
  [virtual],
  async () => {
    const { code, stdout, stderr } = await run("pg_virtualenv", [
      "-o",
      "fsync=off",
      Deno.execPath(),
      "run",
      "--allow-all",
      "--quiet",
      example,
    ], { timeoutMs: 60_000 });
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /200 queries, 20 at once\na connection for each +\d+ ms\na pool of [1-4] +\d+ ms\n/);
    assert.match(stdout, /acquired 200, released 200, waited at most \d+\.\d ms/);
  },
);
