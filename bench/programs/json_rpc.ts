/**
 * JSON-RPC calls through the framework: jsonRpc() over tcp().
 *
 * @module
 */

import { chain, jsonRpc, newline, serve, tcp } from "../../mod.ts";
import { type Flags, runProgram } from "../floor/command.ts";
import { loadJsonCalls } from "../floor/json_call_load.ts";

const framing = (flags: Flags) => flags.has("lines") ? newline() : undefined;

await runProgram({
  async server(flags) {
    const wire = chain(tcp({ port: 0, framing: framing(flags) }), jsonRpc());
    const server = await serve(wire, (request) => "method" in request ? request.params : undefined);
    return server.addr.port!;
  },
  async client(flags) {
    const wire = chain(tcp({ port: flags.number("port", 0), framing: framing(flags) }), jsonRpc());
    const session = await wire.dial();
    const figures = await loadJsonCalls((params) => session.call({ method: "echo", params }), flags);
    await session.close();
    return figures;
  },
});
