/**
 * contentEncoding(): compressed bodies over HTTP, on both ends.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Buffer } from "node:buffer";
import { brotliDecompressSync, gunzipSync, gzipSync, inflateSync } from "node:zlib";
import {
  adjustablesOf,
  background,
  chain,
  contentEncoding,
  type ContentEncodingOptions,
  type Handler,
} from "../../../mod.ts";
import { failure } from "../../support/calls.ts";

const long = "the same words again and again, ".repeat(200);

const zipped = (content: string | Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(gzipSync(content));

function around(handler: Handler<Request, Response>, options?: ContentEncodingOptions) {
  const service = chain(handler, contentEncoding(options));
  return (headers: HeadersInit = {}, init: RequestInit = {}): Promise<Response> =>
    service(new Request("http://localhost/", { headers, ...init }), background);
}

const text = (body: BodyInit | null = long, headers: Record<string, string> = {}, status = 200) => (): Response =>
  new Response(body, { status, headers: { "content-type": "text/plain", ...headers } });

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

Deno.test("a response is sent in the coding that the reader likes best, and means the same", async () => {
  const ask = around(text());
  const decoders = { br: brotliDecompressSync, gzip: gunzipSync, deflate: inflateSync };
  for (const [coding, decode] of Object.entries(decoders)) {
    const response = await ask({ "accept-encoding": coding });
    assert.equal(response.headers.get("content-encoding"), coding);
    const bytes = await bytesOf(response);
    assert.ok(bytes.length < long.length / 10);
    assert.equal(decode(bytes).toString(), long);
  }
});

const negotiations: [acceptEncoding: string | undefined, expected: string | null][] = [
  [undefined, null],
  ["", null],
  ["identity", null],
  ["gzip, deflate, br", "br"],
  ["gzip;q=1, br;q=0.9", "gzip"],
  ["gzip;q=0", null],
  ["gzip;q=0, *", "br"],
  ["*", "br"],
  ["*;q=0", null],
  ["br;q=0, *;q=0.5", "gzip"],
  ["zstd, GZIP", "gzip"],
  ["x-gzip", "gzip"],
  ["gzip;q=0.5, identity;q=0.8", null],
  ["gzip;q=0.5, identity;q=0.5", "gzip"],
  ["gzip;q=nonsense", null],
  ["gzip;q=2", null],
  [" gzip ; q=0.3 , ,", "gzip"],
];

for (const [acceptEncoding, expected] of negotiations) {
  Deno.test(`Accept-Encoding ${JSON.stringify(acceptEncoding)} gets ${expected ?? "identity"}`, async () => {
    const response = await around(text())(acceptEncoding === undefined ? {} : { "accept-encoding": acceptEncoding });
    assert.equal(response.headers.get("content-encoding"), expected);
    assert.equal(response.headers.get("vary"), "accept-encoding");
    await response.body!.cancel();
  });
}

const leftAlone: [what: string, handler: Handler<Request, Response>, init?: RequestInit][] = [
  ["a short body", text("short")],
  ["a short body of known length", text("short", { "content-length": "5" })],
  ["a type that does not get smaller", text(long, { "content-type": "image/png" })],
  ["no type", () => new Response(new TextEncoder().encode(long))],
  ["what is encoded already", text(long, { "content-encoding": "zstd" })],
  ["what must not be changed", text(long, { "cache-control": "public, no-transform" })],
  ["a part", text(long, { "content-range": "bytes 0-9/100" }, 206)],
  ["an answer to HEAD", text(null, { "content-length": "6400" }), { method: "HEAD" }],
  ["an empty answer", text(null, {}, 204)],
  ["not modified", text(null, { etag: '"1"' }, 304)],
];

for (const [what, handler, init] of leftAlone) {
  Deno.test(`${what} is left alone`, async () => {
    const before = await handler(new Request("http://localhost/"), background);
    const response = await around(handler)({ "accept-encoding": "gzip" }, init);
    assert.equal(response.headers.get("content-encoding"), before.headers.get("content-encoding"));
    assert.equal(response.headers.get("content-length"), before.headers.get("content-length"));
    assert.equal(response.headers.get("etag"), before.headers.get("etag"));
    assert.equal(response.status, before.status);
    assert.deepEqual(await bytesOf(response), await bytesOf(before));
  });
}

Deno.test("a strong ETag becomes a weak one, the length goes, and Vary keeps what it names", async () => {
  const headers = { etag: '"v1"', "content-length": "6400", vary: "origin", "accept-ranges": "bytes" };
  const response = await around(text(long, headers))({ "accept-encoding": "gzip" });
  assert.equal(response.headers.get("etag"), 'W/"v1"');
  assert.equal(response.headers.get("content-length"), null);
  assert.equal(response.headers.get("accept-ranges"), null);
  assert.equal(response.headers.get("vary"), "origin, accept-encoding");
  await response.body!.cancel();
  const weak = await around(text(long, { etag: 'W/"v1"', vary: "*" }))({ "accept-encoding": "gzip" });
  assert.equal(weak.headers.get("etag"), 'W/"v1"');
  assert.equal(weak.headers.get("vary"), "*");
  await weak.body!.cancel();
});

Deno.test("honojs/hono#3833: every event of a stream reaches its reader before the next one is written", async () => {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const events = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
  const handler = (): Response => new Response(events, { headers: { "content-type": "text/event-stream" } });
  const response = await around(handler)({ "accept-encoding": "gzip" });
  assert.equal(response.headers.get("content-encoding"), "gzip");
  const reader = response.body!.pipeThrough(new DecompressionStream("gzip")).pipeThrough(new TextDecoderStream())
    .getReader();
  for (let i = 0; i < 5; i++) {
    controller.enqueue(new TextEncoder().encode(`data: ${i}\n\n`));
    assert.equal((await reader.read()).value, `data: ${i}\n\n`);
  }
  await reader.cancel();
});

Deno.test("a slow body is not held back until the threshold is reached", async () => {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
  const asking = around(text(body))({ "accept-encoding": "gzip" });
  controller.enqueue(new TextEncoder().encode("first"));
  const response = await asking;
  const reader = response.body!.pipeThrough(new DecompressionStream("gzip")).pipeThrough(new TextDecoderStream())
    .getReader();
  assert.equal((await reader.read()).value, "first");
  controller.close();
  assert.equal((await reader.read()).done, true);
});

Deno.test("honojs/hono#2068: a reader that leaves is told to what makes the body", async () => {
  let cancelled: unknown;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(5000)),
    cancel: (reason) => void (cancelled = reason),
  });
  const response = await around(text(body))({ "accept-encoding": "gzip" });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel("left");
  assert.equal(cancelled, "left");
});

Deno.test("a request that comes compressed is decoded before the handler sees it", async () => {
  const seen: (string | null)[] = [];
  const handler: Handler<Request, Response> = async (request) => {
    seen.push(request.headers.get("content-encoding"), await request.text());
    return new Response();
  };
  const post = { method: "POST", body: zipped(long) };
  await around(handler)({ "content-encoding": "gzip" }, post);
  assert.deepEqual(seen, [null, long]);
});

Deno.test("a bomb is stopped while it is decoded", async () => {
  let read = 0;
  const handler: Handler<Request, Response> = async (request) => {
    for await (const piece of request.body!) read += piece.length;
    return new Response();
  };
  const bomb = zipped(new Uint8Array(50_000_000));
  const ask = around(handler, { maxDecodedBytes: 1_000_000 });
  const error = await failure(
    ask({ "content-encoding": "gzip" }, { method: "POST", body: bomb }),
    "message-too-large",
    "no",
  );
  assert.match(error.message, /more than 1000000 bytes/);
  assert.ok(read <= 1_000_000, `${read} bytes`);
});

Deno.test("a request that is not what it says is refused, and a coding that is not known is answered 415", async () => {
  const handler: Handler<Request, Response> = async (request) => new Response(await request.text());
  await failure(
    around(handler)({ "content-encoding": "gzip" }, { method: "POST", body: "not gzip" }),
    "invalid-request",
  );
  const response = await around(handler)({ "content-encoding": "zstd" }, { method: "POST", body: "x" });
  assert.equal(response.status, 415);
  assert.equal(response.headers.get("accept-encoding"), "br, gzip, deflate");
  assert.match(await response.text(), /"zstd" is not known here/);
});

Deno.test("a client compresses long requests, and leaves short and encoded ones alone", async () => {
  const seen: [string | null, string][] = [];
  const handler: Handler<Request, Response> = async (request) => {
    seen.push([request.headers.get("content-encoding"), await request.text()]);
    return new Response();
  };
  const call = chain(handler, contentEncoding(), contentEncoding({ side: "client" }));
  const post = (body: string, headers: HeadersInit = {}) =>
    call(new Request("http://localhost/", { method: "POST", body, headers }), background);
  await post(long);
  await post("short");
  const bare = chain(handler, contentEncoding({ side: "client" }));
  await bare(new Request("http://localhost/", { method: "POST", body: long }), background);
  assert.deepEqual(seen.slice(0, 2), [[null, long], [null, "short"]]);
  assert.equal(seen[2][0], "gzip");
  assert.ok(seen[2][1].length < long.length / 10);
});

Deno.test("a client decodes what comes compressed, with its limit", async () => {
  const handler = text(zipped(long), { "content-encoding": "gzip" });
  const response = await around(handler, { side: "client" })();
  assert.equal(response.headers.get("content-encoding"), null);
  assert.equal(await response.text(), long);
  const small = await around(handler, { side: "client", maxDecodedBytes: 100 })();
  await failure(small.text(), "message-too-large");
  const broken = await around(text("not gzip", { "content-encoding": "gzip" }), { side: "client" })();
  await failure(broken.text(), "invalid-reply");
});

Deno.test("contentEncoding() refuses options that make no sense, naming them", () => {
  for (const options of [{ side: "both" }, { codings: [] }, { codings: ["zip"] }, { thresholdBytes: -1 }]) {
    assert.throws(() => contentEncoding(options as ContentEncodingOptions), { code: "invalid-option" });
  }
});

Deno.test("whether, from which length on and up to which one bodies are encoded is changed while calls go on", async () => {
  const heard: (string | null)[] = [];
  const handler: Handler<Request, Response> = async (request) => {
    heard.push(request.headers.get("content-encoding"));
    await request.text();
    return new Response(long, { headers: { "content-type": "text/plain" } });
  };
  const [server, client] = [contentEncoding(), contentEncoding({ side: "client" })];
  const [near, far] = [adjustablesOf(client)[0], adjustablesOf(server)[0]];
  const served = chain(handler, server);
  const codingOf = async (): Promise<string | null> => {
    const response = await served(new Request("http://localhost/", { headers: { "accept-encoding": "gzip" } }));
    const bytes = await bytesOf(response);
    const coding = response.headers.get("content-encoding");
    assert.equal((coding === null ? bytes : gunzipSync(bytes)).toString(), long);
    return coding;
  };
  assert.equal(await codingOf(), "gzip");
  far.adjust("encode", false);
  assert.equal(await codingOf(), null);
  far.adjust("encode", true);
  far.adjust("thresholdBytes", long.length + 1);
  assert.equal(await codingOf(), null);
  far.adjust("thresholdBytes", long.length);
  assert.equal(await codingOf(), "gzip");
  const post = (call: (request: Request) => Promise<Response>): Promise<Response> =>
    call(new Request("http://localhost/", { method: "POST", body: long }));
  const calling = chain(handler, client);
  heard.length = 0;
  await post(calling);
  near.adjust("encode", false);
  await post(calling);
  assert.deepEqual(heard, ["gzip", null]);
  // What comes encoded is decoded whether this end encodes or not, up to the limit that holds then.
  far.adjust("encode", false);
  const packed = { method: "POST", body: zipped(long), headers: { "content-encoding": "gzip" } };
  await served(new Request("http://localhost/", packed));
  far.adjust("maxDecodedBytes", 100);
  await failure(served(new Request("http://localhost/", packed)), "message-too-large");
  assert.throws(() => far.adjust("side", "client"), { code: "unsupported" });
});
