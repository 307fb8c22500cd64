/**
 * httpCalls(): before servers and clients that are not its own other end.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, http, httpCalls, serve, type Session, Streamed } from "../../mod.ts";
import { failure } from "../support/calls.ts";
import { until } from "../support/channels.ts";
import { httpWorld } from "./_world.ts";

/** A session of calls to a server that answers requests as it likes. */
async function caller(
  handler: (request: Request) => Response | Promise<Response>,
  run: (session: Session<Uint8Array, Uint8Array>) => Promise<void>,
): Promise<void> {
  await httpWorld(handler, async ({ origin }) => {
    const session = await chain(http({ origin }), httpCalls({ maxMessageBytes: 1000 })).dial();
    try {
      await run(session);
    } finally {
      await session.close();
    }
  });
}

Deno.test("a reply over the caller's limit is too large, and its call was processed", async () => {
  await caller((request) => new Response(new Uint8Array(request.url.length + 1000)), async (session) => {
    await failure(session.call(new Uint8Array(1)), "message-too-large", "yes");
    assert.equal(session.load, 0);
  });
  const stream = () => ReadableStream.from([new Uint8Array(600), new Uint8Array(600)]);
  await caller(() => new Response(stream()), async (session) => {
    await failure(session.call(new Uint8Array(1)), "message-too-large", "yes");
    assert.equal(session.load, 0);
  });
});

Deno.test("an answer that is none of ours is told as what it is", async () => {
  const statuses = {
    404: "invalid-reply",
    500: "invalid-reply",
    502: "connection-lost",
    503: "connection-lost",
  } as const;
  for (const [status, code] of Object.entries(statuses)) {
    await caller(() => new Response("<h1>no</h1>", { status: Number(status) }), async (session) => {
      const error = await failure(session.call(new Uint8Array(1)), code, "maybe");
      assert.match(error.message, new RegExp(`${status}: <h1>no</h1>`));
      assert.equal(error.remote, true);
      assert.equal(session.load, 0);
    });
  }
});

Deno.test("an error that is described badly is an error all the same", async () => {
  const bodies = [
    "",
    "null",
    "[]",
    "not JSON",
    '{"message":7,"processed":"perhaps","retryAfterMs":"soon","details":3}',
  ];
  for (const body of bodies) {
    for (const code of ["overloaded", "no-such-code"]) {
      const answer = () => new Response(body, { status: 503, headers: { "wireway-error": code } });
      await caller(answer, async (session) => {
        const error = await failure(session.call(new Uint8Array(1)), code === "overloaded" ? code : "remote", "maybe");
        assert.equal(error.retryAfterMs, undefined);
        assert.equal(error.details, undefined);
      });
    }
  }
});

Deno.test("a request that does not arrive whole is never run", async () => {
  let ran = 0;
  const server = await serve(chain(http({ port: 0 }), httpCalls()), (request) => {
    ran++;
    return request;
  });
  const connection = await Deno.connect({ port: server.addr.port! });
  const head = "POST /call HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc";
  await connection.write(new TextEncoder().encode(head));
  connection.close();
  await until(() => server.calls.refused === 1, "the refusal");
  assert.deepEqual(server.calls, { inFlight: 0, started: 0, failed: 0, refused: 1 });
  assert.equal(ran, 0);
  await server.shutdown();
});

Deno.test("a call whose request is still coming in when the server ends says that it was not processed", async () => {
  const server = await serve(chain(http({ port: 0 }), httpCalls()), (request) => request);
  const connection = await Deno.connect({ port: server.addr.port! });
  const head = "POST /call HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc";
  await connection.write(new TextEncoder().encode(head));
  // The server has seen the request once it answers another one that came after it.
  const other = await fetch(`http://127.0.0.1:${server.addr.port}/call`, { method: "POST", body: "x" });
  assert.equal(await other.text(), "x");
  const shutdown = server.shutdown({ graceMs: 20 });
  const buffer = new Uint8Array(4096);
  const count = await connection.read(buffer);
  const answer = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  assert.match(answer, /^HTTP\/1.1 502 /);
  assert.match(answer, /wireway-error: connection-lost/);
  assert.match(answer, /"processed":"no"/);
  connection.close();
  await shutdown;
});

Deno.test("a deadline far away travels as one that is far away", async () => {
  const server = await serve(chain(http({ port: 0 }), httpCalls()), (_, context) => {
    return new TextEncoder().encode(String(context.deadline > 1e11));
  });
  const session = await chain(http({ port: server.addr.port }), httpCalls()).dial();
  for (const deadline of [1e20, Number.MAX_VALUE]) {
    assert.equal(new TextDecoder().decode(await session.call(new Uint8Array(1), callContext({ deadline }))), "true");
  }
  await session.close();
  await server.shutdown();
});

Deno.test("httpCalls() refuses options that make no sense", () => {
  for (const options of [{ path: "call" }, { path: "" }, { maxMessageBytes: 0 }, { size: 1 }]) {
    assert.throws(() => httpCalls(options as { path: string }), { code: "invalid-option" });
  }
});

Deno.test("httpCalls() refuses a streamed reply, and lets go of its source", async () => {
  let left = false;
  const items = { [Symbol.asyncIterator]: () => ({ next: () => ended, return: () => (left = true, ended) }) };
  const reply = () => new Streamed(new Uint8Array(1), items) as unknown as Uint8Array;
  const server = await serve(chain(http({ port: 0 }), httpCalls()), reply);
  const session = await chain(http({ port: server.addr.port }), httpCalls()).dial();
  await assert.rejects(session.call(new Uint8Array(1)), { code: "unsupported", processed: "yes" });
  assert.ok(left);
  await session.close();
  await server.shutdown();
});

const ended = Promise.resolve({ done: true as const, value: undefined });
