/**
 * contentEncoding() with curl: what it asks for compressed, and what it sends
 * compressed.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, contentEncoding, http, serve } from "../../mod.ts";
import { peer, peerTest, run } from "../support/peer.ts";

const curl = peer("curl", "curl");

peerTest("curl reads what was compressed for it, over HTTP/1.1 and HTTP/2", [curl], async () => {
  const rows = Array.from({ length: 1000 }, (_, id) => ({ id, name: `row ${id}` }));
  const handler = async (request: Request): Promise<Response> =>
    request.method === "POST" ? Response.json((await request.text()).length) : Response.json(rows);
  await using server = await serve(http({ port: 0 }), chain(handler, contentEncoding()));
  const url = `http://127.0.0.1:${server.addr.port}/`;
  for (const flag of ["--http1.1", "--http2-prior-knowledge"]) {
    for (const coding of ["br", "gzip", "deflate"]) {
      const plain = await run("curl", ["-sS", flag, "--compressed", "-H", `accept-encoding: ${coding}`, url]);
      assert.deepEqual(JSON.parse(plain.stdout), rows, plain.stderr);
      const size = ["-sS", flag, "-o", "/dev/null", "-w", "%{size_download} %header{content-encoding}"];
      const measured = await run("curl", [...size, "-H", `accept-encoding: ${coding}`, url]);
      const [bytes, said] = measured.stdout.split(" ");
      assert.equal(said, coding);
      assert.ok(Number(bytes) < plain.stdout.length / 4, measured.stdout);
    }
  }
  const bare = await run("curl", ["-sS", "-D", "-", url]);
  assert.doesNotMatch(bare.stdout, /content-encoding/i);
  assert.match(bare.stdout, /vary: accept-encoding/i);
});
