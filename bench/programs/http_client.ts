/**
 * HTTP clients of Deno under one load: http() on own sockets with a pool, with
 * `--platform` given requests of the platform's, and with `--fetch` the
 * platform's `fetch`.
 *
 * @module
 */

import { chain, http, httpRequest, pool } from "../../mod.ts";
import { type Flags, runProgram } from "../floor/command.ts";
import { BODY, loadHttp, requestOf } from "../floor/http_calls.ts";

await runProgram({ client: (flags) => flags.has("fetch") ? overFetch(flags) : overPool(flags) });

async function overPool(flags: Flags): Promise<Record<string, number>> {
  const origin = `http://127.0.0.1:${flags.number("port", 0)}`;
  const init = flags.has("post") ? { method: "POST", body: BODY } : undefined;
  const request = flags.has("platform") ? requestOf(flags) : () => httpRequest(`${origin}/hello`, init);
  const max = flags.number("in-flight", 1);
  await using call = chain(http({ origin, client: "sockets" }), pool({ max, callsPerConnection: 1 }));
  return await loadHttp(async () => await (await call(request())).text(), flags);
}

function overFetch(flags: Flags): Promise<Record<string, number>> {
  const request = requestOf(flags);
  return loadHttp(async () => await (await fetch(request())).text(), flags);
}
