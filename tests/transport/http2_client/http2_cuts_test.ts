/**
 * HTTP/2 on own sockets over a network that cuts connections at any byte: each
 * call settles once, no request is sent twice, and nothing is left behind.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { http, httpRequest, type Session, TransportError } from "../../../mod.ts";
import { testCert, testKey } from "../../support/certs.ts";
import { within } from "../../support/channels.ts";
import { faultProxy } from "../../support/fault_proxy.ts";
import { Random } from "../../support/random.ts";

const rounds = 40;
const callsEach = 8;
const codes = new Set(["connection-lost", "draining", "closed", "connect-failed", "protocol"]);

for (const secure of [false, true]) {
  Deno.test(`calls over connections that are cut anywhere settle once each${secure ? ", with TLS" : ""}`, async () => {
    const random = new Random(secure ? 3 : 2);
    const seen = new Map<string, number>();
    const certificate = secure ? { cert: testCert, key: testKey } : {};
    const options = { hostname: "127.0.0.1", port: 0, onListen() {}, ...certificate };
    const server = Deno.serve(options, async (request) => {
      const { pathname } = new URL(request.url);
      seen.set(pathname, (seen.get(pathname) ?? 0) + 1);
      const length = await request.bytes().then(({ length }) => length).catch(() => 0);
      return new Response(new Uint8Array(length * 3));
    });
    await using proxy = await faultProxy({ upstreamPort: server.addr.port });
    const origin = `${secure ? "https" : "http"}://127.0.0.1:${proxy.port}`;
    const tls = secure ? { caCerts: [testCert] } : undefined;
    const transport = http({ origin, protocol: "h2", client: "sockets", tls });
    const untouched: string[] = [];
    let answered = 0;
    let lost = 0;
    for (let round = 0; round < rounds; round++) {
      const how = random.pick(["fin", "reset"] as const);
      proxy.cutAfterBytes(random.below(secure ? 12_000 : 8000), random.pick(["up", "down"] as const), { how });
      let session: Session<Request, Response>;
      try {
        session = await within(transport.dial(), "a connection or an error");
      } catch (error) {
        assert.ok(error instanceof TransportError, `${error}`);
        assert.equal(error.processed, "no");
        continue;
      }
      const calls = Array.from({ length: callsEach }, async (_, i) => {
        const path = `/${round}-${i}`;
        try {
          const body = new Uint8Array(random.below(1500));
          const response = await session.call(httpRequest(origin + path, { method: "POST", body }));
          assert.equal((await response.bytes()).length, body.length * 3);
          answered++;
        } catch (error) {
          assert.ok(error instanceof TransportError, `${error}`);
          assert.ok(codes.has(error.code), error.message);
          if (error.processed === "no") untouched.push(path);
          lost++;
        }
      });
      await within(Promise.all(calls), "the end of each call");
      assert.equal(session.load, 0);
      await within(session.close({ graceMs: 0 }), "the end of the session");
    }
    assert.ok(answered > 20 && lost > 20, `${answered} answered, ${lost} lost`);
    assert.ok([...seen.values()].every((times) => times === 1), "nothing was sent twice");
    await server.shutdown();
    assert.deepEqual(untouched.filter((path) => seen.has(path)), [], "what says that it was not sent was not");
  });
}
