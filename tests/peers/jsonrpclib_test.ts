/**
 * JSON-RPC with Python's jsonrpclib-pelix: every example of the specification,
 * with either of the two as the server.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, http, jsonRpcHttp, type MethodCall, pool, serve, TransportError } from "../../mod.ts";
import { type Peer, peer, peerTest, run, start } from "../support/peer.ts";
import { examples } from "../session/json_rpc/_raw.ts";

const folder = new URL(".", import.meta.url).pathname;
/** Debian's own interpreter: another one in `PATH` does not see Debian's modules. */
const python = "/usr/bin/python3";

/** A module of Python, which is no program in `PATH`. */
async function pythonModule(name: string, debianPackage: string): Promise<Peer> {
  const found = peer("python3", "python3").path !== undefined &&
    (await run(python, ["-c", `import ${name}`]).catch(() => ({ code: 1 }))).code === 0;
  return { command: `the Python module ${name}`, debianPackage, path: found ? python : undefined };
}

const jsonrpclib = await pythonModule("jsonrpclib", "python3-jsonrpclib-pelix");

/** The examples that no client makes of its own accord, and the codes that the specification answers them with. */
const raw: [string, unknown][] = [
  ['{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', -32700],
  ['{"jsonrpc": "2.0", "method": 1, "params": "bar"}', -32600],
  ['[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]', -32700],
  ["[]", -32600],
  ["[1]", [-32600]],
  ["[1,2,3]", [-32600, -32600, -32600]],
  [
    `[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
      {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
      {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
      {"foo": "boo"},
      {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
      {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]`,
    [7, 19, -32600, -32601, ["hello", 5]],
  ],
  ['[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]}]', undefined],
  ['{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', undefined],
];

async function post(url: string, body: string): Promise<unknown> {
  const response = await fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } });
  const text = await response.text();
  const outcome = ({ result, error }: { result?: unknown; error?: { code: number } }): unknown =>
    error === undefined || error === null ? result : error.code;
  if (text === "") return undefined;
  const value = JSON.parse(text);
  return Array.isArray(value) ? value.map(outcome) : outcome(value);
}

peerTest("jsonrpclib-pelix calls our server, by every example of the specification", [jsonrpclib], async () => {
  await using server = await serve(chain(http({ port: 0 }), jsonRpcHttp({ notificationStatus: 200 })), examples);
  const url = `http://127.0.0.1:${server.addr.port}/rpc`;
  const { code, stdout, stderr } = await run(python, [`${folder}jsonrpclib_client.py`, url]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.trim().split("\n").map((line) => JSON.parse(line)), [
    ["positional", 19, -19],
    ["named", 19, 19],
    ["notification", null],
    ["unknown", -32601],
    ["batch", [7, 19, ["hello", 5]]],
    ["notifications", []],
  ]);
  for (const [body, expected] of raw) assert.deepEqual(await post(url, body), expected, body);
});

peerTest("we call a server of jsonrpclib-pelix, by every example of the specification", [jsonrpclib], async () => {
  await using process = start(python, [`${folder}jsonrpclib_server.py`]);
  const port = Number((await process.until(/^port (\d+)$/))[1]);
  const wire = chain(http({ port }), jsonRpcHttp({ path: "/" }));
  // It closes each connection after one request.
  await using pooled = chain(wire, pool());
  const call = (method: string, params?: unknown): Promise<unknown> => pooled({ method, params } as MethodCall);
  const send = async (method: string, params?: unknown): Promise<void> => {
    const session = await wire.dial();
    await session.send({ method, params });
    await session.close();
  };
  assert.equal(await call("subtract", [42, 23]), 19);
  assert.equal(await call("subtract", { subtrahend: 23, minuend: 42 }), 19);
  assert.deepEqual(await call("get_data"), ["hello", 5]);
  await send("update", [1, 2, 3, 4, 5]);
  await send("foobar");
  await assert.rejects(call("foobar"), (error) => {
    assert.ok(error instanceof TransportError);
    assert.deepEqual([error.code, error.processed, error.details?.code], ["remote", "no", -32601]);
    return true;
  });
  await assert.rejects(call("subtract", ["x", {}]), { code: "remote", processed: "yes" });
  for (const [body, expected] of raw) {
    assert.deepEqual(await post(`http://127.0.0.1:${port}/`, body), expected, body);
  }
});
