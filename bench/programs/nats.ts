/**
 * Calls through the framework: nats() by a NATS server. With `--deadline` each
 * has one, as the request of the bare client does.
 *
 * @module
 */

import { callContext, serve } from "../../mod.ts";
import { nats } from "../../adapters/nats.ts";
import { type Flags, runProgram } from "../floor/command.ts";
import { loadCalls } from "../floor/call_load.ts";
import { startNatsServer } from "../floor/nats_server.ts";

await runProgram({
  async server() {
    const port = await startNatsServer();
    await serve(nats({ servers: `127.0.0.1:${port}`, subject: "echo" }), (request) => request);
    return port;
  },
  async client(flags: Flags) {
    const session = await nats({ servers: `127.0.0.1:${flags.number("port", 0)}`, subject: "echo" }).dial();
    const context = flags.has("deadline") ? () => callContext({ timeoutMs: 5000 }) : () => undefined;
    const figures = await loadCalls((payload) => session.call(payload, context()), flags);
    await session.close();
    return figures;
  },
});
