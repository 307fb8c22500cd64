/**
 * The floor for HTTP: `Deno.serve` and the shortest answer.
 *
 * @module
 */

import { runProgram } from "./command.ts";

await runProgram({
  server() {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response("hello"),
    );
    return server.addr.port;
  },
});
