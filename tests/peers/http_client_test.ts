/**
 * http() on own sockets with servers that this project did not write: nginx,
 * Node's http and Deno.serve.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chain, http, pool } from "../../mod.ts";
import { failure } from "../support/calls.ts";
import { testCert, testCertPath, testKey, testKeyPath } from "../support/certs.ts";
import { until } from "../support/channels.ts";
import { peer, peerTest, start } from "../support/peer.ts";

const node = peer("node", "nodejs");
const nginx = peer("nginx", "nginx-light");
const script = fileURLToPath(new URL("./node_http_server.mjs", import.meta.url));

const duplex = { duplex: "half" };

/** A body that comes piece by piece. */
function streamed(pieces: number, bytes: number): ReadableStream<Uint8Array> {
  let left = pieces;
  return new ReadableStream({
    async pull(controller): Promise<void> {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (left-- === 0) controller.close();
      else controller.enqueue(new Uint8Array(bytes).fill(120));
    },
  });
}

peerTest("Node's http: fixed, chunked and close-delimited responses, hints, trailers and uploads", [node], async () => {
  await using server = start("node", [script, "h1"]);
  const [, port] = await server.until(/^port (\d+)$/);
  const origin = `http://127.0.0.1:${port}`;
  await using call = chain(http({ origin, client: "sockets" }), pool({ max: 1 }));
  for (const path of ["/fixed", "/chunked", "/trailers", "/hints", "/close", "/fixed"]) {
    const response = await call(new Request(origin + path));
    assert.deepEqual([response.status, await response.text()], [200, "hello"], path);
  }
  for (const [body, framing] of [["x".repeat(300_000), "300000"], [streamed(30, 10_000), "chunked"]] as const) {
    const response = await call(new Request(`${origin}/echo`, { method: "POST", body, ...duplex }));
    assert.equal(response.headers.get("x-framing"), framing);
    assert.equal((await response.text()).length, 300_000);
  }
  const early = await call(new Request(`${origin}/early`, { method: "POST", body: streamed(1e9, 10), ...duplex }));
  assert.deepEqual([early.status, await early.text()], [413, "hello"]);
  assert.equal(await (await call(new Request(`${origin}/fixed`))).text(), "hello");
});

peerTest("a server that speaks HTTP/2 alone is called where nobody has another wish", [node], async () => {
  await using server = start("node", [script, "h2", testCertPath, testKeyPath]);
  const [, port] = await server.until(/^port (\d+)$/);
  const origin = `https://127.0.0.1:${port}`;
  const tls = { caCerts: [testCert] };
  const session = await http({ origin, tls }).dial();
  assert.ok(session.capacity > 1, `${session.capacity}`);
  assert.equal(await (await session.call(new Request(origin))).text(), "hello");
  await session.close();
  const error = await failure(http({ origin, protocol: "h1", tls }).dial(), "connect-failed", "no");
  assert.match(error.message, /NoApplicationProtocol/i);
});

for (const tls of [false, true]) {
  Deno.test(`Deno.serve${tls ? " over TLS" : ""}: static, streamed and echoed bodies`, async () => {
    const secured = tls ? { cert: testCert, key: testKey } : {};
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {}, ...secured }, (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/echo") return new Response(request.body);
      return new Response(pathname === "/streamed" ? streamed(3, 1000) : "hello");
    });
    const origin = `${tls ? "https" : "http"}://127.0.0.1:${server.addr.port}`;
    {
      const transport = http({ origin, client: "sockets", tls: tls ? { caCerts: [testCert] } : undefined });
      await using call = chain(transport, pool({ max: 1 }));
      assert.equal(await (await call(new Request(origin))).text(), "hello");
      assert.equal((await (await call(new Request(`${origin}/streamed`))).bytes()).length, 3000);
      for (const body of ["x".repeat(200_000), streamed(20, 10_000)]) {
        const echoed = await call(new Request(`${origin}/echo`, { method: "POST", body, ...duplex }));
        assert.equal((await echoed.text()).length, 200_000);
      }
    }
    await server.shutdown();
  });
}

/** A port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

peerTest("nginx: files, compressed and in parts, redirects, refused uploads, and connections that it ends", [
  nginx,
], async () => {
  const folder = await Deno.makeTempDir({ prefix: "wireway_" });
  const text = "so it goes ".repeat(10_000);
  const port = freePort();
  try {
    // Where it is started by root its workers are somebody else.
    await Deno.chmod(folder, 0o755);
    await Deno.mkdir(join(folder, "files", "folder"), { recursive: true });
    await Deno.writeTextFile(join(folder, "files", "text.txt"), text);
    await Deno.writeTextFile(join(folder, "files", "folder", "index.html"), "<p>hello</p>");
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
      `${name}_temp_path ${folder}/${name};`
    );
    await Deno.writeTextFile(
      join(folder, "nginx.conf"),
      `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/errors;
      events { worker_connections 64; }
      http {
        access_log off; ${temporary.join(" ")}
        types { text/plain txt; text/html html; }
        gzip on; gzip_types text/plain; gzip_min_length 100;
        keepalive_timeout 60s 3s; keepalive_requests 5; client_max_body_size 1k;
        server { listen 127.0.0.1:${port}; root ${folder}/files; absolute_redirect off; }
      }`,
    );
    await using _server = start(
      "nginx",
      ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", join(folder, "errors")],
      {
        stopSignal: "SIGTERM",
      },
    );
    const origin = `http://127.0.0.1:${port}`;
    await using call = chain(
      http({ origin, client: "sockets" }),
      pool({ max: 1, waitForReady: true, maxBackoffMs: 20 }),
    );
    // It closes a connection after five requests, which no call hears of.
    for (let i = 0; i < 12; i++) {
      const response = await call(new Request(`${origin}/text.txt`));
      assert.equal(response.headers.get("content-encoding"), null);
      assert.equal(await response.text(), text);
    }
    const part = await call(new Request(`${origin}/text.txt`, { headers: { range: "bytes=0-9" } }));
    assert.deepEqual([part.status, await part.text()], [206, text.slice(0, 10)]);
    const moved = await call(new Request(`${origin}/folder`));
    assert.deepEqual([moved.url, moved.redirected, await moved.text()], [`${origin}/folder/`, true, "<p>hello</p>"]);
    const missing = await call(new Request(`${origin}/missing`, { method: "HEAD" }));
    assert.deepEqual([missing.status, missing.body], [404, null]);
    for (const body of ["x".repeat(500_000), streamed(1e9, 100)]) {
      const refused = await call(new Request(`${origin}/text.txt`, { method: "POST", body, ...duplex }));
      // It looks at the method before it looks at a body whose length nobody has told.
      assert.equal(refused.status, typeof body === "string" ? 413 : 405);
      await refused.body?.cancel();
      await until(() => call.stats().active === 0, "a pool without calls");
    }
    const expecting = { method: "POST", body: "x".repeat(500_000), headers: { expect: "100-continue" } };
    const unwanted = await call(new Request(`${origin}/text.txt`, expecting));
    assert.equal(unwanted.status, 413);
    await unwanted.body?.cancel();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
