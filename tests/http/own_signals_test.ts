/**
 * http(): what a call hears whose request's own signal is aborted: the same on own sockets and by `fetch`.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { http } from "../../mod.ts";
import { failure } from "../support/calls.ts";
import { until } from "../support/channels.ts";
import { bothForms, httpWorld } from "./_world.ts";

bothForms("a request that was aborted is not sent", async (client) => {
  await httpWorld(() => new Response(), async ({ origin, server }) => {
    const session = await http({ origin, client }).dial();
    await failure(session.call(new Request(origin, { signal: AbortSignal.abort() })), "cancelled", "no");
    const expired = AbortSignal.abort(new DOMException("too late", "TimeoutError"));
    await failure(session.call(new Request(origin, { signal: expired })), "deadline-exceeded", "no");
    assert.deepEqual([session.load, server.calls.started], [0, 0]);
    await session.close();
  });
});

bothForms("a request's own signal ends its call and its body with what it says", async (client) => {
  const letGo = Promise.withResolvers<void>();
  await httpWorld(async ({ url }) => {
    if (url.endsWith("/slow")) await letGo.promise;
    return new Response(new ReadableStream({ start: (body) => body.enqueue(new Uint8Array(1)) }));
  }, async ({ origin, server }) => {
    const session = await http({ origin, client }).dial();
    const slow = new AbortController();
    const call = session.call(new Request(`${origin}/slow`, { signal: slow.signal }));
    call.catch(() => {});
    await until(() => server.calls.inFlight === 1, "the call");
    slow.abort(new DOMException("too late", "TimeoutError"));
    await failure(call, "deadline-exceeded", "maybe");
    letGo.resolve();
    const other = client === "fetch" ? session : await http({ origin, client }).dial();
    const body = new AbortController();
    const response = await other.call(new Request(`${origin}/body`, { signal: body.signal }));
    const text = response.text();
    text.catch(() => {});
    body.abort();
    await assert.rejects(text, { code: "cancelled" });
    await other.close();
    await session.close();
  });
});
