/**
 * telemetry() around HTTP requests, and over real sockets.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Context, context as traces, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  background,
  type CallContext,
  callContext,
  chain,
  type Client,
  describe,
  http,
  httpCalls,
  mux,
  platformWebSocket,
  pool,
  reconnect,
  retry,
  serve,
  sseClient,
  tcp,
  telemetry,
  text,
  TransportError,
  websocket,
} from "../../mod.ts";
import { Otel, parentIdOf } from "./_otel.ts";

const clientSide = { side: "client" as const };

/** A client of `handler` that has no wire between. */
function clientOf(otel: Otel, handler: (request: Request) => Response | Promise<Response>) {
  return chain(handler, telemetry({ ...clientSide, ...otel.providers }));
}

Deno.test("one trace runs from an HTTP client through an HTTP server to a TCP server", async () => {
  await using otel = new Otel();
  const rpc = telemetry({ method: () => "Greeter/hello", ...otel.providers });
  await using last = await serve(chain(tcp({ port: 0 }), mux(), text()), chain((name: string) => `hello ${name}`, rpc));
  await using greet: Client<string, string> = chain(
    tcp({ port: last.addr.port! }),
    mux(),
    text(),
    pool({ max: 1 }),
    rpc,
  );
  const front = chain(
    async (request: Request, context: CallContext): Promise<Response> =>
      new Response(await greet(await request.text(), context)),
    telemetry({ route: () => "/hello/:who", ...otel.providers }),
  );
  await using server = await serve(http({ port: 0 }), front);
  const origin = `http://127.0.0.1:${server.addr.port}`;
  await using call = chain(http({ origin }), pool({ max: 1 }), telemetry({ ...otel.providers }));

  const response = await call(new Request(`${origin}/hello/me?sig=secret&q=1#here`, { method: "POST", body: "you" }));
  assert.equal(await response.text(), "hello you");

  const out = otel.span("POST", SpanKind.CLIENT);
  const into = otel.span("POST /hello/:who", SpanKind.SERVER);
  const outAgain = otel.span("Greeter/hello", SpanKind.CLIENT);
  const end = otel.span("Greeter/hello", SpanKind.SERVER);
  const ids = [out, into, outAgain, end].map((span) => span.spanContext().spanId);
  assert.deepEqual([out, into, outAgain, end].map(parentIdOf), [undefined, ...ids.slice(0, 3)]);

  const port = server.addr.port!;
  assert.deepEqual(out.attributes, {
    "url.full": `${origin}/hello/me?sig=REDACTED&q=1`,
    "http.request.method": "POST",
    "server.address": "127.0.0.1",
    "server.port": port,
    "http.response.status_code": 200,
  });
  const { "client.port": clientPort, "network.peer.port": peerPort, ...rest } = into.attributes;
  assert.ok((clientPort as number) > 0 && clientPort === peerPort);
  assert.deepEqual(rest, {
    "url.path": "/hello/me",
    "url.query": "sig=REDACTED&q=1",
    "url.scheme": "http",
    "server.address": "127.0.0.1",
    "server.port": port,
    "user_agent.original": "Wireway",
    "client.address": "127.0.0.1",
    "network.peer.address": "127.0.0.1",
    "http.request.method": "POST",
    "http.route": "/hello/:who",
    "http.response.status_code": 200,
  });
  assert.deepEqual(outAgain.attributes, {
    "rpc.system.name": "wireway",
    "rpc.method": "Greeter/hello",
    "server.address": "127.0.0.1",
    "server.port": last.addr.port!,
    "network.transport": "tcp",
  });
  assert.equal(end.attributes["network.transport"], "tcp");
  assert.equal(end.attributes["server.port"], last.addr.port!);
  assert.equal(end.attributes["network.peer.address"], "127.0.0.1");
});

Deno.test("calls in bytes over HTTP carry their trace as those over TCP do", async () => {
  await using otel = new Otel();
  const observed = telemetry({ method: () => "Echo/echo", ...otel.providers });
  await using server = await serve(chain(http({ port: 0 }), httpCalls(), text()), chain((x: string) => x, observed));
  const origin = `http://127.0.0.1:${server.addr.port}`;
  await using call: Client<string, string> = chain(http({ origin }), httpCalls(), text(), reconnect(), observed);
  assert.equal(await call("x"), "x");
  const [client, handler] = [otel.span("Echo/echo", SpanKind.CLIENT), otel.span("Echo/echo", SpanKind.SERVER)];
  assert.equal(parentIdOf(handler), client.spanContext().spanId);
  assert.equal(client.attributes["server.port"], server.addr.port);
});

Deno.test("a client of each transport knows where its calls go", async () => {
  const place = { "server.address": "127.0.0.1", "server.port": 9000, "network.transport": "tcp" };
  const transports = [
    tcp({ port: 9000 }),
    websocket({ port: 9000 }),
    platformWebSocket({ url: "ws://127.0.0.1:9000/" }),
    sseClient({ url: "http://127.0.0.1:9000/" }),
  ];
  for (const transport of transports) {
    await using otel = new Otel();
    await using call: Client<string, string> = chain(transport, mux(), text(), reconnect(), telemetry(otel.providers));
    // Nobody has to be there for that.
    await assert.rejects(call("x", callContext({ signal: AbortSignal.abort() })), { code: "cancelled" });
    const { "rpc.system.name": _, "error.type": __, ...said } = otel.spans[0].attributes;
    assert.deepEqual(said, place, describe(transport));
  }
});

Deno.test("calls over a unix socket say so, on both ends", async () => {
  await using otel = new Otel();
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  const wire = chain(tcp({ path }), mux(), text());
  await using _server = await serve(wire, chain((x: string) => x, telemetry(otel.providers)));
  await using call: Client<string, string> = chain(wire, reconnect(), telemetry(otel.providers));
  await call("x");
  for (const { attributes } of otel.spans) {
    assert.deepEqual([attributes["server.address"], attributes["network.transport"]], [path, "unix"]);
  }
  assert.equal(otel.spans.length, 2);
});

Deno.test("requests are measured in seconds by method, status and place, and never by their path", async () => {
  await using otel = new Otel();
  const call = clientOf(
    otel,
    (request) => new Response("", { status: new URL(request.url).pathname === "/" ? 200 : 404 }),
  );
  for (const path of ["", "1", "2"]) await (await call(new Request(`https://shop.example/${path}`))).text();
  const series = await otel.series("http.client.request.duration");
  const place = { "http.request.method": "GET", "server.address": "shop.example", "server.port": 443 };
  assert.deepEqual(series.map(({ attributes, value, unit }) => ({ attributes, value, unit })), [
    { attributes: { ...place, "http.response.status_code": 200 }, value: 1, unit: "s" },
    { attributes: { ...place, "http.response.status_code": 404, "error.type": "404" }, value: 2, unit: "s" },
  ]);
});

Deno.test("a client's fault is an error on its own side alone", async () => {
  await using otel = new Otel();
  const missing = (): Response => new Response(null, { status: 404 });
  await clientOf(otel, missing)(new Request("http://a.example"));
  const observed = telemetry(otel.providers);
  await chain(missing, observed)(new Request("http://a.example"), background);
  await chain(() => new Response(null, { status: 503 }), observed)(new Request("http://a.example"), background);
  const ends = otel.spans.map(({ status, attributes }) => [status.code, attributes["error.type"]]);
  assert.deepEqual(ends, [[SpanStatusCode.ERROR, "404"], [SpanStatusCode.UNSET, undefined], [
    SpanStatusCode.ERROR,
    "503",
  ]]);
});

Deno.test("a request is active until its body has ended, and one that breaks there has failed", async () => {
  await using otel = new Otel();
  let body!: ReadableStreamDefaultController<Uint8Array>;
  const call = clientOf(otel, () => new Response(new ReadableStream({ start: (c) => void (body = c) })));
  const active = async () => (await otel.series("http.client.active_requests")).map(({ value }) => value);
  const response = await call(new Request("http://a.example"));
  assert.deepEqual(await active(), [1]);
  assert.equal(otel.spans.length, 0);
  body.error(new TransportError("connection-lost", "Connection lost: reset"));
  await assert.rejects(response.text());
  assert.deepEqual(await active(), [0]);
  assert.equal(otel.spans[0].attributes["error.type"], "connection-lost");
  assert.equal(otel.spans[0].attributes["http.response.status_code"], 200);
});

Deno.test("with streams off a request has ended when its head is there", async () => {
  await using otel = new Otel();
  const response = new Response("hello");
  const call = chain(() => response, telemetry({ ...clientSide, streams: false, ...otel.providers }));
  assert.equal(await call(new Request("http://a.example")), response);
  assert.equal(otel.spans.length, 1);
});

Deno.test("attempts of a request say how often it was sent again", async () => {
  await using otel = new Otel();
  const observed = telemetry({ ...clientSide, ...otel.providers });
  let attempts = 0;
  const flaky = (): Response => new Response("body", { status: ++attempts < 3 ? 503 : 200 });
  const call = chain(flaky, observed, retry({ initialBackoffMs: 0 }), observed);
  assert.equal(await (await call(new Request("http://a.example"))).text(), "body");
  const [first, second, third] = otel.spans;
  assert.deepEqual(
    [first, second, third].map(({ attributes }) => attributes["http.request.resend_count"]),
    [undefined, 1, 2],
  );
  assert.equal(otel.spans.length, 4);
  assert.deepEqual((await otel.series("http.client.request.duration")).map(({ value }) => value), [1]);
  assert.deepEqual((await otel.series("http.client.active_requests")).map(({ value }) => value), [0]);
});

Deno.test("a method that somebody made up is no value of a measurement", async () => {
  await using otel = new Otel();
  await clientOf(otel, () => new Response())(new Request("http://a.example:81", { method: "BREW" }));
  assert.equal(otel.span("HTTP").attributes["http.request.method_original"], "BREW");
  const [{ attributes }] = await otel.series("http.client.request.duration");
  assert.deepEqual([attributes["http.request.method"], attributes["http.request.method_original"]], [
    "_OTHER",
    undefined,
  ]);
  assert.equal(attributes["server.port"], 81);
});

/** Keeps an active context as a platform with asynchronous context does, for calls that begin at once. */
function activeContexts(): Disposable {
  let active: Context = ROOT_CONTEXT;
  traces.setGlobalContextManager({
    active: () => active,
    with(context, run, self, ...args) {
      const before = active;
      active = context;
      try {
        return run.apply(self, args);
      } finally {
        active = before;
      }
    },
    bind: (_, target) => target,
    enable: () => undefined as never,
    disable: () => undefined as never,
  });
  return { [Symbol.dispose]: () => traces.disable() };
}

Deno.test("where the platform observes a request itself, the handler's span is below that one", async () => {
  await using otel = new Otel();
  using _contexts = activeContexts();
  const platform = otel.tracerProvider.getTracer("platform").startSpan("GET", { kind: SpanKind.SERVER });
  const inPlatform = trace.setSpan(ROOT_CONTEXT, platform);
  const inner: string[] = [];
  const handler = chain(() => {
    inner.push(trace.getActiveSpan()!.spanContext().spanId);
    return new Response();
  }, telemetry(otel.providers));
  const { traceId, spanId } = platform.spanContext();
  const withMetadata = background.with({ metadata: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } });
  for (const context of [background, withMetadata]) {
    await traces.with(inPlatform, () => handler(new Request("http://a.example"), context));
  }
  // One that is of another trace has to do with something else: with what the server was started in, say.
  const other = background.with({ metadata: { traceparent: `00-${"a".repeat(32)}-00f067aa0ba902b7-01` } });
  await traces.with(inPlatform, () => handler(new Request("http://a.example"), other));
  assert.deepEqual(otel.spans.map(({ kind }) => kind), [SpanKind.INTERNAL, SpanKind.INTERNAL, SpanKind.SERVER]);
  assert.deepEqual(otel.spans.map(parentIdOf), [spanId, spanId, "00f067aa0ba902b7"]);
  assert.deepEqual(inner, otel.spans.map((span) => span.spanContext().spanId), "spans made in the handler go below");
  assert.deepEqual((await otel.series("http.server.request.duration")).map(({ value }) => value), [1]);
});

Deno.test("a call within a span of the program is below that span", async () => {
  await using otel = new Otel();
  using _contexts = activeContexts();
  const own = otel.tracerProvider.getTracer("own").startSpan("work");
  const call = chain((x: string) => x, telemetry({ ...clientSide, ...otel.providers }));
  await traces.with(trace.setSpan(ROOT_CONTEXT, own), () => call("x"));
  assert.equal(parentIdOf(otel.spans[0]), own.spanContext().spanId);
  own.end();
  await traces.with(trace.setSpan(ROOT_CONTEXT, own), () => call("x"));
  assert.equal(parentIdOf(otel.spans[2]), undefined, "a span that has ended is not the parent of what comes later");
});
