/**
 * An end that reads and drops, in a process of its own, so that what is
 * measured is the sending alone.
 *
 * @module
 */

import { runProgram } from "../floor/command.ts";

await runProgram({
  server(): number {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    void (async () => {
      for await (const conn of listener) {
        const buffer = new Uint8Array(256 * 1024);
        void (async () => {
          while (await conn.read(buffer).catch(() => null) !== null);
        })();
      }
    })();
    return listener.addr.port;
  },
});
