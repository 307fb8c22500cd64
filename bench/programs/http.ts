/**
 * HTTP hello through the framework: http() with an empty chain.
 *
 * @module
 */

import { chain, http, serve } from "../../mod.ts";
import { runProgram } from "../floor/command.ts";

await runProgram({
  async server() {
    const server = await serve(http({ port: 0 }), chain(() => new Response("hello")));
    return server.addr.port!;
  },
});
