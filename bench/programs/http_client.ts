/**
 * HTTP clients of Deno under one load: http() on own sockets with a pool, and
 * with `--fetch` the platform's `fetch`.
 *
 * @module
 */

import { chain, http, pool } from "../../mod.ts";
import { type Flags, runProgram } from "../floor/command.ts";
import { loadHttp, requestOf } from "../floor/http_calls.ts";

await runProgram({ client: (flags) => flags.has("fetch") ? overFetch(flags) : overPool(flags) });

async function overPool(flags: Flags): Promise<Record<string, number>> {
  const request = requestOf(flags);
  const origin = `http://127.0.0.1:${flags.number("port", 0)}`;
  const max = flags.number("in-flight", 1);
  await using call = chain(http({ origin, client: "sockets" }), pool({ max, callsPerConnection: 1 }));
  return await loadHttp(async () => await (await call(request())).text(), flags);
}

function overFetch(flags: Flags): Promise<Record<string, number>> {
  const request = requestOf(flags);
  return loadHttp(async () => await (await fetch(request())).text(), flags);
}
