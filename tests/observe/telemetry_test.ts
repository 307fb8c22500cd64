/**
 * telemetry(): spans and measurements of calls, and the trace that runs through
 * them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { metrics, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace-base";
import {
  background,
  type CallContext,
  callContext,
  chain,
  type Client,
  ManualClock,
  memory,
  mux,
  pool,
  reconnect,
  retry,
  serve,
  type Service,
  telemetry,
  text,
  TransportError,
} from "../../mod.ts";
import { extracted, w3cPropagator } from "../../src/observe/trace_context.ts";
import { Otel, parentIdOf } from "./_otel.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
const greet = { method: () => "Greeter/hello" };
const clientSide = { ...greet, side: "client" as const };

Deno.test("one trace runs from a client through a server to the next server and back", async () => {
  await using otel = new Otel();
  const wire = [
    chain(memory({ name: "telemetry-1" }), mux(), text()),
    chain(memory({ name: "telemetry-2" }), mux(), text()),
  ];
  await using _last = await serve(
    wire[1],
    chain((name: string) => `hello ${name}`, telemetry({ ...greet, ...otel.providers })),
  );
  await using next: Client<string, string> = chain(wire[1], reconnect(), telemetry({ ...greet, ...otel.providers }));
  const middle = chain(
    (name: string, context: CallContext) => next(name.toUpperCase(), context),
    telemetry({ method: () => "Front/hello", ...otel.providers }),
  );
  await using _front = await serve(wire[0], middle);
  await using call: Client<string, string> = chain(
    wire[0],
    pool({ max: 1 }),
    telemetry({ method: () => "Front/hello", ...otel.providers }),
  );

  assert.equal(await call("you", callContext({ metadata: { traceparent, tracestate: "vendor=7" } })), "hello YOU");

  const order = [
    otel.span("Front/hello", SpanKind.CLIENT),
    otel.span("Front/hello", SpanKind.SERVER),
    otel.span("Greeter/hello", SpanKind.CLIENT),
    otel.span("Greeter/hello", SpanKind.SERVER),
  ];
  let parentId: string | undefined = "b7ad6b7169203331";
  for (const span of order) {
    assert.equal(span.spanContext().traceId, traceId);
    assert.equal(parentIdOf(span), parentId);
    assert.equal(span.spanContext().traceState?.serialize(), "vendor=7");
    assert.equal(span.status.code, SpanStatusCode.UNSET);
    parentId = span.spanContext().spanId;
  }
});

Deno.test("calls are measured in seconds, in the recommended buckets, with their method", async () => {
  await using otel = new Otel();
  const clock = new ManualClock();
  const slow: Service<string, string> = async (request) => {
    await clock.advance(250);
    return request;
  };
  const call = chain(slow, telemetry({ ...clientSide, ...otel.providers, clock, attributes: { tenant: "acme" } }));
  await call("a");
  await call("b");
  const [series, ...rest] = await otel.series("rpc.client.call.duration");
  assert.deepEqual(rest, []);
  assert.equal(series.unit, "s");
  assert.deepEqual([series.value, series.sum], [2, 0.5]);
  assert.deepEqual(series.bounds, [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]);
  assert.deepEqual(series.attributes, {
    "rpc.system.name": "wireway",
    "rpc.method": "Greeter/hello",
    "tenant": "acme",
  });
  assert.deepEqual(otel.spans[0].attributes, series.attributes);
});

Deno.test("a handler's calls are measured on the server's side", async () => {
  await using otel = new Otel();
  const handler = chain(() => "done", telemetry({ system: "jsonrpc", ...otel.providers }));
  assert.equal(await handler("x", background), "done");
  assert.equal(otel.span("jsonrpc").kind, SpanKind.SERVER);
  assert.equal((await otel.series("rpc.server.call.duration"))[0].attributes["rpc.system.name"], "jsonrpc");
  assert.deepEqual(await otel.series("rpc.client.call.duration"), []);
});

Deno.test("errors are told by their code, and nothing is said of their message in measurements", async () => {
  await using otel = new Otel();
  const errors: Record<string, unknown> = {
    "connection-lost": new TransportError("connection-lost", "Connection lost: reset"),
    "invalid-request": new TransportError("invalid-request", "Cannot pay: no account", { remote: true }),
    TypeError: new TypeError("Cannot read user 17"),
    _OTHER: "a text",
  };
  const failing: Service<string, string> = (request) => Promise.reject(errors[request]);
  const call = chain(failing, telemetry({ ...clientSide, ...otel.providers }));
  for (const [type, thrown] of Object.entries(errors)) {
    await assert.rejects(call(type), (error) => error === thrown);
  }
  const series = await otel.series("rpc.client.call.duration");
  assert.deepEqual(series.map(({ attributes }) => attributes["error.type"]), Object.keys(errors));
  assert.deepEqual(series.map(({ attributes }) => attributes["rpc.response.status_code"]), [
    undefined,
    "invalid-request",
    undefined,
    undefined,
  ]);
  assert.doesNotMatch(JSON.stringify(series), /user|account|reset/);
  assert.deepEqual(otel.spans.map(({ status }) => status.code), new Array(4).fill(SpanStatusCode.ERROR));
  assert.equal(otel.spans[2].status.message, "Cannot read user 17");
});

Deno.test("a call that throws at once is observed, too", async () => {
  await using otel = new Otel();
  const broken: Service<string, string> = () => {
    throw new TransportError("closed", "Cannot call: closed");
  };
  const call = telemetry({ ...clientSide, ...otel.providers })(broken);
  await assert.rejects(call("x"), { code: "closed" });
  assert.equal(otel.spans[0].attributes["error.type"], "closed");
});

Deno.test("a call that its caller gave up has a reason and is no error", async () => {
  await using otel = new Otel();
  const controller = new AbortController();
  const call = chain(
    (_: string, context: CallContext) =>
      new Promise<string>((_, reject) => context.cancellation!.subscribe({ cancelled: reject })),
    telemetry({ ...clientSide, ...otel.providers }),
  );
  const result = call("x", callContext({ signal: controller.signal }));
  controller.abort();
  await assert.rejects(result, { code: "cancelled" });
  assert.equal(otel.spans[0].attributes["error.type"], "cancelled");
  assert.equal(otel.spans[0].status.code, SpanStatusCode.UNSET);
});

Deno.test("attempts are spans below the call's, and are not counted as calls", async () => {
  await using otel = new Otel();
  let attempts = 0;
  const flaky = (): string => {
    if (++attempts < 3) throw new TransportError("connection-lost", "Connection lost: reset", { processed: "no" });
    return "done";
  };
  const observed = telemetry({ ...clientSide, ...otel.providers });
  const call = chain(flaky, observed, retry({ initialBackoffMs: 0 }), observed);
  assert.equal(await call("x"), "done");
  const whole = otel.spans.at(-1)!;
  assert.equal(whole.attributes["wireway.attempt"], undefined);
  const parts = otel.spans.slice(0, -1);
  assert.deepEqual(parts.map(({ attributes }) => attributes["wireway.attempt"]), [1, 2, 3]);
  assert.deepEqual(parts.map(parentIdOf), new Array(3).fill(whole.spanContext().spanId));
  assert.deepEqual(parts.map(({ attributes }) => attributes["error.type"]), [
    "connection-lost",
    "connection-lost",
    undefined,
  ]);
  assert.deepEqual((await otel.series("rpc.client.call.duration")).map(({ value }) => value), [1]);
  assert.deepEqual((await otel.series("wireway.client.attempt.duration")).map(({ value }) => value), [2, 1]);
});

Deno.test("a handler's own calls are calls, and not attempts of the call that it answers", async () => {
  await using otel = new Otel();
  const next = chain((name: string) => name, telemetry({ ...clientSide, ...otel.providers }));
  const handler = chain(
    (name: string, context: CallContext) => next(name, context),
    telemetry({ ...greet, ...otel.providers }),
  );
  await handler("x", background);
  assert.equal(otel.span("Greeter/hello", SpanKind.CLIENT).attributes["wireway.attempt"], undefined);
  assert.deepEqual(await otel.series("wireway.client.attempt.duration"), []);
  assert.equal((await otel.series("rpc.client.call.duration")).length, 1);
});

Deno.test("a trace that is not sampled travels on, unsampled", async () => {
  await using otel = new Otel(new AlwaysOffSampler());
  let seen: string | undefined;
  const call = chain(
    (_: string, context: CallContext) => seen = context.metadata.traceparent,
    telemetry({ ...clientSide, ...otel.providers }),
  );
  await call("x", callContext({ metadata: { traceparent } }));
  assert.match(seen!, new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
  assert.deepEqual(otel.spans, []);
  assert.equal((await otel.series("rpc.client.call.duration")).length, 1);
});

Deno.test("trace context that is none begins a new trace", async () => {
  await using otel = new Otel();
  const handler = chain(() => "", telemetry({ ...otel.providers }));
  const bad = [
    "",
    "00",
    `ff-${traceId}-b7ad6b7169203331-01`,
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `${traceparent}-more`,
    traceparent.toUpperCase(),
  ];
  for (const value of bad) await handler("x", callContext({ metadata: { traceparent: value } }));
  assert.equal(otel.spans.length, bad.length);
  for (const span of otel.spans) {
    assert.equal(parentIdOf(span), undefined);
    assert.notEqual(span.spanContext().traceId, traceId);
  }
  const later = `cc-${traceId}-b7ad6b7169203331-01-what-comes-later`;
  await handler("x", callContext({ metadata: { traceparent: later } }));
  assert.equal(otel.spans.at(-1)!.spanContext().traceId, traceId, "a later version says at least as much");
  const flagged = extracted(w3cPropagator, ROOT_CONTEXT, { traceparent: traceparent.replace(/01$/, "ff") });
  assert.equal(trace.getSpanContext(flagged)?.traceFlags, 1, "flags that nobody knows yet do not travel on");
});

Deno.test("the state of another trace does not travel on with a new one", async () => {
  await using otel = new Otel();
  let seen: Record<string, string> = {};
  const call = chain(
    (_: string, context: CallContext) => void (seen = context.metadata),
    telemetry({ ...clientSide, ...otel.providers }),
  );
  await call("x", callContext({ metadata: { traceparent: "none", tracestate: "vendor=7", tenant: "acme" } }));
  assert.equal(seen.tracestate, "");
  assert.equal(seen.tenant, "acme");
});

Deno.test("a propagator that wants what can't travel, and a name that throws, fail no call", async () => {
  await using otel = new Otel();
  const fields: [string, string][] = [["B3", "1"], ["bad key", "x"], ["bad-value", "é"]];
  let seen: Record<string, string> = {};
  const propagator = {
    inject: (
      _context: unknown,
      carrier: unknown,
      setter: { set(carrier: unknown, key: string, value: string): void },
    ) => {
      for (const [key, value] of fields) setter.set(carrier, key, value);
    },
    extract: <T>(context: T): T => context,
    fields: () => [],
  };
  const method = (): never => {
    throw new Error("no name");
  };
  const call = chain(
    (_: string, context: CallContext) => void (seen = context.metadata),
    telemetry({ side: "client", ...otel.providers, propagator, method }),
  );
  await call("x");
  assert.deepEqual({ ...seen }, { b3: "1" });
  assert.equal(otel.spans[0].name, "wireway");
});

Deno.test("where nobody takes telemetry the call is the inner one, and who comes later is found", async () => {
  await using otel = new Otel();
  const promise = Promise.resolve("done");
  let seen: unknown;
  const inner: Service<string, string> = (_, context) => {
    seen = context;
    return promise;
  };
  const call = telemetry(clientSide)(inner);
  const context = callContext({ metadata: { traceparent } });
  assert.equal(call("x", context), promise);
  assert.equal(seen, context);
  try {
    trace.setGlobalTracerProvider(otel.tracerProvider);
    await call("x", context);
    assert.equal(otel.spans.length, 1);
    assert.deepEqual(await otel.series("rpc.client.call.duration"), []);
    metrics.setGlobalMeterProvider(otel.meterProvider);
    await call("x", context);
    assert.deepEqual((await otel.series("rpc.client.call.duration")).map(({ value }) => value), [1]);
  } finally {
    trace.disable();
    metrics.disable();
  }
  assert.equal(call("x", context), promise);
  assert.equal(otel.spans.length, 2);
});
