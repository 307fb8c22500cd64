/**
 * http() over HTTP/2 on own sockets with servers that this project did not
 * write: nghttpd, nginx, Node's http2 and Deno.serve.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { http, httpRequest, type Session } from "../../mod.ts";
import { failure } from "../support/calls.ts";
import { testCert, testCertPath, testKey, testKeyPath } from "../support/certs.ts";
import { within } from "../support/channels.ts";
import { peer, peerTest, start } from "../support/peer.ts";

const node = peer("node", "nodejs");
const nginx = peer("nginx", "nginx-light");
const nghttpd = peer("nghttpd", "nghttp2-server");
const script = fileURLToPath(new URL("./node_http2_server.mjs", import.meta.url));

const tls = { caCerts: [testCert] };
const large = Uint8Array.from({ length: 700_000 }, (_, i) => i * 7);

function dial(origin: string): Promise<Session<Request, Response>> {
  const secured = origin.startsWith("https:") ? tls : undefined;
  return http({ origin, protocol: "h2", client: "sockets", tls: secured }).dial();
}

/** The port, as soon as somebody listens there. */
async function listening(port: number): Promise<void> {
  for (;;) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** A port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function streamed(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller): void {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at += 50_000));
    },
  });
}

/** Every byte and every length that a field may have arrives as it was sent. */
async function fieldsArrive(session: Session<Request, Response>, url: string): Promise<void> {
  const printable = String.fromCharCode(...Array.from({ length: 94 }, (_, i) => 33 + i));
  const values = [printable, "\x80\xff\xe9 caf\xe9", "x".repeat(5000), ""];
  for (let round = 0; round < 3; round++) {
    await Promise.all(values.map(async (value, i) => {
      const response = await session.call(
        new Request(url, { headers: { "x-echo": value, "x-round": `${round}${i}` } }),
      );
      assert.equal(response.headers.get("x-echo"), value);
      assert.equal(response.headers.get("x-round"), `${round}${i}`);
      await response.body?.cancel();
    }));
  }
}

for (const secure of [false, true]) {
  const where = secure ? " over TLS" : "";

  peerTest(`Node's http2${where}: fields, bodies, trailers, resets and its goodbye`, [node], async () => {
    const args = secure ? [testCertPath, testKeyPath] : [];
    await using server = start("node", [script, ...args]);
    const [, port] = await server.until(/^port (\d+)$/);
    const origin = `${secure ? "https" : "http"}://127.0.0.1:${port}`;
    const session = await dial(origin);
    assert.equal(session.capacity, 50);
    assert.ok(await session.ping() >= 0);
    await fieldsArrive(session, `${origin}/fields`);
    for (const body of [large, streamed(large)]) {
      const init = { method: "POST", body: body as BodyInit, duplex: "half" } as RequestInit;
      const echoed = await session.call(new Request(`${origin}/echo`, init));
      assert.deepEqual(await echoed.bytes(), large);
    }
    const trailed = await session.call(new Request(`${origin}/trailers`));
    assert.equal(await trailed.text(), "hello");
    assert.equal((await session.call(new Request(`${origin}/fields`, { method: "HEAD" }))).body, null);
    await failure(session.call(new Request(`${origin}/refused`)), "overloaded", "no");
    await failure(session.call(new Request(`${origin}/reset`)), "remote", "yes");
    const all = Array.from({ length: 50 }, async (_, i) => {
      const response = await session.call(httpRequest(`${origin}/echo`, { method: "POST", body: `${i}` }));
      return await response.text();
    });
    assert.deepEqual(await Promise.all(all), all.map((_, i) => `${i}`));
    const last = await session.call(new Request(`${origin}/goodbye`));
    assert.equal(await last.text(), "goodbye");
    assert.equal(await session.finished, undefined);
    await session.close();
  });

  peerTest(`nghttpd${where}: files, many at once, and what is missing`, [nghttpd], async () => {
    const folder = await Deno.makeTempDir({ prefix: "wireway_" });
    try {
      await Deno.writeFile(join(folder, "large"), large);
      await Deno.writeTextFile(join(folder, "small"), "hello");
      const port = freePort();
      const secured = secure ? [testKeyPath, testCertPath] : ["--no-tls"];
      const args = ["-a", "127.0.0.1", "-d", folder, "--trailer", "x-sum: 1", "-m", "20", `${port}`, ...secured];
      await using _server = start("nghttpd", args, { stopSignal: "SIGTERM" });
      await within(listening(port), "a server that listens");
      const origin = `${secure ? "https" : "http"}://127.0.0.1:${port}`;
      const session = await dial(origin);
      assert.equal(session.capacity, 20);
      for (let round = 0; round < 5; round++) {
        await Promise.all(Array.from({ length: 20 }, async (_, i) => {
          const response = await session.call(httpRequest(`${origin}/${i % 2 ? "large" : "small"}`));
          assert.equal((await response.bytes()).length, i % 2 ? large.length : 5);
        }));
      }
      const missing = await session.call(new Request(`${origin}/missing`));
      assert.equal(missing.status, 404);
      await missing.body?.cancel();
      await session.close();
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  peerTest(`nginx${where}: files, compressed and in parts, refused uploads, and connections that it ends`, [
    nginx,
  ], async () => {
    const folder = await Deno.makeTempDir({ prefix: "wireway_" });
    const text = "so it goes ".repeat(10_000);
    const port = freePort();
    try {
      await Deno.chmod(folder, 0o755);
      await Deno.writeTextFile(join(folder, "text.txt"), text);
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
        `${name}_temp_path ${folder}/${name};`
      );
      const certificates = secure ? `ssl_certificate ${testCertPath}; ssl_certificate_key ${testKeyPath};` : "";
      await Deno.writeTextFile(
        join(folder, "nginx.conf"),
        `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/errors;
        events { worker_connections 64; }
        http {
          access_log off; ${temporary.join(" ")}
          types { text/plain txt; }
          gzip on; gzip_types text/plain; gzip_min_length 100;
          keepalive_requests 5; client_max_body_size 1k;
          server { listen 127.0.0.1:${port} ${secure ? "ssl" : ""} http2; root ${folder}; ${certificates} }
        }`,
      );
      const args = ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", join(folder, "errors")];
      await using _server = start("nginx", args, { stopSignal: "SIGTERM" });
      await within(listening(port), "a server that listens");
      const origin = `${secure ? "https" : "http"}://127.0.0.1:${port}`;
      const session = await dial(origin);
      for (let i = 0; i < 3; i++) {
        const response = await session.call(new Request(`${origin}/text.txt`));
        assert.equal(response.headers.get("content-encoding"), null);
        assert.equal(await response.text(), text);
      }
      const part = await session.call(new Request(`${origin}/text.txt`, { headers: { range: "bytes=0-9" } }));
      assert.deepEqual([part.status, await part.text()], [206, text.slice(0, 10)]);
      const refused = await session.call(new Request(`${origin}/text.txt`, { method: "POST", body: large }));
      assert.equal(refused.status, 413);
      await refused.text();
      // After so many requests it goes away, in order.
      assert.equal(await session.finished, undefined);
      await session.close();
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  Deno.test(`Deno.serve${where}: bodies of every size, both ways at once`, async () => {
    const secured = secure ? { cert: testCert, key: testKey } : {};
    const options = { hostname: "127.0.0.1", port: 0, onListen() {}, ...secured };
    const server = Deno.serve(options, (request) => new Response(request.body, { headers: request.headers }));
    const origin = `${secure ? "https" : "http"}://127.0.0.1:${server.addr.port}`;
    const session = await dial(origin);
    await fieldsArrive(session, origin);
    await Promise.all(
      [0, 1, 16_383, 16_384, 16_385, 65_535, 65_536, 700_000].flatMap((length) =>
        [large.slice(0, length), streamed(large.slice(0, length))].map(async (body) => {
          const init = { method: "POST", body, duplex: "half" } as RequestInit;
          const echoed = await session.call(new Request(origin, init));
          assert.deepEqual(await echoed.bytes(), large.slice(0, length));
        })
      ),
    );
    await session.close();
    await server.shutdown();
  });
}
