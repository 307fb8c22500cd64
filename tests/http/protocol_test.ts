/**
 * http(): HTTP/1.1 and HTTP/2, in the clear and over TLS, and its options.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { http, type HttpOptions, TransportError } from "../../mod.ts";
import { failure } from "../support/calls.ts";
import { testCert, testKey } from "../support/certs.ts";
import { until } from "../support/channels.ts";
import { faultProxy } from "../support/fault_proxy.ts";
import { bothForms, httpWorld } from "./_world.ts";

const tls = { cert: testCert, key: testKey, caCerts: [testCert] };

/** One call, and then ten at once that wait for each other; gives how many connections they took. */
async function connectionsOfTen(options: Partial<HttpOptions>, protocol: "auto" | "h1" | "h2"): Promise<number> {
  let entered = 0;
  const all = Promise.withResolvers<void>();
  let connections = 0;
  await httpWorld(async (request) => {
    if (request.method === "GET") return new Response();
    if (++entered === 10) all.resolve();
    await all.promise;
    return new Response("hello");
  }, async ({ server }) => {
    await using proxy = await faultProxy({ upstreamPort: server.addr.port! });
    const origin = `${server.addr.transport}://127.0.0.1:${proxy.port}`;
    const session = await http({ ...options, origin, protocol, client: "fetch" }).dial();
    await (await session.call(new Request(origin))).text();
    const calls = Array.from({ length: 10 }, async () => {
      const response = await session.call(new Request(origin, { method: "POST", body: "x" }));
      assert.equal(await response.text(), "hello");
    });
    await Promise.all(calls);
    connections = proxy.accepted;
    await session.close();
  }, options);
  return connections;
}

Deno.test("one TLS port speaks HTTP/1.1 and HTTP/2, as the client likes", async () => {
  assert.equal(await connectionsOfTen({ tls }, "h1"), 10);
  assert.equal(await connectionsOfTen({ tls }, "h2"), 1);
});

Deno.test("with TLS fetch speaks HTTP/2 where nobody has another wish", async () => {
  assert.equal(await connectionsOfTen({ tls }, "auto"), 1);
});

Deno.test("one port in the clear speaks HTTP/1.1, and HTTP/2 by prior knowledge", async () => {
  assert.equal(await connectionsOfTen({}, "h1"), 10);
  assert.equal(await connectionsOfTen({}, "auto"), 10);
  assert.equal(await connectionsOfTen({}, "h2"), 1);
});

Deno.test("a client refuses a certificate that it does not trust as connect-failed", async () => {
  await httpWorld(() => new Response("x"), async ({ origin, server }) => {
    for (const protocol of ["h1", "h2"] as const) {
      const session = await http({ origin, protocol, client: "fetch" }).dial();
      const error = await failure(session.call(new Request(origin)), "connect-failed", "no");
      assert.match(error.message, /certificate|UnknownIssuer/);
      await session.close();
    }
    const error = await failure(http({ origin }).dial(), "connect-failed", "no");
    assert.match(error.message, /certificate|UnknownIssuer/);
    assert.equal(server.calls.started, 0);
  }, { tls });
});

/** A server that answers whatever comes as HTTP/1.1 does, and closes. */
async function onlyHttp1(run: (origin: string) => Promise<void>): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(100)).catch(() => {});
      await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")).catch(() => {});
      connection.close();
    }
  })();
  await run(`http://127.0.0.1:${listener.addr.port}`);
  listener.close();
  await answering;
}

Deno.test("a server that speaks no HTTP/2 is found out when it is dialled", async () => {
  await onlyHttp1(async (origin) => {
    const error = await failure(http({ origin, protocol: "h2" }).dial(), "version-mismatch", "no");
    assert.match(error.message, /HTTP\/1\.1/);
  });
});

Deno.test("with TLS the server chooses the protocol, and one that names none is called over HTTP/1.1", async () => {
  await httpWorld(() => new Response("hello"), async ({ dial, origin }) => {
    const session = await dial();
    assert.equal(session.capacity, 200);
    assert.equal(await (await session.call(new Request(origin))).text(), "hello");
  }, { tls });
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: testCert, key: testKey });
  const answering = (async () => {
    for (let i = 0; i < 2; i++) {
      using connection = await listener.accept();
      if (await connection.read(new Uint8Array(1000)).catch(() => null) === null) continue;
      await connection.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"));
    }
  })();
  const origin = `https://127.0.0.1:${listener.addr.port}`;
  const session = await http({ origin, tls: { caCerts: [testCert] } }).dial();
  assert.equal(session.capacity, 1);
  assert.equal(await (await session.call(new Request(origin))).text(), "hello");
  await session.close();
  const wants = http({ origin, tls: { caCerts: [testCert] }, protocol: "h2" });
  await failure(wants.dial(), "version-mismatch", "no");
  await answering;
  listener.close();
});

Deno.test("a redirect leads from one HTTP/2 server to another", async () => {
  await httpWorld(async (request) => new Response(`${request.method} ${await request.text()}`), async ({ server }) => {
    const there = `http://127.0.0.1:${server.addr.port}/there`;
    await httpWorld(() => Response.redirect(there, 307), async ({ dial, origin }) => {
      const session = await dial({ protocol: "h2" });
      const response = await session.call(new Request(origin, { method: "POST", body: "hello" }));
      assert.deepEqual([response.url, await response.text()], [there, "POST hello"]);
      assert.equal(session.load, 0);
    });
  });
});

Deno.test("fetch says of a server that speaks no HTTP/2 connect-failed or connection-lost", async () => {
  await onlyHttp1(async (origin) => {
    const session = await http({ origin, protocol: "h2", client: "fetch" }).dial();
    await failure(session.call(new Request(origin)), ["connect-failed", "connection-lost"]);
    await session.close();
  });
});

bothForms("the handlers of an HTTP/2 connection hear which of its calls was cancelled", async (client) => {
  const aborted: string[] = [];
  await httpWorld((request, context) => {
    const { pathname } = new URL(request.url);
    context.signal.addEventListener("abort", () => aborted.push(pathname));
    return new Promise<Response>(() => {});
  }, async ({ origin, dial, server }) => {
    const session = await dial({ protocol: "h2", client });
    const controllers = [0, 1, 2].map(() => new AbortController());
    const calls = controllers.map(({ signal }, i) =>
      failure(session.call(new Request(`${origin}/${i}`, { signal })), ["cancelled", "connection-lost"])
    );
    await until(() => server.calls.inFlight === 3, "three handlers");
    controllers[1].abort();
    await calls[1];
    await until(() => aborted.length === 1, "a cancelled handler");
    assert.deepEqual(aborted, ["/1"]);
    controllers[0].abort();
    controllers[2].abort();
    await Promise.all(calls);
    await server.shutdown({ graceMs: 0 });
  });
});

Deno.test("http() refuses options that make no sense, naming them", () => {
  const wrong: [unknown, RegExp][] = [
    [{}, /port/],
    [{ port: -1 }, /port/],
    [{ port: 65_536 }, /port/],
    [{ port: "80" }, /port/],
    [{ origin: "127.0.0.1:80" }, /origin/],
    [{ origin: "ftp://127.0.0.1" }, /origin/],
    [{ origin: "http://127.0.0.1/path" }, /origin/],
    [{ origin: "http://user:secret@127.0.0.1" }, /origin/],
    [{ origin: "http://127.0.0.1/?q=1" }, /origin/],
    [{ port: 0, protocol: "h3" }, /protocol/],
    [{ port: 0, client: "socket" }, /client/],
    [{ port: 0, headTimeoutMs: 0 }, /headTimeoutMs/],
    [{ port: 0, maxHeadBytes: 1 }, /maxHeadBytes/],
    [{ port: 0, maxInFlight: 0 }, /maxInFlight/],
    [{ port: 0, resend: 1 }, /resend/],
    [{ port: 0, backlog: 0 }, /backlog/],
    [{ port: 0, tls: { cert: testCert } }, /tls/],
    [{ port: 0, tls: { key: testKey } }, /tls/],
    [{ port: 0, tls: { cret: testCert } }, /cret/],
    [{ port: 0, hostname: "" }, /hostname/],
    [{ port: 0, keepAlive: true }, /keepAlive/],
  ];
  for (const [options, name] of wrong) {
    assert.throws(() => http(options as HttpOptions), (error: unknown) => {
      return error instanceof TransportError && error.code === "invalid-option" && name.test(error.message);
    }, JSON.stringify(options));
  }
});
