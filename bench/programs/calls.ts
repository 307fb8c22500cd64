/**
 * Calls through the framework: mux() over tcp().
 *
 * @module
 */

import { chain, mux, serve, tcp } from "../../mod.ts";
import { type Flags, runProgram } from "../floor/command.ts";
import { loadCalls } from "../floor/call_load.ts";

await runProgram({
  async server() {
    const server = await serve(chain(tcp({ port: 0 }), mux()), (request) => request);
    return server.addr.port!;
  },
  async client(flags: Flags) {
    const session = await chain(tcp({ port: flags.number("port", 0) }), mux()).dial();
    const figures = await loadCalls((payload) => session.call(payload), flags);
    await session.close();
    return figures;
  },
});
