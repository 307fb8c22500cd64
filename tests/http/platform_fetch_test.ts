/**
 * http() over the fetch of a platform that has no clients to set up, as
 * browsers and edge runtimes are.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, http, type HttpOptions, pool, serve } from "../../mod.ts";

/** Takes the platform's clients away, until it is disposed of. */
function withoutClients(): Disposable {
  const { createHttpClient } = Deno;
  const set = (value: unknown): void =>
    void Object.defineProperty(Deno, "createHttpClient", { value, configurable: true });
  set(undefined);
  return { [Symbol.dispose]: () => set(createHttpClient) };
}

Deno.test("a call goes through a fetch that has no clients, with its body, its fields and its metadata", async () => {
  await using server = await serve(http({ port: 0 }), async (request, { metadata }) => {
    return new Response(`${request.method} ${await request.text()} ${metadata.tenant} ${request.headers.get("x-own")}`);
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  using _ = withoutClients();
  await using call = chain(http({ origin, client: "fetch" }), pool({ max: 1 }));
  const request = new Request(origin, { method: "POST", body: "lamp", headers: { "x-own": "kept" } });
  const response = await call(request, callContext({ metadata: { tenant: "acme" } }));
  assert.equal(await response.text(), "POST lamp acme kept");
});

Deno.test("what a fetch without clients can't do is refused by name", async () => {
  using _ = withoutClients();
  const common: HttpOptions = { origin: "https://127.0.0.1:1", client: "fetch" };
  const demands: HttpOptions[] = [{ protocol: "h2" }, { tls: { caCerts: ["a certificate"] } }];
  for (const demand of demands) {
    await assert.rejects(http({ ...common, ...demand }).dial(), { code: "unsupported", processed: "no" });
  }
});
