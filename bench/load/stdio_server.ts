/**
 * What answers load over stdio: started by each connection, which is its
 * standard input and output.
 *
 * @module
 */

import { chain, lengthPrefix, mux, serve, stdio } from "../../mod.ts";

Deno.addSignalListener("SIGINT", () => {});
const server = await serve(chain(stdio({ framing: lengthPrefix() }), mux()), (request) => request);
await server.finished;
Deno.exit(0);
