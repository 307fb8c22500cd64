/**
 * jayson over TCP, under the load of `floor/json_call_load.ts`. Its client
 * opens a connection for each call.
 *
 * It is not in the import map: it brings old types of Node, which the type
 * check of the whole project would then go by.
 *
 * @module
 */

import { type Flags, runProgram } from "../floor/command.ts";
import { loadJsonCalls } from "../floor/json_call_load.ts";

const { default: jayson } = await import(["npm", "jayson@^5.0.0"].join(":"));

type Done = (error: unknown, result?: unknown) => void;

await runProgram({
  async server() {
    const server = new jayson.Server({ echo: (params: unknown, done: Done) => done(null, params) }).tcp();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as { port: number }).port;
  },
  client(flags: Flags) {
    const client = jayson.Client.tcp({ host: "127.0.0.1", port: flags.number("port", 0) });
    return loadJsonCalls((params) =>
      new Promise((resolve, reject) => {
        client.request("echo", params, (error: unknown, reply: { result: unknown }) => {
          if (error) reject(error);
          else resolve(reply.result);
        });
      }), flags);
  },
});
