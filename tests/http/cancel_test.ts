/**
 * http(): callers who go away.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type CallContext, callContext, chain, memory, mux, reconnect, serve, type TransportError } from "../../mod.ts";
import { failure, Watched } from "../support/calls.ts";
import { turn, until } from "../support/channels.ts";
import { bothForms, endless, httpWorld } from "./_world.ts";

Deno.test("a client that goes away aborts the signal of a slow handler", async () => {
  const aborted = Promise.withResolvers<TransportError>();
  await httpWorld((_, context) => {
    context.signal.addEventListener("abort", () => aborted.resolve(context.signal.reason));
    return aborted.promise.then(() => new Response());
  }, async ({ origin, server }) => {
    const controller = new AbortController();
    const call = fetch(origin, { signal: controller.signal });
    await until(() => server.calls.inFlight === 1, "the handler");
    controller.abort();
    await assert.rejects(call, { name: "AbortError" });
    assert.equal((await aborted.promise).code, "cancelled");
    await until(() => server.calls.inFlight === 0, "a quiet server");
  });
});

Deno.test("a client that goes away cancels a nested call that was made with the same context", async () => {
  const wire = chain(memory(), mux());
  let cancelled = 0;
  const inner = await serve(wire, (_, context) => {
    context.signal.addEventListener("abort", () => cancelled++);
    return new Promise<Uint8Array>((_, reject) =>
      context.signal.addEventListener("abort", () => reject(context.signal.reason))
    );
  });
  const call = chain(wire, reconnect());
  let nested: Watched<Uint8Array> | undefined;
  try {
    await httpWorld(async (_, context) => {
      const promise = call(new Uint8Array(3), context);
      nested = new Watched(promise);
      await promise;
      return new Response();
    }, async ({ origin, server }) => {
      const controller = new AbortController();
      const request = fetch(origin, { signal: controller.signal });
      await until(() => inner.calls.inFlight === 1, "the nested call");
      controller.abort();
      await assert.rejects(request);
      await until(() => nested!.settled === 1, "the end of the nested call");
      assert.equal(nested!.code, "cancelled");
      await until(() => cancelled === 1, "the inner handler's cancelling");
      await until(() => server.calls.inFlight === 0, "a quiet server");
    });
  } finally {
    await call.close();
    await inner.shutdown({ graceMs: 0 });
  }
});

Deno.test("denoland/deno#27005: a signal does not abort because its call was answered", async () => {
  const contexts: CallContext[] = [];
  let aborts = 0;
  await httpWorld(async (request, context) => {
    contexts.push(context);
    context.signal.addEventListener("abort", () => aborts++);
    if (request.url.endsWith("/later")) await turn();
    return new Response("done");
  }, async ({ origin }) => {
    for (const path of ["/", "/later", "/", "/later"]) await (await fetch(origin + path)).text();
    // What the platform does after an answer it has done by the time it answers the next one.
    await (await fetch(`${origin}/later`)).text();
    assert.equal(aborts, 0);
    assert.equal(contexts[0].signal.aborted, false);
  });
});

Deno.test("a client that leaves in the middle of a long body aborts the signal and cancels the body", async () => {
  let cancels = 0;
  let aborted = 0;
  await httpWorld((_, context) => {
    context.signal.addEventListener("abort", () => aborted++);
    return new Response(endless(() => cancels++));
  }, async ({ origin }) => {
    const response = await fetch(origin);
    const reader = response.body!.getReader();
    for (let i = 0; i < 10; i++) await reader.read();
    assert.equal(aborted, 0);
    await reader.cancel();
    await until(() => cancels === 1 && aborted === 1, "the body's end");
  });
});

bothForms(
  "our client's cancelled call goes away from the server, before and after the answer began",
  async (client) => {
    let aborted = 0;
    let cancels = 0;
    await httpWorld((request, context) => {
      context.signal.addEventListener("abort", () => aborted++);
      return request.url.endsWith("/body") ? new Response(endless(() => cancels++)) : new Promise<Response>(() => {});
    }, async ({ origin, dial, server }) => {
      let session = await dial({ client });
      const before = new AbortController();
      const call = session.call(new Request(origin), callContext({ signal: before.signal }));
      const error = failure(call, "cancelled", "maybe");
      await until(() => server.calls.started === 1, "the handler");
      assert.equal(session.load, 1);
      before.abort(new Error("enough"));
      assert.match((await error).message, /enough/);
      assert.equal(session.load, 0);
      await until(() => aborted === 1, "the handler's cancelling");

      if (client === "sockets") session = await dial({ client });
      const after = new AbortController();
      const response = await session.call(new Request(`${origin}/body`), callContext({ signal: after.signal }));
      const reader = response.body!.getReader();
      await reader.read();
      after.abort(new Error("enough"));
      await failure(
        (async () => {
          while (!(await reader.read()).done);
        })(),
        "cancelled",
      );
      assert.equal(session.load, 0);
      await until(() => cancels === 1, "the body's end at the server");
      await server.shutdown({ graceMs: 0 });
    });
  },
);

bothForms("a request's own signal cancels its call, too", async (client) => {
  await httpWorld(() => new Promise<Response>(() => {}), async ({ origin, dial, server }) => {
    const session = await dial({ client });
    const controller = new AbortController();
    const error = failure(session.call(new Request(origin, { signal: controller.signal })), "cancelled");
    await until(() => server.calls.started === 1, "the handler");
    controller.abort(new Error("enough"));
    assert.match((await error).message, /enough/);
    assert.equal(session.load, 0);
    await server.shutdown({ graceMs: 0 });
  });
});
