/**
 * http() on own sockets: compressed bodies.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { failure } from "../support/calls.ts";
import { until } from "../support/channels.ts";
import { httpWorld } from "./_world.ts";

const text = "so it goes ".repeat(20_000);
const compress = {
  gzip: gzipSync,
  "x-gzip": gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  "deflate, gzip": (bytes: Uint8Array) => gzipSync(deflateSync(bytes)),
};

/** A handler that answers with the body in the codings that the path names, whole or piece by piece. */
function coded(request: Request): Response {
  const { pathname, searchParams } = new URL(request.url);
  const coding = decodeURIComponent(pathname.slice(1));
  const whole = compress[coding as keyof typeof compress](new TextEncoder().encode(text));
  const bytes = searchParams.has("torn") ? whole.subarray(0, whole.length - 8) : whole;
  const pieces = Array.from(
    { length: Math.ceil(bytes.length / 100) },
    (_, i) => bytes.subarray(i * 100, i * 100 + 100),
  );
  const body = searchParams.has("whole") ? new Uint8Array(bytes) : ReadableStream.from(pieces);
  return new Response(body, {
    headers: { "content-encoding": coding, "x-accepted": `${request.headers.get("accept-encoding")}` },
  });
}

Deno.test("a compressed body is given as what it was, without the fields that say otherwise", async () => {
  await httpWorld(coded, async ({ origin, dial }) => {
    const session = await dial({ client: "sockets" });
    for (const coding of Object.keys(compress)) {
      for (const how of ["whole", "streamed"]) {
        const response = await session.call(new Request(`${origin}/${encodeURIComponent(coding)}?${how}`));
        assert.equal(response.headers.get("x-accepted"), "gzip, deflate, br");
        assert.equal(response.headers.get("content-encoding"), null);
        assert.equal(response.headers.get("content-length"), null);
        assert.equal(await response.text(), text, `${coding} ${how}`);
        await until(() => session.load === 0, "a free connection");
      }
    }
    assert.equal(session.state, "open");
  });
});

Deno.test("a compressed body is left alone where the caller wants that, or nobody knows the coding", async () => {
  await httpWorld(coded, async ({ origin, dial }) => {
    const session = await dial({ client: "sockets", decompress: false });
    const response = await session.call(new Request(`${origin}/gzip?whole`));
    assert.equal(response.headers.get("content-encoding"), "gzip");
    assert.equal(response.headers.get("x-accepted"), "null");
    assert.deepEqual(await response.bytes(), new Uint8Array(gzipSync(text)));
  });
  await httpWorld(
    () => new Response("hello", { headers: { "content-encoding": "zstd" } }),
    async ({ origin, dial }) => {
      const session = await dial({ client: "sockets" });
      const response = await session.call(new Request(origin));
      assert.equal(response.headers.get("content-encoding"), "zstd");
      assert.equal(await response.text(), "hello");
    },
  );
});

Deno.test("a compressed body that is broken, or that is none, is an invalid reply", async () => {
  await httpWorld((request) => {
    if (request.url.endsWith("torn")) return coded(request);
    return new Response("this was never compressed", { headers: { "content-encoding": "gzip" } });
  }, async ({ origin, dial }) => {
    for (const path of ["/gzip?torn", "/gzip?whole&torn", "/plain"]) {
      const session = await dial({ client: "sockets" });
      const response = await session.call(new Request(origin + path));
      assert.match((await failure(response.text(), "invalid-reply", "yes")).message, /not gzip/);
      await until(() => session.load === 0, "a session without a call");
    }
  });
});

Deno.test("a call that is given up ends its compressed body with the reason", async () => {
  await httpWorld(() => {
    const sent = ReadableStream.from((async function* () {
      yield new Uint8Array(gzipSync(text.slice(0, 1000), { level: 0 })).subarray(0, 500);
      await new Promise(() => {});
    })());
    return new Response(sent, { headers: { "content-encoding": "gzip" } });
  }, async ({ origin, dial, server }) => {
    const session = await dial({ client: "sockets" });
    const controller = new AbortController();
    const response = await session.call(new Request(origin, { signal: controller.signal }));
    const reading = failure(response.text(), "cancelled");
    controller.abort(new Error("enough"));
    assert.match((await reading).message, /enough/);
    assert.deepEqual([session.load, session.state], [0, "closed"]);
    await server.shutdown({ graceMs: 0 });
  });
});
