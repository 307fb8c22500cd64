/**
 * Breaker, retry, hedge and fallback over real connections: framed TCP and
 * HTTP.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  attempt,
  background,
  type CallContext,
  chain,
  circuitBreaker,
  fallback,
  type Handler,
  hedge,
  idempotent,
  mux,
  type PooledClient,
  reconnect,
  retry,
  serve,
  tcp,
  text,
  TransportError,
} from "../../mod.ts";
import { failure } from "../support/calls.ts";
import { within } from "../support/channels.ts";
import { httpWorld } from "../http/_world.ts";

/** A server of texts over framed TCP, and a client of it without any policy. */
async function tcpWorld(
  handler: Handler<string, string>,
  run: (client: PooledClient<string, string>) => Promise<void>,
): Promise<void> {
  const server = await serve(chain(tcp({ port: 0 }), mux(), text()), handler, { graceMs: 1000 });
  const client = chain(tcp({ port: server.addr.port! }), mux(), text(), reconnect());
  try {
    await within(run(client), "the end of the test");
  } finally {
    await client.close();
    await server.shutdown();
  }
}

const repeatable = background.set(idempotent, true);

Deno.test("TCP: a call that a server fails twice is answered the third time", async () => {
  let times = 0;
  await tcpWorld((request) => {
    if (++times < 3) throw new TransportError("overloaded", "Busy", { retryAfterMs: 1 });
    return `${request} ${times}`;
  }, async (client) => {
    const call = chain(client, circuitBreaker(), retry({ initialBackoffMs: 1 }));
    assert.equal(await call("attempt"), "attempt 3");
  });
});

Deno.test("TCP: a breaker opens when a server fails, refuses without asking it, and closes when it is well", async () => {
  let times = 0;
  let well = false;
  await tcpWorld((request) => {
    times++;
    if (well) return request;
    throw new Error("down");
  }, async (client) => {
    const breaker = circuitBreaker({ failures: 2, successes: 1, openMs: 1, maxOpenMs: 20 });
    const call = chain(client, breaker);
    await failure(call("one"), "remote");
    await failure(call("two"), "remote");
    const isolation = breaker.isolate();
    await failure(call("three"), "circuit-open", "no");
    assert.equal(times, 2);
    isolation.end();
    await failure(call("four"), "remote");
    await failure(call("five"), "remote");
    well = true;
    let reply: string | undefined;
    while (reply === undefined) reply = await call("six").catch(() => undefined);
    assert.equal(reply, "six");
    assert.equal(breaker.state, "closed");
  });
});

Deno.test("TCP: a hedge answers for a call that hangs, and the hanging handler is told", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  let times = 0;
  await tcpWorld((request, context) => {
    if (++times > 1) return request;
    const hanging = Promise.withResolvers<string>();
    context.signal.addEventListener("abort", () => {
      cancelled.resolve(context.signal.reason);
      hanging.reject(context.signal.reason);
    });
    return hanging.promise;
  }, async (client) => {
    const call = chain(client, hedge({ delayMs: 5 }));
    assert.equal(await call("question", repeatable), "question");
    assert.equal((await cancelled.promise as TransportError).code, "cancelled");
  });
});

Deno.test("HTTP: a request with a body is sent again as it was, and responses that are dropped leave nothing", async () => {
  const bodies: string[] = [];
  await httpWorld(async (request) => {
    bodies.push(await request.text());
    if (bodies.length < 3) return new Response("x".repeat(100_000), { status: 503, headers: { "retry-after": "0" } });
    return new Response("done");
  }, async ({ client, origin }) => {
    const call = chain(client(), circuitBreaker(), retry({ initialBackoffMs: 1 }));
    const response = await call(new Request(`${origin}/`, { method: "PUT", body: "the order" }));
    assert.equal(await response.text(), "done");
    assert.deepEqual(bodies, Array(3).fill("the order"));
  });
});

Deno.test("HTTP: a POST that failed is not sent again, and a fallback answers it", async () => {
  let times = 0;
  await httpWorld(() => {
    times++;
    return new Response("down", { status: 500 });
  }, async ({ client, origin }) => {
    const kept = fallback<Request, Response>({ to: () => new Response("kept copy") });
    const call = chain(client(), retry({ initialBackoffMs: 1 }), kept);
    const response = await call(new Request(`${origin}/`, { method: "POST" }));
    assert.equal(await response.text(), "kept copy");
    assert.equal(times, 1);
  });
});

Deno.test("HTTP: hedges are answered for requests that hang, and a breaker that counts bodies sees none of them fail", async () => {
  const seen: number[] = [];
  await httpWorld((request) => {
    if (request.headers.get("x-attempt") !== "1") return new Response("quick");
    return new Promise<Response>((resolve) => {
      request.signal.addEventListener("abort", () => resolve(new Response("nobody hears")));
    });
  }, async ({ client, origin }) => {
    const breaker = circuitBreaker({ failures: 1 });
    const base = client();
    const numbered = chain(
      (request: Request, context: CallContext) => {
        const number = context.get(attempt);
        seen.push(number);
        return base(new Request(request, { headers: { "x-attempt": `${number}` } }), context);
      },
      breaker,
      hedge({ delayMs: 5 }),
    );
    for (let i = 0; i < 5; i++) {
      assert.equal(await (await numbered(new Request(`${origin}/`))).text(), "quick");
    }
    assert.deepEqual(seen, Array(5).fill([1, 2]).flat());
    assert.equal(breaker.state, "closed");
  });
});

Deno.test("a server's own calls are guarded by the same middleware", async () => {
  const breaker = circuitBreaker({ failures: 1 });
  const handler = chain(
    (_: string): string => {
      throw new Error("the database is down");
    },
    breaker,
    fallback({ value: "later" }),
  );
  await tcpWorld(handler, async (client) => {
    assert.equal(await client("one"), "later");
    assert.equal(breaker.state, "open");
    assert.equal(await client("two"), "later");
  });
});
