/**
 * nodeHttp2() over real connections: requests, settings, bodies, limits, the end.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { type Handler, serve, type Server, TransportError, type TransportEvent } from "../../mod.ts";
import { nodeHttp2, type NodeHttp2Options } from "../../adapters/node_http2.ts";
import { settle } from "../support/calls.ts";
import { until, untilStill, within } from "../support/channels.ts";

/** A server, and a client of Node's on a connection to it. */
class World implements AsyncDisposable {
  readonly port: number;
  readonly origin: string;
  readonly clients: ClientHttp2Session[] = [];
  readonly server: Server;

  constructor(server: Server) {
    this.server = server;
    this.port = (server.addr as { port: number }).port;
    this.origin = `http://127.0.0.1:${this.port}`;
  }

  client(): ClientHttp2Session {
    const client = connect(this.origin);
    client.on("error", () => {});
    this.clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = this.clients.filter((client) => !client.destroyed);
    const closed = open.map((client) => new Promise<void>((resolve) => client.once("close", () => resolve())));
    for (const client of open) client.destroy();
    await within(Promise.all(closed), "the clients' end");
    await within(this.server.shutdown({ graceMs: 1000 }), "the server's end");
    await settle();
  }
}

async function world(handler: Handler<Request, Response>, options: Partial<NodeHttp2Options> = {}): Promise<World> {
  return new World(await serve(nodeHttp2({ port: 0, ...options }), handler));
}

/** The whole of an answer. */
async function answer(
  stream: ClientHttp2Stream,
): Promise<{ status: number; headers: Record<string, unknown>; text: string }> {
  const head = new Promise<Record<string, unknown>>((resolve, reject) => {
    stream.once("response", resolve);
    stream.once("error", reject);
  });
  stream.on("error", () => {});
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => text += chunk);
  const ended = new Promise<void>((resolve, reject) => {
    stream.once("end", () => resolve());
    stream.once("error", reject);
  });
  ended.catch(() => {});
  const headers = await within(head, "a head");
  await within(ended, "the end of an answer");
  return { status: headers[":status"] as number, headers, text };
}

Deno.test("a request comes with method, address, fields and body, and its answer with status, fields and body", async () => {
  await using place = await world(async (request) => {
    const headers = new Headers({ "x-method": request.method, "x-url": new URL(request.url).pathname });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    headers.set("connection", "close");
    return new Response(`${request.headers.get("x-own")}: ${await request.text()}`, { status: 201, headers });
  });
  const stream = place.client().request({ ":method": "POST", ":path": "/a/b?c=d", "x-own": "mine" });
  stream.end("body");
  const { status, headers, text } = await answer(stream);
  assert.deepEqual([status, text], [201, "mine: body"]);
  assert.deepEqual([headers["x-method"], headers["x-url"], headers["set-cookie"]], ["POST", "/a/b", ["a=1", "b=2"]]);
  assert.equal(headers.connection, undefined);
});

Deno.test("answers without a body, to HEAD and of 204, have none", async () => {
  await using place = await world((request) =>
    request.method === "HEAD" ? new Response("ten bytes.") : new Response(null, { status: 204 })
  );
  const client = place.client();
  const head = await answer(client.request({ ":method": "HEAD", ":path": "/" }));
  assert.deepEqual([head.status, head.text], [200, ""]);
  const none = await answer(client.request({ ":path": "/" }));
  assert.deepEqual([none.status, none.text], [204, ""]);
});

Deno.test("the client is told the settings, and its streams are bounded by them", async () => {
  const held: PromiseWithResolvers<Response>[] = [];
  const settings = {
    maxConcurrentStreams: 2,
    windowBytes: 100_000,
    maxFrameBytes: 32_768,
    headerTableBytes: 0,
    maxHeaderListBytes: 5000,
  };
  await using place = await world(() => {
    held.push(Promise.withResolvers());
    return held.at(-1)!.promise;
  }, settings);
  const client = place.client();
  await within(new Promise<void>((resolve) => client.once("remoteSettings", () => resolve())), "settings");
  const { maxConcurrentStreams, initialWindowSize, maxFrameSize, headerTableSize, maxHeaderListSize } =
    client.remoteSettings;
  assert.deepEqual(
    [maxConcurrentStreams, initialWindowSize, maxFrameSize, headerTableSize, maxHeaderListSize],
    [2, 100_000, 32_768, 0, 5000],
  );
  const answers = [0, 1, 2, 3].map(() => answer(client.request({ ":path": "/" })));
  await until(() => held.length === 2, "two calls");
  assert.equal(place.server.calls.inFlight, 2);
  held.forEach(({ resolve }) => resolve(new Response("done")));
  await until(() => held.length === 4, "the other two");
  held.forEach(({ resolve }) => resolve(new Response("done")));
  for (const { text } of await Promise.all(answers)) assert.equal(text, "done");
});

Deno.test("a handler that fails is answered for by its error, and fails alone", async () => {
  await using place = await world((request) => {
    if (request.url.endsWith("/ours")) throw new TransportError("overloaded", "Too much", { retryAfterMs: 1500 });
    return Promise.reject(new Error("secret"));
  });
  const client = place.client();
  const ours = await answer(client.request({ ":path": "/ours" }));
  assert.deepEqual([ours.status, ours.headers["retry-after"]], [503, "2"]);
  const other = await answer(client.request({ ":path": "/other" }));
  assert.deepEqual([other.status, other.text], [500, "Internal Server Error"]);
  assert.deepEqual([place.server.calls.failed, place.server.calls.inFlight], [2, 0]);
});

Deno.test("a response is read no faster than its client takes it", async () => {
  let pulled = 0;
  const cancelled = Promise.withResolvers<void>();
  await using place = await world(() =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(65_536));
        },
        cancel: () => cancelled.resolve(),
      }),
    )
  );
  const stream = place.client().request({ ":path": "/" });
  stream.on("error", () => {});
  stream.pause();
  await until(() => pulled > 0, "the first part");
  const still = await untilStill(() => pulled);
  assert.ok(still * 65_536 < 64 * 1024 * 1024, `${still} parts`);
  stream.close(8);
  await within(cancelled.promise, "the body to be cancelled");
});

Deno.test("a client sends no more of a body than the window while nobody reads it, and then the rest", async () => {
  const begin = Promise.withResolvers<void>();
  await using place = await world(async (request) => {
    await begin.promise;
    return new Response(`${(await request.bytes()).length}`);
  }, { windowBytes: 70_000 });
  const stream = place.client().request({ ":method": "POST", ":path": "/" });
  const size = 1_000_000;
  let sent = false;
  stream.end(new Uint8Array(size), () => sent = true);
  await until(() => place.server.calls.inFlight === 1, "the call");
  await untilStill(() => place.server.calls.inFlight);
  assert.equal(sent, false);
  begin.resolve();
  assert.equal((await answer(stream)).text, `${size}`);
});

Deno.test("a handler that answers without reading the body leaves the connection whole", async () => {
  await using place = await world((request) => new Response(new URL(request.url).pathname), { windowBytes: 65_535 });
  const client = place.client();
  const stream = client.request({ ":method": "POST", ":path": "/upload" });
  stream.on("error", () => {});
  stream.write(new Uint8Array(200_000));
  assert.equal((await answer(stream)).text, "/upload");
  assert.equal((await answer(client.request({ ":path": "/next" }))).text, "/next");
});

Deno.test("a client that gives up cancels its call, and no other", async () => {
  const reasons: unknown[] = [];
  const held: PromiseWithResolvers<Response>[] = [];
  await using place = await world((_, context) => {
    context!.signal.addEventListener("abort", () => reasons.push(context!.signal.reason.code));
    held.push(Promise.withResolvers());
    return held.at(-1)!.promise;
  });
  const client = place.client();
  await within(new Promise<void>((resolve) => client.once("remoteSettings", () => resolve())), "settings");
  const [gone, stays] = [client.request({ ":path": "/gone" }), client.request({ ":path": "/stays" })];
  gone.on("error", () => {});
  const kept = answer(stays);
  await until(() => held.length === 2, "both calls");
  gone.close(8);
  await until(() => reasons.length === 1, "the cancelling");
  held.forEach(({ resolve }) => resolve(new Response("answer")));
  assert.equal((await kept).text, "answer");
  assert.deepEqual(reasons, ["cancelled"]);
});

Deno.test("a server that ends says goodbye, answers what is in flight, and takes nothing new", async () => {
  const reply = Promise.withResolvers<Response>();
  await using place = await world(() => reply.promise);
  const client = place.client();
  const goaway = new Promise<void>((resolve) => client.once("goaway", () => resolve()));
  const inFlight = answer(client.request({ ":path": "/" }));
  await until(() => place.server.calls.inFlight === 1, "the call");
  const end = place.server.shutdown({ graceMs: 10_000 });
  await within(goaway, "the goodbye");
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: place.port }), Deno.errors.ConnectionRefused);
  reply.resolve(new Response("in time"));
  assert.equal((await inFlight).text, "in time");
  await within(end, "the end");
  await within(place.server.finished, "the end, as told");
});

Deno.test("what is in flight when the grace is over is cut off, and its handler told", async () => {
  let reason: TransportError | undefined;
  await using place = await world((_, context) => {
    context!.signal.addEventListener("abort", () => reason = context!.signal.reason);
    return new Promise<Response>(() => {});
  });
  const stream = place.client().request({ ":path": "/" });
  stream.on("error", () => {});
  await until(() => place.server.calls.inFlight === 1, "the call");
  await within(place.server.shutdown({ graceMs: 20 }), "the end");
  assert.equal(reason?.code, "closed");
});

Deno.test("connections above the limit are closed as they come, and told of", async () => {
  const events: TransportEvent[] = [];
  await using place = await world(() => new Response("one"), {
    maxConnections: 1,
    observer: (event) => events.push(event),
  });
  assert.equal((await answer(place.client().request({ ":path": "/" }))).text, "one");
  const second = place.client();
  await within(new Promise<void>((resolve) => second.once("close", () => resolve())), "the second one's end");
  const { connectionsOpen, connectionsRefused } = place.server.channels;
  assert.deepEqual([connectionsOpen, connectionsRefused], [1, 1]);
  assert.deepEqual(events.map(({ type }) => type), ["connection-opened", "connection-refused"]);
});

Deno.test("a handler that gives no response, or a used one, costs its own call and no more", async () => {
  const used = new Response("used");
  await used.text();
  const answers = [undefined, used, Promise.resolve(null), new Response("well")] as Response[];
  await using place = await world(() => answers.shift()!);
  const client = place.client();
  const got: number[] = [];
  for (let i = 0; i < 4; i++) got.push((await answer(client.request({ ":path": "/" }))).status);
  assert.deepEqual(got, [500, 500, 500, 200]);
  assert.deepEqual(place.server.calls, { inFlight: 0, started: 4, failed: 3, refused: 0 });
});

Deno.test("wrong options, a port that is taken, and dialling are refused with typed errors", async () => {
  for (
    const options of [{}, { port: 70_000 }, { port: 0, maxFrameBytes: 5 }, { port: 0, frames: 5 }, {
      port: 0,
      tls: { cert: "x" },
    }]
  ) {
    assert.throws(() => nodeHttp2(options as NodeHttp2Options), { code: "invalid-option" });
  }
  await using place = await world(() => new Response());
  await assert.rejects(serve(nodeHttp2({ port: place.port }), () => new Response()), { code: "address-in-use" });
  await assert.rejects(nodeHttp2({ port: 1 }).dial(), { code: "unsupported" });
});
