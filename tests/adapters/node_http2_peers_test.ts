/**
 * nodeHttp2() and clients that others wrote: curl, nghttp, Deno's fetch.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Handler, serve, type Server } from "../../mod.ts";
import { nodeHttp2, type NodeHttp2Options } from "../../adapters/node_http2.ts";
import { peer, peerTest, run } from "../support/peer.ts";
import { testCert, testKey } from "../support/certs.ts";

const curl = peer("curl", "curl");
const nghttp = peer("nghttp", "nghttp2-client");

const limits = { timeoutMs: 30_000 };

async function listen(
  handler: Handler<Request, Response>,
  options: Partial<NodeHttp2Options> = {},
): Promise<{ server: Server; origin: string; [Symbol.asyncDispose](): Promise<void> }> {
  const server = await serve(nodeHttp2({ port: 0, ...options }), handler);
  const { port } = server.addr as { port: number };
  const origin = options.tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
  return { server, origin, [Symbol.asyncDispose]: () => server.shutdown({ graceMs: 1000 }) };
}

const echo: Handler<Request, Response> = async (request) =>
  new Response(`${request.method} ${await request.text()}`, { headers: { "x-host": new URL(request.url).host } });

peerTest("curl is answered by prior knowledge and over TLS, and posts a large body", [curl], async () => {
  await using plain = await listen(echo);
  const got = await run("curl", ["-s", "-i", "--http2-prior-knowledge", plain.origin], limits);
  assert.match(got.stdout, /^HTTP\/2 200[\s\S]*x-host: 127\.0\.0\.1[\s\S]*GET $/);
  await using secured = await listen(async (request) => new Response(`${(await request.bytes()).length}`), {
    tls: { cert: testCert, key: testKey },
    hostname: "localhost",
  });
  const args = ["-s", "-k", "-w", " %{http_version}", "--data-binary", "@-", secured.origin];
  const { stdout } = await run("curl", args, { ...limits, stdin: "x".repeat(3_000_000) });
  assert.equal(stdout, "3000000 2");
});

peerTest("header fields above the limit are answered 431", [curl], async () => {
  await using place = await listen(echo, { maxHeaderListBytes: 1000 });
  const args = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "--http2-prior-knowledge"];
  const long = await run("curl", [...args, "-H", `x-long: ${"x".repeat(2000)}`, place.origin], limits);
  assert.equal(long.stdout, "431");
  assert.equal((await run("curl", [...args, place.origin], limits)).stdout, "200");
});

peerTest("a body that fails half way is seen to be torn", [curl], async () => {
  await using place = await listen(() => {
    let parts = 0;
    return new Response(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          if (parts++ === 0) controller.enqueue(new TextEncoder().encode("half"));
          else controller.error(new Error("it broke"));
        },
      }),
    );
  });
  const { code } = await run("curl", ["-s", "--http2-prior-knowledge", place.origin], limits);
  assert.equal(code, 92, "a stream of HTTP/2 was not closed cleanly");
});

peerTest("nghttp is told every setting that was given", [nghttp], async () => {
  await using place = await listen(echo, {
    maxConcurrentStreams: 7,
    windowBytes: 200_000,
    connectionWindowBytes: 1_000_000,
    maxFrameBytes: 32_768,
    maxHeaderListBytes: 20_000,
    headerTableBytes: 8192,
  });
  const { stdout } = await run("nghttp", ["-v", place.origin], limits);
  for (
    const setting of [
      "SETTINGS_MAX_CONCURRENT_STREAMS(0x03):7",
      "SETTINGS_INITIAL_WINDOW_SIZE(0x04):200000",
      "SETTINGS_MAX_FRAME_SIZE(0x05):32768",
      "SETTINGS_MAX_HEADER_LIST_SIZE(0x06):20000",
      "SETTINGS_HEADER_TABLE_SIZE(0x01):8192",
      `window_size_increment=${1_000_000 - 65_535}`,
    ]
  ) assert.ok(stdout.includes(setting), `${setting} in ${stdout}`);
});

Deno.test("Deno's fetch is answered over TLS and by prior knowledge, and its body goes both ways at once", async () => {
  await using secured = await listen(echo, { tls: { cert: testCert, key: testKey }, hostname: "localhost" });
  using client = Deno.createHttpClient({ caCerts: [testCert], http1: false });
  const reply = await fetch(secured.origin, { method: "POST", body: "over TLS", client });
  assert.equal(await reply.text(), "POST over TLS");
  await using plain = await listen((request) => new Response(request.body));
  using plainClient = Deno.createHttpClient({ http1: false });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const answered = await fetch(plain.origin, { method: "POST", body: readable, client: plainClient });
  const reader = answered.body!.getReader();
  for (const word of ["one", "two"]) {
    await writer.write(new TextEncoder().encode(word));
    assert.equal(new TextDecoder().decode((await reader.read()).value), word);
  }
  await writer.close();
  assert.equal((await reader.read()).done, true);
});
