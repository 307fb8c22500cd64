/**
 * Streams behind requests over HTTP, in bytes: what a server takes, what it
 * refuses, and what a client sends.
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
  ManualClock,
  type MethodCall,
  type MethodRequest,
  serve,
  Streamed,
  type TransportError,
} from "../../../mod.ts";
import { failure } from "../../support/calls.ts";
import { until, within } from "../../support/channels.ts";
import { peer, peerTest, run } from "../../support/peer.ts";

const head = '{"jsonrpc":"2.0","id":7,"method":"list"}\n';
const lines = { "content-type": "application/x-ndjson" };

/** Gathers what comes, and with the end of it how that was. */
async function list(request: MethodRequest): Promise<unknown[]> {
  const seen: unknown[] = [];
  for await (const item of request as Streamed<MethodCall, unknown>) seen.push(item);
  return seen;
}

async function echo(request: MethodRequest): Promise<unknown> {
  if ((request as Streamed<MethodCall>).head.method === "list") return await list(request);
  return new Streamed("head", request as Streamed<MethodCall, unknown>);
}

async function* two(): AsyncGenerator<unknown> {
  yield { a: 1 };
  yield undefined;
}

/** Posts a body in pieces of a size. */
async function post(
  text: string | Uint8Array<ArrayBuffer>,
  { options = {}, headers = lines, size = Infinity }: {
    options?: JsonRpcHttpOptions;
    headers?: Record<string, string>;
    size?: number;
  } = {},
): Promise<[number, string]> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at += Math.min(size, bytes.length)));
    },
  });
  const init: RequestInit & { duplex: "half" } = { method: "POST", headers, body, duplex: "half" };
  const response = await jsonRpcHandler(echo, options)(new Request("http://localhost/rpc", init), callContext());
  return [response.status, await response.text()];
}

async function errorFrom(text: string | Uint8Array<ArrayBuffer>, options?: JsonRpcHttpOptions): Promise<string> {
  const [status, answer] = await post(text, { options });
  const { error } = JSON.parse(answer);
  return `${status} ${error.code} ${error.data.code} ${error.data.processed}: ${error.message}`;
}

Deno.test("a request and its items are lines, however they are cut into pieces", async () => {
  const body = `${head}{"item":1}\r\n\n{"item":"ä\\n"}\n{"item":null}\n{"item":{"a":[]}}\n{"end":true}`;
  for (const size of [1, 2, 7, 64, Infinity]) {
    for (const end of ["", "\n", "\r\n\n", '\n{"item":"after the end"}\n']) {
      const answer = await post(body + end, { size });
      assert.deepEqual(answer, [200, '{"jsonrpc":"2.0","id":7,"result":[1,"ä\\n",null,{"a":[]}]}']);
    }
  }
  assert.deepEqual(await post('{"jsonrpc":"2.0","method":"list"}\n{"end":true}'), [204, ""]);
  const charset = { "content-type": "Application/X-NDJSON; charset=UTF-8" };
  assert.equal((await post(`${head}{"end":true}`, { headers: charset }))[0], 200);
});

Deno.test("a stream behind the reply goes to who accepts one, and to nobody else", async () => {
  const body = '{"jsonrpc":"2.0","id":7,"method":"echo"}\n{"item":1}\n{"end":true}\n';
  const [, events] = await post(body, { headers: { ...lines, accept: "text/event-stream" } });
  assert.deepEqual(events.split("\n\n"), [
    'data: {"jsonrpc":"2.0","id":7,"result":"head","wireway":{"stream":1}}',
    'data: {"jsonrpc":"2.0","method":"$/stream/item","params":[1,1]}',
    'data: {"jsonrpc":"2.0","method":"$/stream/end","params":[1]}',
    "",
  ]);
  assert.match((await post(body))[1], /"code":-32601/);
});

Deno.test("a line that is none ends the stream, and says which line it was", async () => {
  const about = async (line: string | Uint8Array<ArrayBuffer>, options?: JsonRpcHttpOptions): Promise<string> => {
    const before = new TextEncoder().encode(`${head}{"item":1}\n`);
    const bytes = typeof line === "string" ? new TextEncoder().encode(`${line}\n{"end":true}\n`) : line;
    return await errorFrom(Uint8Array.from([...before, ...bytes]), options);
  };
  const refused = "200 -32602 invalid-request maybe: Line 3 of the request refused: ";
  assert.ok((await about("garbage")).startsWith(refused));
  assert.equal(await about(Uint8Array.of(0xff, 10)), `${refused}it is not UTF-8`);
  assert.equal(await about("7"), `${refused}it is no object`);
  assert.equal(await about("{}"), `${refused}it has neither an item, nor an error, nor the end`);
  assert.equal(await about('{"end":1}'), `${refused}it has neither an item, nor an error, nor the end`);
  const deep = `{"item":${"[".repeat(20)}${"]".repeat(20)}}`;
  assert.equal(await about(deep, { maxDepth: 10 }), `${refused}it is nested more than 10 levels deep`);
  const large = await about(`{"item":"${"x".repeat(100)}"}`, { maxMessageBytes: 100 });
  assert.match(large, /^200 -32000 message-too-large maybe: Line 3 of the request is too long: /);
  const endless = post(`${head}{"item":"${"x".repeat(1000)}`, { size: 7, options: { maxMessageBytes: 100 } });
  assert.match((await endless)[1], /too long: Message refused: it has 10[1-7] bytes/);
  assert.equal(
    await about('{"error":{"code":5,"message":"m","data":{"code":"overloaded","processed":"no"}}}'),
    "200 -32000 overloaded no: m",
  );
});

Deno.test("a body that ends before its stream does is a lost one", async () => {
  for (const rest of ["", '{"item":1}\n', '{"item":1}\n{"item', '{"item":1}']) {
    assert.match(await errorFrom(head + rest), /^200 -32000 connection-lost maybe: Stream lost: /, rest);
  }
});

Deno.test("a first line that is no request is refused before the handler runs", async () => {
  const code = async (text: string, options?: JsonRpcHttpOptions): Promise<[number, number]> => {
    const [status, answer] = await post(text, { options });
    return [status, JSON.parse(answer).error.code];
  };
  assert.deepEqual(await code(""), [200, -32700]);
  assert.deepEqual(await code("nonsense\n"), [200, -32700]);
  assert.deepEqual(await code(`[${head.trim()}]\n{"end":true}\n`), [200, -32600]);
  assert.deepEqual(await code(`"${"x".repeat(200)}"\n`, { maxMessageBytes: 100 }), [413, -32000]);
  assert.equal((await post(head, { options: { extensions: false } }))[0], 415);
});

Deno.test("a body is given up when its stream has ended, when the handler leaves its loop, and with the reply", async () => {
  for (const method of ["ends", "leaves", "answers"]) {
    const cancelled = Promise.withResolvers<void>();
    let chunks = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const first = `${head}{"item":1}\n${method === "ends" ? '{"end":true}\n' : ""}`;
        controller.enqueue(new TextEncoder().encode(chunks++ === 0 ? first : '{"item":2}\n'));
      },
      cancel: () => cancelled.resolve(),
    }, { highWaterMark: 0 });
    const handler = jsonRpcHandler(async (request) => {
      if (method === "answers") return new Streamed(null, two());
      for await (const _ of request as Streamed<MethodCall>) if (method === "leaves") break;
      await within(cancelled.promise, "the end of the body, before the answer");
      return null;
    });
    const headers = { ...lines, accept: "application/x-ndjson" };
    const init: RequestInit & { duplex: "half" } = { method: "POST", headers, body, duplex: "half" };
    const response = await within(handler(new Request("http://localhost/rpc", init), callContext()), "the answer");
    await response.text();
    await within(cancelled.promise, `the end of the body: ${method}`);
  }
});

Deno.test("the stream of a request ends at the deadline of its call", async () => {
  const clock = new ManualClock();
  const errors: TransportError[] = [];
  const handler = jsonRpcHandler(async (request) => {
    try {
      return await list(request);
    } catch (error) {
      errors.push(error as TransportError);
      throw error;
    }
  }, { clock });
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) =>
      controller.enqueue(
        new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"list","wireway":{"timeLeftMs":50}}\n'),
      ),
    cancel: () => {
      cancelled = true;
    },
  });
  const init: RequestInit & { duplex: "half" } = { method: "POST", headers: lines, body, duplex: "half" };
  const answer = handler(new Request("http://localhost/rpc", init), callContext());
  for (let turn = 0; turn < 50; turn++) await undefined;
  await clock.advance(51);
  const { error } = await (await within(answer, "the answer")).json();
  assert.deepEqual([error.data.code, errors[0].code, cancelled], ["deadline-exceeded", "deadline-exceeded", true]);
});

Deno.test("a connection that is cut ends the handler's loop with connection-lost", async () => {
  const ends: string[] = [];
  let seen = 0;
  await using server = await serve(chain(http({ port: 0 }), jsonRpcHttp()), async (request) => {
    try {
      for await (const _ of request as Streamed<MethodCall>) seen++;
    } catch (error) {
      ends.push((error as TransportError).code);
    }
    return null;
  });
  const conn = await Deno.connect({ port: server.addr.port! });
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
  await conn.write(new TextEncoder().encode(
    `POST /rpc HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n${
      chunk(head) + chunk('{"item":1}\n')
    }`,
  ));
  await until(() => seen === 1, "the item");
  conn.close();
  await until(() => ends.length === 1, "the end of the loop");
  assert.ok(["connection-lost", "cancelled"].includes(ends[0]), ends[0]);
});

Deno.test("jsonRpcHttp() sends lines, and says so where a server or its own options take none", async () => {
  const bodies: string[] = [];
  await using server = await serve(http({ port: 0 }), async (request) => {
    if (bodies.length > 0) return new Response("no", { status: 415 });
    bodies.push(`${request.headers.get("content-type")}\n${await request.text()}`);
    return Response.json({ jsonrpc: "2.0", id: 1, result: "ok" });
  });
  const upload = (): MethodRequest => new Streamed({ method: "m", params: [1] }, two());
  const session = await chain(http({ port: server.addr.port! }), jsonRpcHttp()).dial();
  assert.equal(await session.call(upload()), "ok");
  assert.deepEqual(bodies[0].split("\n"), [
    "application/x-ndjson",
    '{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}',
    '{"item":{"a":1}}',
    '{"item":null}',
    '{"end":true}',
    "",
  ]);
  await failure(session.call(upload()), "unsupported");
  await assert.rejects(async () => await session.send(upload()), { code: "unsupported" });
  await session.close();
  const plain = await chain(http({ port: server.addr.port! }), jsonRpcHttp({ extensions: false })).dial();
  await failure(plain.call(upload()), "unsupported");
  await plain.close();
});

peerTest("curl sends a stream and reads one", [peer("curl", "curl")], async () => {
  await using server = await serve(chain(http({ port: 0 }), jsonRpcHttp()), echo);
  const url = `http://127.0.0.1:${server.addr.port}/rpc`;
  const post = ["-sS", "--data-binary", "@-", "-H", "content-type: application/x-ndjson", url];
  const body = `${head}{"item":1}\n{"item":2}\n{"end":true}\n`;
  assert.equal((await run("curl", post, { stdin: body })).stdout, '{"jsonrpc":"2.0","id":7,"result":[1,2]}');
  const both = ["-sSN", "-T", "-", "-X", "POST", ...post.slice(3), "-H", "accept: application/x-ndjson"];
  const { stdout } = await run("curl", both, { stdin: body.replace("list", "echo") });
  assert.deepEqual(stdout.trim().split("\n").map((line) => JSON.parse(line).params), [undefined, [1, 1], [1, 2], [1]]);
});
