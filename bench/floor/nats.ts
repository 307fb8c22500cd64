/**
 * Calls by the request and reply of the NATS client alone.
 *
 * @module
 */

import { connect } from "@nats-io/transport-node";
import { loadCalls } from "./call_load.ts";
import { type Flags, runProgram } from "./command.ts";
import { startNatsServer } from "./nats_server.ts";

await runProgram({
  async server() {
    const port = await startNatsServer();
    const connection = await connect({ servers: `127.0.0.1:${port}` });
    connection.subscribe("echo", { queue: "bench", callback: (_, message) => void message.respond(message.data) });
    await connection.flush();
    return port;
  },
  async client(flags: Flags) {
    // Without noAsyncTraces the client makes a stack trace for each request.
    const connection = await connect({ servers: `127.0.0.1:${flags.number("port", 0)}`, noAsyncTraces: true });
    const call = async (payload: Uint8Array) => (await connection.request("echo", payload, { timeout: 5000 })).data;
    const figures = await loadCalls(call, flags);
    await connection.close();
    return figures;
  },
});
