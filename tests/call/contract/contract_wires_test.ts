/**
 * One contract over every wire that carries calls by name: the same client and
 * the same handler, and one line of the chain changed.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { fileURLToPath } from "node:url";
import {
  type Address,
  chain,
  clientOf,
  http,
  jsonRpc,
  jsonRpcHttp,
  memory,
  type MethodRequest,
  methods,
  mux,
  newline,
  pool,
  serve,
  type SessionTransport,
  stdio,
  tcp,
  websocket,
} from "../../../mod.ts";
import { counting, counts } from "./_counting.ts";

type Wire = SessionTransport<MethodRequest, unknown>;
type Wires = (at: Address | undefined) => Wire;

async function* upTo(limit: number): AsyncGenerator<number> {
  for (let n = 1; n <= limit; n++) yield n;
}

async function refusal(call: Promise<unknown>, path: string): Promise<void> {
  await assert.rejects(call, (error: { code: string; details: { issues: { path: string }[] } }) => {
    assert.equal(error.code, "invalid-request");
    assert.equal(error.details.issues[0].path, path);
    return true;
  });
}

async function use(wire: Wire): Promise<void> {
  await using call = chain(wire, pool({ max: 2 }));
  const client = clientOf(counting, call);
  assert.deepEqual(await client.add({ numbers: [1, 2, 3] }), { sum: 6 });
  const seen: number[] = [];
  for await (const { n } of client.upTo(200)) seen.push(n);
  assert.deepEqual(seen, Array.from({ length: 200 }, (_, i) => i + 1));
  for await (const { n } of client.upTo(1e9)) if (n === 100) break;
  await refusal(call({ method: "counting.add", params: { numbers: [1, "two"] } }), "numbers[1]");
  await refusal(
    client.sum(
      "all",
      (async function* () {
        yield 1;
        yield "two" as unknown as number;
      })(),
    ),
    "",
  );
  assert.deepEqual(await client.sum("all", upTo(200)), { name: "all", sum: 20_100 });
  const doubled: number[] = [];
  for await (const n of client.double(undefined, upTo(200))) doubled.push(n);
  assert.deepEqual(doubled, seen.map((n) => 2 * n));
}

function over(name: string, wires: Wires): void {
  Deno.test(`a contract works over ${name}`, async () => {
    const server = await serve(wires(undefined), counts);
    try {
      await use(wires(server.addr));
    } finally {
      await server.shutdown();
    }
    assert.equal(server.calls.inFlight, 0);
  });
}

const program = fileURLToPath(new URL("./_counting.ts", import.meta.url));
const command = { program: Deno.execPath(), args: ["run", "--no-check", "--allow-all", program] };
const [inMemory, inMemoryToo] = [memory(), memory()];

over("mux() and methods() on memory()", () => chain(inMemory, mux({ streams: true }), methods()));
over("mux() and methods() on tcp()", (at) => chain(tcp({ port: at?.port ?? 0 }), mux({ streams: true }), methods()));
over("jsonRpc() on memory()", () => chain(inMemoryToo, jsonRpc()));
over("jsonRpc() on lines on tcp()", (at) => chain(tcp({ port: at?.port ?? 0, framing: newline() }), jsonRpc()));
over("jsonRpc() on websocket()", (at) => chain(websocket({ port: at?.port ?? 0 }), jsonRpc()));
over("jsonRpcHttp() on http()", (at) => chain(http({ port: at?.port ?? 0 }), jsonRpcHttp()));

Deno.test("a contract works over jsonRpc() on stdio()", () => use(chain(stdio({ command }), jsonRpc())));
