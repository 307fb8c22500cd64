/**
 * A JSON-RPC server over standard input and output, and a client that starts
 * it: `deno task json-rpc`.
 *
 * With `serve` this file is the server, which any JSON-RPC client can start:
 * `echo '{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}' | deno run examples/json_rpc_stdio.ts serve`
 *
 * @module
 */

import {
  callContext,
  chain,
  type Handler,
  jsonRpc,
  jsonRpcError,
  type MethodCall,
  type MethodRequest,
  serve,
  stdio,
  Streamed,
  TransportError,
} from "../mod.ts";

/** Counts down, a number at a time as the caller takes them. */
async function* countdown(from: number): AsyncGenerator<number> {
  for (let n = from; n > 0; n--) yield n;
}

/** What the server knows. */
const handler: Handler<MethodRequest, unknown> = async (request, context) => {
  const { method, params } = request as MethodCall;
  switch (method) {
    case "add":
      return (params as number[]).reduce((sum, each) => sum + each, 0);
    case "greet":
      // The server asks its client something before it answers.
      return `hello, ${await context.peer!.call({ method: "name" })}`;
    case "countdown":
      return new Streamed("lift-off follows", countdown((params as number[])[0]));
    case "withdraw":
      throw jsonRpcError(17, "No such account", { account: (params as { account: string }).account });
  }
  throw new TransportError("unsupported", `Method not found: ${method}`);
};

async function server(): Promise<void> {
  // Standard output is the channel: what the program has to say for people goes to standard error.
  console.log = console.error;
  const running = await serve(chain(stdio(), jsonRpc()), handler);
  console.log("server: ready");
  await running.finished;
  console.log("server: its client has gone");
}

async function client(): Promise<void> {
  const command = { program: Deno.execPath(), args: ["run", import.meta.filename!, "serve"] };
  const session = await chain(stdio({ command }), jsonRpc()).dial({ handler: () => "the client" });
  console.log("add:", await session.call({ method: "add", params: [1, 2, 39] }, callContext({ timeoutMs: 20_000 })));
  console.log("greet:", await session.call({ method: "greet" }));
  const reply = await session.call({ method: "countdown", params: [3] }) as Streamed<string, number>;
  for await (const n of reply) console.log("countdown:", n);
  console.log(reply.head);
  try {
    await session.call({ method: "withdraw", params: { account: "7" } });
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    console.log("withdraw:", error.message, error.details);
  }
  await session.close();
  console.log("closed, and the server has exited");
}

if (import.meta.main) await (Deno.args[0] === "serve" ? server() : client());
