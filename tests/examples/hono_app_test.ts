/**
 * The Hono app that was there before, with everything mounted in it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { guestbook, guestbookApp } from "../../examples/hono_app.ts";
import { chain, clientOf, EventStreamParser, methods, mux, reconnect, sseClient, websocket } from "../../mod.ts";

/** Calls a method as JSON-RPC, by Hono's own test client. */
async function rpc(app: Awaited<ReturnType<typeof guestbookApp>>["app"], method: string, params?: unknown) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const headers = { "content-type": "application/json" };
  const response = await app.request("/rpc", { method: "POST", headers, body });
  return { response, answer: await response.json() };
}

Deno.test("an existing Hono app keeps its routes and middleware, and gets limits on some of them", async () => {
  await using example = await guestbookApp();
  const { app } = example;
  const page = await app.request("/", { headers: { visitor: "Ann" } });
  assert.equal(await page.text(), "Hello, Ann.");
  const statuses: number[] = [];
  for (let call = 0; call < 7; call++) {
    const response = await app.request("/api/time");
    statuses.push(response.status);
    assert.equal(response.headers.get("served-by"), "the app that was there before");
    await response.body?.cancel();
  }
  assert.deepEqual(statuses.slice(0, 5), [200, 200, 200, 200, 200]);
  assert.ok(statuses.slice(5).includes(429), `${statuses}`);
  assert.equal((await app.request("/")).status, 200);
});

Deno.test("the contract is called as JSON-RPC on a route, and refuses what breaks it", async () => {
  await using example = await guestbookApp();
  const { response, answer } = await rpc(example.app, "guestbook.sign", { name: "Ann" });
  assert.deepEqual([response.status, answer.result], [200, { guests: 1 }]);
  assert.equal(response.headers.get("served-by"), "the app that was there before");
  const wrong = await rpc(example.app, "guestbook.sign", { name: "" });
  assert.match(wrong.answer.error.message, /^Call of guestbook\.sign refused: name: /);
  assert.equal((await rpc(example.app, "guestbook.burn")).answer.error.code, -32601);
});

Deno.test("the same contract is called over WebSocket and over event streams, and told of to readers", async () => {
  await using example = await guestbookApp();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, example.app.fetch);
  const { port } = server.addr;
  {
    const events = await fetch(`http://127.0.0.1:${port}/events`);
    const seen: string[] = [];
    const parser = new EventStreamParser({ event: ({ event, data }) => void seen.push(`${event} ${data}`) });
    const reader = events.body!.getReader();

    const wires = [websocket({ port, path: "/calls" }), sseClient({ url: `http://127.0.0.1:${port}/live` })];
    for (const [i, wire] of wires.entries()) {
      await using call = chain(wire, mux({ streams: true }), methods(), reconnect());
      const client = clientOf(guestbook, call);
      assert.deepEqual(await client.sign({ name: `guest ${i}` }), { guests: i + 1 });
      const guests: string[] = [];
      for await (const guest of client.guests()) guests.push(guest);
      assert.deepEqual(guests, ["guest 0", "guest 1"].slice(0, i + 1));
    }
    while (seen.length < 2) parser.push((await reader.read()).value!);
    assert.deepEqual(seen, ["guest guest 0", "guest guest 1"]);
    await reader.cancel();

    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    assert.match(metrics, /^wireway_server_calls_total\{wire="ws"\} 2$/m);
    assert.match(metrics, /^wireway_server_calls_total\{wire="sse"\} 2$/m);
  }
  await server.shutdown();
});
