/**
 * http() and httpCalls() with clients that this project did not write: curl
 * and h2load.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, http, httpCalls, type HttpOptions, serve, type Server, TransportError } from "../../mod.ts";
import { testCert, testCertPath, testKey } from "../support/certs.ts";
import { peer, peerTest, run } from "../support/peer.ts";

const curl = peer("curl", "curl");
const h2load = peer("h2load", "nghttp2-client");

const ways: { name: string; args: string[]; version: string; options: Partial<HttpOptions> }[] = [
  { name: "HTTP/1.1", args: ["--http1.1"], version: "1.1", options: {} },
  { name: "HTTP/2 by prior knowledge", args: ["--http2-prior-knowledge"], version: "2", options: {} },
  {
    name: "HTTP/2 over TLS",
    args: ["--http2", "--cacert", testCertPath],
    version: "2",
    options: { tls: { cert: testCert, key: testKey } },
  },
];

function urlOf({ addr }: Server, path: string): string {
  return `${addr.transport}://127.0.0.1:${addr.port}${path}`;
}

/** Runs curl; gives the status, the HTTP version and the rest of what it wrote. */
async function curled(args: string[], stdin = ""): Promise<{ status: number; version: string; text: string }> {
  const format = "\n%{http_code} %{http_version}";
  const { code, stdout, stderr } = await run("curl", ["--silent", "--show-error", "-w", format, ...args], { stdin });
  assert.equal(code, 0, stderr);
  const end = stdout.lastIndexOf("\n");
  const [status, version] = stdout.slice(end + 1).split(" ");
  return { status: Number(status), version, text: stdout.slice(0, end) };
}

for (const { name, args, version, options } of ways) {
  peerTest(`curl gets what a handler answers, by ${name}`, [curl], async () => {
    await using server = await serve(http({ port: 0, ...options }), async (request, context) => {
      const body = await request.text();
      return new Response(`${request.method} ${new URL(request.url).pathname} ${context.metadata.tenant} ${body}`, {
        status: 201,
        headers: { "x-answer": "yes" },
      });
    });
    const more = ["-H", "meta-tenant: acme", "--data-binary", "@-", "-i"];
    const { status, version: spoken, text } = await curled([...args, ...more, urlOf(server, "/some/path")], "a body");
    assert.deepEqual([status, spoken], [201, version]);
    assert.match(text, /^x-answer: yes\r$/m);
    assert.match(text, /POST \/some\/path acme a body$/);
  });

  peerTest(`curl makes calls and hears of errors, by ${name}`, [curl], async () => {
    const transport = chain(http({ port: 0, ...options }), httpCalls({ maxMessageBytes: 1000 }));
    await using server = await serve(transport, (request, context) => {
      const text = new TextDecoder().decode(request);
      if (text !== "fail") return new TextEncoder().encode(`${text.toUpperCase()} ${Math.ceil(context.timeLeftMs())}`);
      throw new TransportError("overloaded", "Too busy", { retryAfterMs: 1500, details: { queue: 7 } });
    });
    const call = (more: string[], stdin: string) => {
      return curled([...args, ...more, "--data-binary", "@-", urlOf(server, "/call")], stdin);
    };
    assert.deepEqual(await call([], "hello"), { status: 200, version, text: "HELLO Infinity" });
    const bounded = await call(["-H", "wireway-time-left-ms: 5000"], "hello");
    const timeLeft = Number(bounded.text.slice("HELLO ".length));
    assert.ok(timeLeft > 0 && timeLeft <= 5000, bounded.text);
    const failed = await call(["-i"], "fail");
    assert.equal(failed.status, 503);
    assert.match(failed.text, /^wireway-error: overloaded\r$/m);
    assert.match(failed.text, /^retry-after: 2\r$/m);
    const body = JSON.parse(failed.text.slice(failed.text.indexOf("\r\n\r\n") + 4));
    const expected = { message: "Too busy", processed: "no", retryAfterMs: 1500, details: { queue: 7 } };
    assert.deepEqual(body, expected);
    assert.equal((await call([], "x".repeat(1001))).status, 413);
    assert.equal((await call(["-H", "wireway-time-left-ms: soon"], "hello")).status, 400);
    assert.equal((await call(["-H", "wireway-time-left-ms: 0"], "hello")).status, 504);
    assert.equal((await curled([...args, urlOf(server, "/call")])).status, 405);
    assert.equal((await curled([...args, "--data-binary", "x", urlOf(server, "/other")])).status, 404);
    assert.deepEqual(server.calls, { inFlight: 0, started: 3, failed: 1, refused: 3 });
  });
}

peerTest("curl gets a streamed answer piece by piece, and its leaving cancels the stream", [curl], async () => {
  const cancelled = Promise.withResolvers<void>();
  await using server = await serve(http({ port: 0 }), () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(`line ${sent++}\n`)),
      cancel: () => cancelled.resolve(),
    });
    return new Response(body);
  });
  // Gives up after so many bytes.
  const { stdout } = await run("sh", ["-c", `curl --silent --no-buffer '${urlOf(server, "/")}' | head -n 5`]);
  assert.equal(stdout, "line 0\nline 1\nline 2\nline 3\nline 4\n");
  await cancelled.promise;
});

peerTest("h2load makes 2000 requests by HTTP/2 with prior knowledge, and all succeed", [h2load], async () => {
  await using server = await serve(http({ port: 0 }), () => new Response("hello"));
  const { code, stdout, stderr } = await run("h2load", ["-n", "2000", "-c", "10", "-m", "20", urlOf(server, "/")]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /requests: 2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout/);
  assert.match(stdout, /status codes: 2000 2xx/);
  assert.deepEqual(server.calls, { inFlight: 0, started: 2000, failed: 0, refused: 0 });
});

peerTest("h2load makes 2000 calls by HTTP/2 with prior knowledge, and all succeed", [h2load], async () => {
  const file = await Deno.makeTempFile({ prefix: "wireway_" });
  try {
    await Deno.writeFile(file, new Uint8Array(1000).fill(7));
    await using server = await serve(chain(http({ port: 0 }), httpCalls()), (request) => request);
    const args = ["-n", "2000", "-c", "10", "-m", "20", "-d", file, urlOf(server, "/call")];
    const { code, stdout, stderr } = await run("h2load", args);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout/);
    assert.match(stdout, /\(2000000\) data/);
    assert.equal(server.calls.started, 2000);
  } finally {
    await Deno.remove(file);
  }
});
