/**
 * http(): the client.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, http, ManualClock, reconnect, timeout, TransportError } from "../../mod.ts";
import { fetchError } from "../../src/transport/http/http_errors.ts";
import { failure, settle } from "../support/calls.ts";
import { until } from "../support/channels.ts";
import { bothForms, endless, httpWorld } from "./_world.ts";

const echo = async (request: Request): Promise<Response> => {
  const { method, headers } = request;
  const body = await request.text();
  return Response.json({ method, body, headers: Object.fromEntries(headers), url: new URL(request.url).pathname });
};

bothForms("a client sends a request as it is, and gives the response as it is", async (form) => {
  await httpWorld(echo, async ({ origin, client }) => {
    const call = client({ client: form });
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      const body = method === "GET" || method === "OPTIONS" ? undefined : `body of ${method}`;
      const url = `${origin}/some/path?q=1`;
      const response = await call(new Request(url, { method, body, headers: { "x-a": "b" } }));
      assert.equal(response.status, 200);
      assert.equal(response.url, url);
      assert.equal(response.headers.get("content-type"), "application/json");
      const seen = await response.json();
      assert.deepEqual([seen.method, seen.body, seen.url], [method, body ?? "", "/some/path"]);
      assert.equal(seen.headers["x-a"], "b");
    }
  });
});

bothForms("a client takes any status for a reply, and one without a body for a call that has ended", async (form) => {
  await httpWorld((request) => {
    const status = Number(new URL(request.url).pathname.slice(1));
    return new Response(status === 204 ? null : "words", { status });
  }, async ({ origin, dial }) => {
    const session = await dial({ client: form });
    for (const status of [200, 204, 404, 500, 503]) {
      const response = await session.call(new Request(`${origin}/${status}`));
      assert.equal(response.status, status);
      // A body that has come with its head holds up nothing.
      assert.equal(session.load, status === 204 || form === "sockets" ? 0 : 1);
      assert.equal(await response.text(), status === 204 ? "" : "words");
      assert.equal(session.load, 0);
    }
    const head = await session.call(new Request(`${origin}/200`, { method: "HEAD" }));
    assert.equal(await head.text(), "");
    assert.equal(session.load, 0);
  });
});

bothForms("metadata travels in fields of its own, and trace context under its own names", async (form) => {
  await httpWorld(echo, async ({ origin, dial }) => {
    const session = await dial({ client: form });
    const context = callContext({ metadata: { tenant: "acme", cookie: "c=1", traceparent: "00-1-2-01" } });
    for (const method of ["GET", "POST"]) {
      const request = new Request(origin, { method, headers: { cookie: "own=1" } });
      const { headers } = await (await session.call(request, context)).json();
      assert.equal(headers["meta-tenant"], "acme");
      assert.equal(headers["meta-cookie"], "c=1");
      assert.equal(headers.traceparent, "00-1-2-01");
      assert.equal(headers.cookie, "own=1");
    }
  });
});

Deno.test("a session stays loaded until the body is read, cancelled, or given up with its call", async () => {
  await httpWorld(() => new Response(endless()), async ({ origin, dial, server }) => {
    const session = await dial({ client: "fetch", maxInFlight: 2 });
    const controller = new AbortController();
    const first = await session.call(new Request(origin));
    const second = await session.call(new Request(origin), callContext({ signal: controller.signal }));
    assert.equal(session.load, 2);
    await failure(session.call(new Request(origin)), "too-many-calls", "no");
    let changes = 0;
    session.onChange = () => changes++;
    await first.body!.cancel();
    assert.equal(session.load, 1);
    // Nobody reads this one: its call is given up all the same.
    controller.abort(new Error("enough"));
    assert.equal(session.load, 0);
    assert.equal(changes, 2);
    await failure(second.bytes(), "cancelled");
    await server.shutdown({ graceMs: 0 });
  });
});

bothForms("a deadline that passes ends a body that nobody reads, so that the session can close", async (form) => {
  const clock = new ManualClock();
  await httpWorld(() => new Response(endless()), async ({ origin, dial, server }) => {
    const session = await dial({ client: form, clock });
    const response = await session.call(new Request(origin), callContext({ deadline: 100 }));
    const closing = session.close();
    await settle();
    assert.equal(session.state, "draining");
    await clock.advance(100);
    await closing;
    assert.equal(session.state, "closed");
    await failure(response.text(), "deadline-exceeded");
    await server.shutdown({ graceMs: 0 });
  });
});

bothForms("a call is rejected at its deadline while the handler is at work", async (form) => {
  const handler = ({ url }: Request): Response | Promise<Response> =>
    url.endsWith("/quick") ? new Response() : new Promise<Response>(() => {});
  await httpWorld(handler, async ({ origin, client, dial, server }) => {
    const connected = client({ client: form });
    const session = await dial({ client: form });
    // The time is for the handler: connecting takes none of it.
    for (const call of [connected, session.call.bind(session)]) {
      await (await call(new Request(`${origin}/quick`))).text();
    }
    const call = chain(connected, timeout({ ms: 200 }));
    await failure(call(new Request(origin)), "deadline-exceeded", "maybe");
    await failure(session.call(new Request(origin), callContext({ timeoutMs: 200 })), "deadline-exceeded", "maybe");
    assert.equal(session.load, 0);
    await server.shutdown({ graceMs: 0 });
  });
});

bothForms("bodies stream both ways at once", async (form) => {
  await httpWorld((request) => new Response(request.body), async ({ origin, dial }) => {
    const session = await dial({ client: form });
    const up = new TransformStream<Uint8Array, Uint8Array>();
    const writer = up.writable.getWriter();
    const init = { method: "POST", body: up.readable, duplex: "half" };
    const calling = session.call(new Request(origin, init));
    await writer.write(new Uint8Array([0]));
    const reader = (await calling).body!.getReader();
    for (let i = 1; i < 20; i++) {
      // Each piece comes back before the next one is sent.
      assert.deepEqual((await reader.read()).value, new Uint8Array([i - 1]));
      await writer.write(new Uint8Array([i]));
    }
    await writer.close();
    assert.deepEqual((await reader.read()).value, new Uint8Array([19]));
    assert.equal((await reader.read()).done, true);
    assert.equal(session.load, 0);
  });
});

bothForms("a client that is given anything but a request says what it takes", async (form) => {
  await httpWorld(echo, async ({ origin, client, server }) => {
    const call = client({ client: form });
    const given = async (what: unknown): Promise<string> => {
      return (await failure(call(what as Request), "invalid-request", "no")).message;
    };
    const instead = `this is "${origin}/x", for which there is httpRequest("${origin}/x")`;
    assert.equal(await given(`${origin}/x`), `Cannot call ${origin}: it takes a Request, ${instead}`);
    assert.equal(await given(new URL(`${origin}/x`)), `Cannot call ${origin}: it takes a Request, ${instead}`);
    assert.equal(await given(undefined), `Cannot call ${origin}: it takes a Request, this is undefined`);
    assert.equal(server.calls.started, 0);
  });
});

bothForms("a session goes to its own origin only", async (form) => {
  await httpWorld(echo, async ({ origin, dial, server }) => {
    const session = await dial({ client: form });
    const { port } = server.addr;
    const others = [
      `http://localhost:${port}/`,
      `https://127.0.0.1:${port}/`,
      `http://127.0.0.1:${port! + 1}/`,
      "data:text/plain,x",
    ];
    for (const url of others) {
      const error = await failure(session.call(new Request(url)), "invalid-request", "no");
      assert.match(error.message, new RegExp(origin));
    }
    assert.equal(session.load, 0);
    assert.equal(server.calls.started, 0);
  });
  // One that only begins alike is another one.
  const session = await http({ origin: "http://127.0.0.1", client: "fetch" }).dial();
  await failure(session.call(new Request("http://127.0.0.10/")), "invalid-request", "no");
  await session.close();
});

Deno.test("what the platform could not connect for was not sent", () => {
  const words = {
    "client error (Connect): request was canceled": "connect-failed",
    "client error (Connect): tcp connect error: Connection refused (os error 111)": "connect-failed",
    "client error (Connect): dns error: no such host": "connect-failed",
    "client error (SendRequest): connection closed before message completed": "connection-lost",
    "error reading a body from connection": "connection-lost",
  };
  for (const [why, code] of Object.entries(words)) {
    const error = fetchError("http://x", new TypeError("fetch failed", { cause: new Error(why) }));
    assert.deepEqual([error.code, error.processed], [code, code === "connect-failed" ? "no" : "maybe"]);
    assert.ok(error.message.includes(why));
  }
});

bothForms("a request whose body was used before is refused, and leaves nothing behind", async (form) => {
  await httpWorld(echo, async ({ origin, dial, server }) => {
    const session = await dial({ client: form });
    for (const method of ["POST", "PUT"]) {
      const request = new Request(origin, { method, body: "x" });
      await request.text();
      await failure(session.call(request), "invalid-request", "no");
      const locked = new Request(origin, { method, body: "x" });
      locked.body!.getReader();
      await failure(session.call(locked, callContext({ metadata: { a: "b" } })), "invalid-request", "no");
    }
    assert.equal(session.load, 0);
    assert.equal(server.calls.started, 0);
  });
});

bothForms(
  "a client says connect-failed where nothing listens, and where the certificate is not trusted",
  async (form) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    await using call = chain(http({ origin: `http://127.0.0.1:${port}`, client: form }), reconnect());
    await failure(call(new Request(`http://127.0.0.1:${port}/`)), "connect-failed", "no");
  },
);

bothForms("a session that was closed takes no calls, and one that was aborted ends those it had", async (form) => {
  await httpWorld(() => new Promise<Response>(() => {}), async ({ origin, dial, server }) => {
    const session = await dial({ client: form });
    const error = failure(session.call(new Request(origin)), "closed");
    await until(() => server.calls.started === 1, "the handler");
    session.abort(new TransportError("closed", "The test has enough", { processed: "maybe" }));
    assert.match((await error).message, /enough/);
    assert.equal((await session.finished)?.message, "The test has enough");
    await failure(session.call(new Request(origin)), "closed", "no");
    await session.close();
    await server.shutdown({ graceMs: 0 });
  });
});
