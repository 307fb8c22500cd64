/**
 * http(): the server's end.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type CallContext,
  chain,
  contentEncoding,
  eventStream,
  http,
  ManualClock,
  serve,
  shapeBodies,
  type TransportError,
} from "../../mod.ts";
import { settle, Watched } from "../support/calls.ts";
import { turn, until, within } from "../support/channels.ts";
import { endless, httpWorld } from "./_world.ts";

Deno.test("shutdown() lets a streamed body finish within the grace", async () => {
  const gate = Promise.withResolvers<void>();
  const body = () =>
    new ReadableStream<Uint8Array>({
      async start(controller): Promise<void> {
        controller.enqueue(new Uint8Array(3));
        await gate.promise;
        controller.enqueue(new Uint8Array(4));
        controller.close();
      },
    });
  await httpWorld(() => new Response(body()), async ({ origin, server }) => {
    const response = await fetch(origin);
    let over = false;
    const shutdown = server.shutdown({ graceMs: 60_000 }).then(() => over = true);
    await assert.rejects(fetch(origin), TypeError);
    assert.equal(over, false);
    gate.resolve();
    assert.equal((await response.bytes()).length, 7);
    await within(shutdown, "the end");
  });
});

Deno.test("shutdown() cuts off an open stream that heeds its signal when the grace is over", async () => {
  const clock = new ManualClock();
  const events = (_: Request, context: CallContext): Response => {
    const { signal } = context;
    const stream = new ReadableStream<Uint8Array>({
      start(controller): void {
        controller.enqueue(new Uint8Array(3));
        signal.addEventListener("abort", () => controller.close());
      },
    });
    return new Response(stream, { headers: { "content-type": "text/event-stream" } });
  };
  const server = await serve(http({ port: 0, clock }), events);
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
  const reader = response.body!.getReader();
  assert.equal((await reader.read()).value?.length, 3);
  const end = new Watched(reader.read());
  const shutdown = new Watched(server.shutdown({ graceMs: 5000 }));
  await clock.advance(4999);
  await settle();
  assert.deepEqual([end.settled, shutdown.settled], [0, 0]);
  await clock.advance(1);
  await until(() => end.settled + shutdown.settled === 2, "the end");
  assert.equal(end.reply?.done, true);
  await server.finished;
});

Deno.test("shutdown() ends open event streams when the grace is over, and lets them be until then", async () => {
  const clock = new ManualClock();
  const ends: Promise<TransportError | undefined>[] = [];
  const server = await serve(
    http({ port: 0, clock }),
    (request) => eventStream(request, (events) => void ends.push(events.closed)),
  );
  const responses = await Promise.all([1, 2].map(() => fetch(`http://127.0.0.1:${server.addr.port}/`)));
  const [left, cut] = responses.map((response) => response.body!.getReader());
  await left!.read();
  await left!.cancel();
  assert.equal(await within(ends[0]!, "the end of the one that was left"), undefined);
  assert.equal((await cut!.read()).done, false);
  const end = new Watched(cut!.read());
  const shutdown = server.shutdown({ graceMs: 5000 });
  await clock.advance(4999);
  await settle();
  assert.equal(end.settled, 0);
  await clock.advance(1);
  await until(() => end.settled === 1, "the end of the stream");
  assert.equal(end.reply?.done, true);
  assert.equal((await ends[1])?.code, "closed");
  await within(shutdown, "the end");
});

Deno.test("shutdown() ends event streams that answer requests whose bodies were decoded and shaped on the way", async () => {
  const clock = new ManualClock();
  const handler = async (request: Request): Promise<Response> => {
    const question = await request.text();
    return eventStream(request, (events) => void events.send({ data: question }));
  };
  const server = await serve(http({ port: 0, clock }), chain(handler, contentEncoding(), shapeBodies({ clock })));
  const body = new Response("why?").body!.pipeThrough(new CompressionStream("gzip"));
  const headers = { "content-encoding": "gzip" };
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`, { method: "POST", body, headers });
  const text = within(response.text(), "the end of the stream");
  const shutdown = server.shutdown({ graceMs: 1000 });
  await settle();
  await clock.advance(1000);
  assert.match(await text, /data: why\?/);
  await within(shutdown, "the end");
});

Deno.test("shutdown() answers for handlers that are still at work when the grace is over, and cancels them", async () => {
  const clock = new ManualClock();
  let cancelled = 0;
  const server = await serve(http({ port: 0, clock }), (_, context) => {
    context.signal.addEventListener("abort", () => cancelled++);
    return new Promise<Response>(() => {});
  });
  const call = fetch(`http://127.0.0.1:${server.addr.port}/`);
  await until(() => server.calls.inFlight === 1, "the handler");
  const shutdown = server.shutdown({ graceMs: 5000 });
  await clock.advance(5000);
  const response = await call;
  assert.equal(response.status, 503);
  assert.match(await response.text(), /^closed: .*grace of 5000 ms/);
  assert.equal(cancelled, 1);
  await within(shutdown, "the end");
});

Deno.test("shutdown() does not wait for a client that never sends the rest of its request", async () => {
  const clock = new ManualClock();
  const server = await serve(http({ port: 0, clock }), async (request) => {
    // The platform takes the body away as soon as the server ends.
    return new Response(await request.text().catch(() => "half"));
  });
  const connection = await Deno.connect({ port: server.addr.port! });
  await connection.write(new TextEncoder().encode("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc"));
  await until(() => server.calls.inFlight === 1, "the handler");
  const shutdown = server.shutdown({ graceMs: 5000 });
  await until(() => server.calls.inFlight === 0, "the handler's end");
  await clock.advance(5500);
  await within(shutdown, "the end");
  connection.close();
});

Deno.test("shutdown() waits for no body whose end it can't bring about", async () => {
  const clock = new ManualClock();
  const server = await serve(http({ port: 0, clock }), () => new Response(endless()));
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
  const shutdown = new Watched(server.shutdown({ graceMs: 5000 }));
  await clock.advance(5000);
  assert.equal(shutdown.settled, 0);
  await clock.advance(500);
  await until(() => shutdown.settled === 1, "the end");
  await server.finished;
  await response.body!.cancel();
});

Deno.test("shutdown() with nothing in flight ends at once, idle connections among them", async () => {
  await httpWorld(() => new Response("x"), async ({ origin, server }) => {
    for (let i = 0; i < 3; i++) await (await fetch(origin)).text();
    const half = await Deno.connect({ port: server.addr.port! });
    await half.write(new TextEncoder().encode("GET / HT"));
    await within(server.shutdown({ graceMs: 60_000 }), "the end");
    assert.equal(server.shutdown(), server.shutdown());
    await server.finished;
    half.close();
  });
});

Deno.test("a server's signal ends it in order", async () => {
  const controller = new AbortController();
  const server = await serve(http({ port: 0 }), () => new Response("x"), { signal: controller.signal });
  controller.abort();
  await within(server.finished, "the end");
});

/** Reads a body to its end, and tells of each piece. */
async function lengthOf(request: Request, onPiece: () => void): Promise<number> {
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    onPiece();
  }
  return bytes;
}

Deno.test("shutdown() lets an upload come in whole within the grace, and refuses what comes meanwhile", async () => {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const handler = async (request: Request): Promise<Response> => {
    const bytes = await lengthOf(request, begun.resolve);
    return new Response(`${bytes}`);
  };
  const body = new ReadableStream<Uint8Array>({
    async start(controller): Promise<void> {
      controller.enqueue(new Uint8Array(3));
      await gate.promise;
      controller.enqueue(new Uint8Array(4));
      controller.close();
    },
  });
  await httpWorld(handler, async ({ origin, server }) => {
    const upload = fetch(origin, { method: "POST", body });
    await within(begun.promise, "the first bytes");
    const shutdown = new Watched(server.shutdown({ graceMs: 60_000 }));
    try {
      const late = await fetch(origin);
      assert.equal(late.status, 503);
      assert.equal(late.headers.get("connection"), "close");
      assert.match(await late.text(), /^draining: /);
      assert.deepEqual([shutdown.settled, server.calls.refused], [0, 1]);
    } finally {
      gate.resolve();
      await upload.catch(() => {});
    }
    const response = await within(upload, "the answer");
    assert.deepEqual([response.status, await response.text()], [200, "7"]);
    await until(() => shutdown.settled === 1, "the end");
    await assert.rejects(fetch(origin), TypeError);
  });
});

Deno.test("shutdown() answers for an upload that is still coming in when the grace is over", async () => {
  const clock = new ManualClock();
  const begun = Promise.withResolvers<void>();
  const server = await serve(http({ port: 0, clock }), async (request) => {
    for await (const _ of request.body ?? []) begun.resolve();
    return new Response("whole");
  });
  using connection = await Deno.connect({ port: server.addr.port! });
  const text = new TextDecoder();
  await connection.write(
    new TextEncoder().encode("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"),
  );
  await within(begun.promise, "the first bytes");
  const shutdown = new Watched(server.shutdown({ graceMs: 5000 }));
  await clock.advance(4999);
  await settle();
  assert.deepEqual([server.calls.inFlight, shutdown.settled], [1, 0]);
  await clock.advance(1);
  const answer = new Uint8Array(1000);
  const count = await within(connection.read(answer), "the answer");
  assert.match(text.decode(answer.subarray(0, count!)), /^HTTP\/1.1 503 .*its grace of 5000 ms is over/s);
  await clock.advance(500);
  await until(() => shutdown.settled === 1, "the end");
});

Deno.test("shutdown() lets an upload whose length is known come in whole, too", async () => {
  const begun = Promise.withResolvers<void>();
  const handler = async (request: Request): Promise<Response> => {
    const bytes = await lengthOf(request, begun.resolve);
    return new Response(`${bytes} bytes`);
  };
  await httpWorld(handler, async ({ server }) => {
    using connection = await Deno.connect({ port: server.addr.port! });
    const text = new TextDecoder();
    await connection.write(new TextEncoder().encode("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 20000\r\n\r\nabc"));
    await within(begun.promise, "the first bytes");
    const shutdown = server.shutdown({ graceMs: 60_000 });
    // By then the platform would have taken the rest away.
    await turn();
    const rest = new Uint8Array(19_997);
    for (let at = 0; at < rest.length;) at += await connection.write(rest.subarray(at));
    const answer = new Uint8Array(1000);
    const count = await within(connection.read(answer), "the answer");
    assert.match(text.decode(answer.subarray(0, count!)), /^HTTP\/1\.1 200 .*20000 bytes$/s);
    await within(shutdown, "the end");
  });
});
