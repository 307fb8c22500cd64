/**
 * jsonRpcHandler() and jsonRpcHttp(): what is answered to which POST, and
 * streams behind replies.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  callContext,
  chain,
  http,
  jsonRpcHandler,
  jsonRpcHttp,
  type JsonRpcHttpOptions,
  serve,
  Streamed,
  TransportError,
} from "../../../mod.ts";
import { failure, settle } from "../../support/calls.ts";
import { until } from "../../support/channels.ts";
import { examples } from "./_raw.ts";

const url = "http://localhost/rpc";

async function post(
  body: string | Uint8Array<ArrayBuffer>,
  init: RequestInit = {},
  options: JsonRpcHttpOptions = {},
): Promise<[number, string]> {
  const handler = jsonRpcHandler(examples, options);
  const headers = { "content-type": "application/json" };
  const response = await handler(new Request(url, { method: "POST", headers, body, ...init }), callContext());
  return [response.status, await response.text()];
}

Deno.test("jsonRpcHandler() answers a request, a batch and notifications", async () => {
  assert.deepEqual(await post('{"jsonrpc":"2.0","id":1.0,"method":"sum","params":[1,2]}'), [
    200,
    '{"jsonrpc":"2.0","id":1,"result":3}',
  ]);
  assert.deepEqual(await post('{"jsonrpc":"2.0","method":"sum","params":[1,2]}'), [204, ""]);
  assert.deepEqual(await post('[{"jsonrpc":"2.0","method":"foobar"}]'), [204, ""]);
  const [status, text] = await post(
    '[{"jsonrpc":"2.0","id":12345678901234567890,"method":"get_data"},1,{"jsonrpc":"2.0","method":"sum","params":[]}]',
  );
  assert.equal(status, 200);
  assert.ok(text.startsWith('[{"jsonrpc":"2.0","id":12345678901234567890,"result":["hello",5]},'), text);
  assert.deepEqual(JSON.parse(text).slice(1).map((reply: { error: { code: number } }) => reply.error.code), [-32600]);
});

Deno.test("jsonRpcHandler() refuses what is no POST, no JSON, or too large", async () => {
  const handler = jsonRpcHandler(examples);
  const got = await handler(new Request(url), callContext());
  assert.deepEqual([got.status, got.headers.get("allow")], [405, "POST"]);
  for (const type of ["text/plain", "application/jsonx", "application/json; charset=latin1", ""]) {
    assert.equal((await post("{}", { headers: { "content-type": type } }))[0], 415, type);
  }
  for (const type of ["application/json; charset=utf-8", "Application/JSON", "application/json-rpc"]) {
    assert.equal((await post("{}", { headers: { "content-type": type } }))[0], 200, type);
  }
  assert.equal((await post(`"${"x".repeat(100)}"`, {}, { maxMessageBytes: 100 }))[0], 413);
  const codes = async (body: string | Uint8Array<ArrayBuffer>, options?: JsonRpcHttpOptions): Promise<number> =>
    JSON.parse((await post(body, {}, options))[1]).error.code;
  assert.equal(await codes(""), -32700);
  assert.equal(await codes(new Uint8Array([0xff])), -32700);
  assert.equal(await codes("[]"), -32600);
  assert.equal(await codes("[1,2,3]", { maxBatchLength: 2 }), -32600);
  assert.equal(await codes("[".repeat(1000), { maxDepth: 5 }), -32600);
});

async function* numbers(state: { left: boolean }, limit: number, fails = false): AsyncGenerator<number> {
  try {
    for (let n = 0; n < limit; n++) yield n;
    if (fails) throw new TransportError("overloaded", "No more", { retryAfterMs: 7 });
  } finally {
    state.left = true;
  }
}

Deno.test("jsonRpcHandler() sends a stream as lines or as events, as the client accepts, and refuses it to others", async () => {
  const state = { left: false };
  const handler = jsonRpcHandler(() => new Streamed("head", numbers(state, 2)));
  const ask = async (accept: string): Promise<[string | null, string]> => {
    const headers = { "content-type": "application/json", accept };
    const body = '{"jsonrpc":"2.0","id":"x","method":"count"}';
    const response = await handler(new Request(url, { method: "POST", headers, body }), callContext());
    return [response.headers.get("content-type"), await response.text()];
  };
  const messages = [
    '{"jsonrpc":"2.0","id":"x","result":"head","wireway":{"stream":1}}',
    '{"jsonrpc":"2.0","method":"$/stream/item","params":[1,0]}',
    '{"jsonrpc":"2.0","method":"$/stream/item","params":[1,1]}',
    '{"jsonrpc":"2.0","method":"$/stream/end","params":[1]}',
  ];
  assert.deepEqual(await ask("application/json, application/x-ndjson"), [
    "application/x-ndjson",
    messages.map((message) => `${message}\n`).join(""),
  ]);
  assert.deepEqual(await ask("text/event-stream"), [
    "text/event-stream",
    messages.map((message) => `data: ${message}\n\n`).join(""),
  ]);
  state.left = false;
  const [type, text] = await ask("application/json");
  assert.deepEqual([type, JSON.parse(text).error.code], ["application/json", -32601]);
});

Deno.test("jsonRpcHttp() carries streamed replies: read to the end, left, and failing in the midst", async () => {
  const state = { left: false };
  await using server = await serve(chain(http({ port: 0 }), jsonRpcHttp()), (request) => {
    const { method } = request as { method: string };
    return new Streamed(method, numbers(state, method === "endless" ? Infinity : 3, method === "fails"));
  });
  const wire = chain(http({ port: server.addr.port! }), jsonRpcHttp());
  const call = async (method: string): Promise<Streamed<string, number>> => {
    const session = await wire.dial();
    const reply = await session.call({ method }) as Streamed<string, number>;
    reply.whenEnded(() => void session.close());
    assert.equal(reply.head, method);
    return reply;
  };
  assert.deepEqual(await Array.fromAsync(await call("three")), [0, 1, 2]);
  state.left = false;
  for await (const n of await call("endless")) if (n === 100) break;
  await until(() => state.left, "the end of the source");
  const error = await failure(Array.fromAsync(await call("fails")), "overloaded");
  assert.deepEqual([error.message, error.retryAfterMs, error.remote], ["No more", 7, true]);
  await settle();
});

Deno.test("jsonRpcHttp() says what an answer was that is no response", async () => {
  const answers: [Response, string][] = [
    [new Response("down", { status: 503 }), "connection-lost"],
    [new Response("no", { status: 404 }), "invalid-reply"],
    [new Response("<html>"), "invalid-reply"],
    [new Response('{"jsonrpc":"2.0","id":99,"result":1}'), "invalid-reply"],
    [new Response('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}', { status: 400 }), "remote"],
  ];
  for (const [answer, code] of answers) {
    await using server = await serve(http({ port: 0 }), () => answer);
    const session = await chain(http({ port: server.addr.port! }), jsonRpcHttp()).dial();
    await failure(session.call({ method: "m" }), code as "remote");
    await session.close();
  }
  assert.throws(() => jsonRpcHttp({ path: "rpc" }), { code: "invalid-option" });
});
