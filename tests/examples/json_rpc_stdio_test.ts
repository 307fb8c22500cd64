/**
 * The example of JSON-RPC over standard input and output, run as a user runs
 * it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { run } from "../support/process.ts";

const cwd = new URL("../..", import.meta.url).pathname;
const timeoutMs = 60_000;

Deno.test("the example starts its server, talks to it both ways, and leaves nothing behind", async () => {
  const { code, stdout, stderr } = await run(Deno.execPath(), ["task", "--quiet", "json-rpc"], { cwd, timeoutMs });
  assert.equal(code, 0, stderr);
  assert.equal(
    stdout,
    "add: 42\ngreet: hello, the client\ncountdown: 3\ncountdown: 2\ncountdown: 1\nlift-off follows\n" +
      'withdraw: No such account { code: 17, data: { account: "7" } }\nclosed, and the server has exited\n',
  );
  assert.equal(stderr, "server: ready\nserver: its client has gone\n");
});

Deno.test("the server of the example answers whatever is piped into it, and ends", async () => {
  const stdin = '{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}\nnot JSON\n';
  const args = ["run", "--quiet", "examples/json_rpc_stdio.ts", "serve"];
  const { code, stdout } = await run(Deno.execPath(), args, { cwd, timeoutMs, stdin });
  assert.equal(code, 0);
  // What is no JSON needs no handler, and is answered first.
  const [refusal, reply] = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(reply, { jsonrpc: "2.0", id: 1, result: 3 });
  assert.equal(refusal.error.code, -32700);
});
