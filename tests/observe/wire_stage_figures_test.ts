/**
 * The live figures of transports, and of what makes calls out of messages: each
 * is traced to calls and bytes that were really sent.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { fileURLToPath } from "node:url";
import {
  chain,
  eventStreams,
  type Figure,
  heartbeat,
  http,
  httpCalls,
  json,
  jsonRpc,
  jsonRpcHttp,
  ManualClock,
  memory,
  type MethodRequest,
  mountedSse,
  mux,
  newline,
  pipeline,
  pool,
  serve,
  type Session,
  sse,
  sseClient,
  stagesOf,
  stdio,
  Streamed,
  tapMessages,
  tcp,
  text,
} from "../../mod.ts";
import { nats } from "../../adapters/nats.ts";
import { nodeHttp2 } from "../../adapters/node_http2.ts";
import { until } from "../support/channels.ts";

/** The figures of the stage of that name. */
function shown(part: object, name: string): Record<string, Figure["value"]> {
  const figures = stagesOf(part).find((stage) => stage.name === name)?.figures;
  assert.ok(figures !== undefined, `${name} keeps no figures`);
  return Object.fromEntries(figures().map((figure) => [figure.name, figure.value]));
}

/** Whether all of a session's calls have left. */
const idle = { sessions: 1, "in flight": 0 };
const none = { answering: 0, failed: 0, "turned away": 0 };
const upper = (request: string): string => request.toUpperCase();

Deno.test("text() and json() show what they converted, each way, and what they refused", async () => {
  const wire = chain(memory(), mux(), json<unknown, unknown>());
  await using _server = await serve(wire, (request) => request);
  await using call = chain(wire, pool({ max: 1 }));
  await call({ a: 1 });
  await assert.rejects(call(undefined), { code: "invalid-request" });
  // Both ends of a connection in this process: a request and a reply, each of 7 bytes.
  assert.deepEqual(shown(call, "json"), {
    encoded: 2,
    "bytes encoded": 14,
    decoded: 2,
    "bytes decoded": 14,
    refused: 1,
  });
});

Deno.test("items of streams are converted like all else", async () => {
  const wire = memory();
  const far = chain(wire, mux({ streams: true }), text());
  const near = chain(wire, mux({ streams: true }), text());
  async function* items(): AsyncGenerator<string> {
    yield* ["one", "two", "three"];
  }
  await using _server = await serve(far, () => new Streamed("head", items()));
  await using call = chain(near, pool({ max: 1 }));
  const reply = await call("go");
  assert.ok(reply instanceof Streamed);
  for await (const _ of reply);
  const [sent, came] = [shown(far, "text"), shown(call, "text")];
  assert.deepEqual([sent.encoded, sent["bytes encoded"]], [4, "headonetwothree".length]);
  assert.deepEqual([came.decoded, came["bytes decoded"]], [4, "headonetwothree".length]);
});

Deno.test("mux(), pipeline() and jsonRpc() show sessions and calls at one end, answers at the other", async () => {
  const bytes = (request: Uint8Array): Uint8Array => request;
  const echo = (request: MethodRequest): unknown => "method" in request ? request.params : null;
  const framing = newline();
  {
    await using server = await serve(chain(tcp({ port: 0, framing }), pipeline()), bytes);
    const near = chain(tcp({ port: server.addr.port!, framing }), pipeline());
    const far = server;
    const session = await near.dial();
    await Promise.all([1, 2, 3].map(() => session.call(new Uint8Array(1))));
    assert.deepEqual(shown(near, "pipeline"), { ...idle, calls: 3 });
    assert.equal(far.calls.started, 3);
    await session.close();
    assert.deepEqual(shown(near, "pipeline"), { sessions: 0, "in flight": 0, calls: 3 });
  }
  const wire = chain(memory({ name: "rpc figures" }), jsonRpc());
  await using _far = await serve(wire, echo);
  const session = await wire.dial();
  await Promise.all([1, 2].map((params) => session.call({ method: "echo", params: [params] })));
  await session.ping();
  const figures = shown(wire, "jsonRpc");
  assert.deepEqual([figures.sessions, figures["in flight"], figures.calls], [1, 0, 2]);
  assert.deepEqual([figures.answering, figures.failed], [0, 0]);
  await session.close();
  assert.equal(shown(wire, "jsonRpc").sessions, 0);
});

Deno.test("what only listens shows answers and no sessions, pipeline() and mux() alike", async () => {
  for (const [name, make] of [["pipeline", pipeline], ["mux", mux]] as const) {
    const wire = chain(tcp({ port: 0, framing: newline() }), make(), text());
    await using server = await serve(wire, upper);
    const near = chain(tcp({ port: server.addr.port!, framing: newline() }), make(), text());
    await using call = chain(near, pool({ max: 1 }));
    await call("a");
    assert.deepEqual(shown(wire, name), { ...none, answered: 1 });
    assert.deepEqual(shown(call, name), { ...idle, calls: 1 });
  }
});

Deno.test("http(), httpCalls() and jsonRpcHttp() show calls, answers, and the bytes of own sockets", async () => {
  const wire = chain(http({ port: 0 }), httpCalls(), text());
  await using server = await serve(wire, upper);
  const near = chain(http({ port: server.addr.port! }), httpCalls(), text());
  await using call = chain(near, pool({ max: 1 }));
  await call("hello");
  await call("x".repeat(50_000));
  assert.deepEqual(shown(wire, "http"), { ...none, answered: 2 });
  assert.deepEqual(shown(wire, "httpCalls"), { ...none, answered: 2 });
  assert.deepEqual(shown(call, "httpCalls"), { ...idle, calls: 2 });
  const { "bytes in": bytesIn, "bytes out": bytesOut, ...rest } = shown(call, "http");
  assert.deepEqual(rest, { ...idle, calls: 2 });
  for (const bytes of [bytesIn, bytesOut]) {
    assert.ok(Number(bytes) > 50_005 && Number(bytes) < 51_500, `${bytes} bytes`);
  }

  const rpc = chain(http({ port: 0 }), jsonRpcHttp());
  await using rpcServer = await serve(rpc, () => "done");
  const rpcNear = chain(http({ port: rpcServer.addr.port! }), jsonRpcHttp());
  await using rpcCall = chain(rpcNear, pool({ max: 1 }));
  await rpcCall({ method: "do" });
  assert.deepEqual(shown(rpc, "jsonRpcHttp"), { ...none, answered: 1 });
  assert.deepEqual(shown(rpcCall, "jsonRpcHttp"), { ...idle, calls: 1 });
});

Deno.test("http() through fetch shows no bytes, for nobody tells of them", async () => {
  await using server = await serve(http({ port: 0 }), () => new Response("hello"));
  const origin = `http://127.0.0.1:${server.addr.port}`;
  await using call = chain(http({ origin, client: "fetch" }), pool({ max: 1 }));
  const reply = await call(new Request(origin));
  assert.deepEqual(shown(call, "http"), { sessions: 1, "in flight": 1, calls: 1 });
  await reply.text();
  assert.deepEqual(shown(call, "http"), { ...idle, calls: 1 });
});

Deno.test("sse(), mountedSse() and sseClient() show their channels, messages and bytes", async () => {
  const ends: [object, string, object, string, () => Promise<void>][] = [];
  const handler = upper;
  const far = chain(sse({ port: 0 }), mux(), text());
  const server = await serve(far, handler);
  const near = chain(sse({ port: server.addr.port! }), mux(), text());
  ends.push([far, "sse", near, "sse", () => server.shutdown()]);
  const mounted = mountedSse();
  const site = await serve(http({ port: 0 }), (request: Request) => mounted.fetch(request));
  const inside = chain(mounted, mux(), text());
  const insideServer = await serve(inside, handler);
  const outside = chain(sseClient({ url: `http://127.0.0.1:${site.addr.port}/` }), mux(), text());
  ends.push([inside, "mountedSse", outside, "sseClient", async () => {
    await insideServer.shutdown();
    await site.shutdown();
  }]);
  for (const [served, servedName, dialled, dialledName, end] of ends) {
    const session: Session<string, string> = await (dialled as typeof near).dial();
    await session.call("hello");
    // A hello each way, a call and its reply.
    const [one, other] = [shown(served, servedName), shown(dialled, dialledName)];
    assert.deepEqual([one.open, one["messages in"], one["messages out"]], [1, 2, 2], servedName);
    assert.deepEqual([other.open, other["messages in"], other["messages out"]], [1, 2, 2], dialledName);
    assert.ok(Number(one["bytes in"]) > 10 && one["bytes in"] === other["bytes out"], servedName);
    await session.close();
    assert.equal(shown(dialled, dialledName).open, 0);
    await until(() => shown(served, servedName).open === 0, "the channel is still open");
    await end();
  }
});

Deno.test("eventStreams() shows its readers and connections", async () => {
  const streams = eventStreams({ port: 0, path: "/events" });
  const listener = await streams.listen((events) => {
    void events.send({ event: "price", data: "17" });
  });
  assert.equal(shown(streams, "eventStreams").readers, 0);
  const reply = await fetch(`http://127.0.0.1:${listener.addr.port}/events`);
  const reader = reply.body!.getReader();
  await reader.read();
  const { readers, open, "bytes out": bytes } = shown(streams, "eventStreams");
  assert.deepEqual([readers, open], [1, 1]);
  assert.ok(Number(bytes) > 20, `${bytes} bytes`);
  await reader.cancel();
  await listener.shutdown();
  assert.equal(shown(streams, "eventStreams").readers, 0);
});

Deno.test("stdio() shows the messages of the program that it has started", async () => {
  const program = fileURLToPath(new URL("../../examples/json_rpc_stdio.ts", import.meta.url));
  const command = { program: Deno.execPath(), args: ["run", "--quiet", "--allow-run", program, "serve"] };
  const wire = chain(stdio({ command }), jsonRpc());
  const session = await wire.dial();
  await session.call({ method: "add", params: [1, 2] }).catch(() => {});
  const { open, "messages in": came, "messages out": gone } = shown(wire, "stdio");
  assert.deepEqual([open, came, gone], [1, 1, 1]);
  await session.close();
  assert.equal(shown(wire, "stdio").open, 0);
});

Deno.test("heartbeat() shows its probes and their answers, tapMessages() what it has seen", async () => {
  const clock = new ManualClock();
  const wired = memory();
  const spied = () => chain(wired, heartbeat({ heartbeatMs: 1000, clock }), tapMessages({}));
  const [far, near] = [spied(), spied()];
  await using _server = await serve(chain(far, mux()), (request) => request);
  const wire = chain(near, mux());
  const session = await wire.dial();
  await session.call(new Uint8Array(5));
  assert.deepEqual(shown(near, "tapMessages"), { "messages in": 2, "messages out": 2 });
  await clock.advance(1000);
  await until(() => Number(shown(wire, "heartbeat").answered) > 0, "no answer to a probe");
  const { probes, answered, lost } = shown(wire, "heartbeat");
  assert.deepEqual([probes, answered, lost], [1, 1, 0]);
  await session.close();
});

Deno.test("nats() shows sessions and calls at one end, answers at the other", async () => {
  const wire = () => chain(nats({ subject: "figures" }), text());
  const [far, near] = [wire(), wire()];
  await using _server = await serve(far, upper);
  await using call = chain(near, pool({ max: 1 }));
  await call("a");
  assert.deepEqual(shown(far, "nats"), { ...none, answered: 1 });
  assert.deepEqual(shown(call, "nats"), { ...idle, calls: 1 });
});

Deno.test("nodeHttp2() shows connections and answers, and no bytes, for nobody counts them", async () => {
  const wire = nodeHttp2({ port: 0 });
  await using server = await serve(wire, () => new Response("hello"));
  const origin = `http://127.0.0.1:${server.addr.port}`;
  await using call = chain(http({ origin, protocol: "h2" }), pool({ max: 1 }));
  assert.equal(await (await call(new Request(origin))).text(), "hello");
  const counts = { open: 1, accepted: 1, refused: 0, answering: 0, answered: 1, failed: 0 };
  assert.deepEqual(shown(wire, "nodeHttp2"), counts);
});
