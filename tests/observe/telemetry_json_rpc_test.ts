/**
 * telemetry() over JSON-RPC: trace context in its messages and in header
 * fields, and what the conventions say of such calls.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { SpanKind } from "@opentelemetry/api";
import {
  type CallContext,
  callContext,
  chain,
  type Client,
  http,
  jsonRpc,
  jsonRpcError,
  jsonRpcHttp,
  type MethodRequest,
  newline,
  pool,
  reconnect,
  serve,
  stdio,
  Streamed,
  tcp,
  telemetry,
} from "../../mod.ts";
import { Otel, parentIdOf } from "./_otel.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const context = callContext({ metadata: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } });

function methodOf(request: unknown): string {
  const call = request as MethodRequest;
  return (call instanceof Streamed ? call.head : call).method;
}

/** What observes both sides of these tests. */
function observed(otel: Otel, side: "client" | "server" | "auto" = "auto") {
  return telemetry({ method: methodOf, system: side === "server" ? "jsonrpc" : undefined, ...otel.providers });
}

Deno.test("one trace runs through JSON-RPC over HTTP to JSON-RPC over TCP, and back", async () => {
  await using otel = new Otel();
  const back = chain(
    (request: MethodRequest, context: CallContext) => context.peer!.call(request, context),
    telemetry({ side: "client", method: methodOf, system: "jsonrpc", ...otel.providers }),
  );
  const last = chain(
    (_: MethodRequest, context: CallContext) => back({ method: "confirm" }, context),
    observed(otel, "server"),
  );
  await using stock = await serve(chain(tcp({ port: 0, framing: newline() }), jsonRpc()), last);
  const confirm = chain((_: MethodRequest): unknown => "confirmed", observed(otel, "server"));
  await using next: Client<MethodRequest, unknown> = chain(
    tcp({ port: stock.addr.port!, framing: newline() }),
    jsonRpc(),
    reconnect({ handler: confirm }),
    observed(otel),
  );
  const first = chain(
    (_: MethodRequest, context: CallContext) => next({ method: "reserve" }, context),
    observed(otel, "server"),
  );
  await using shop = await serve(chain(http({ port: 0 }), jsonRpcHttp()), first);
  const origin = `http://127.0.0.1:${shop.addr.port}`;
  await using call: Client<MethodRequest, unknown> = chain(
    http({ origin }),
    jsonRpcHttp(),
    pool({ max: 1 }),
    observed(otel),
  );

  assert.equal(await call({ method: "order" }, context), "confirmed");
  let parentId: string | undefined = "b7ad6b7169203331";
  for (const name of ["order", "reserve", "confirm"]) {
    for (const kind of [SpanKind.CLIENT, SpanKind.SERVER]) {
      const span = otel.span(name, kind);
      assert.deepEqual([span.spanContext().traceId, parentIdOf(span)], [traceId, parentId], `${name} ${kind}`);
      assert.equal(span.attributes["rpc.system.name"], "jsonrpc");
      parentId = span.spanContext().spanId;
    }
  }
  const system = { "rpc.system.name": "jsonrpc", "jsonrpc.protocol.version": "2.0" };
  const place = { ...system, "server.address": "127.0.0.1", "network.transport": "tcp" };
  assert.deepEqual(otel.span("order", SpanKind.CLIENT).attributes, {
    ...place,
    "rpc.method": "order",
    "server.port": shop.addr.port,
  });
  assert.deepEqual(otel.span("reserve", SpanKind.CLIENT).attributes, {
    ...place,
    "rpc.method": "reserve",
    "server.port": stock.addr.port,
  });
});

Deno.test("a trace goes on where a streamed reply does, and an application's own error is told by its number", async () => {
  await using otel = new Otel();
  async function* items(): AsyncGenerator<number> {
    yield 1;
    yield 2;
  }
  const answer = (request: MethodRequest): unknown => {
    if (methodOf(request) === "count") return new Streamed("head", items());
    throw jsonRpcError(17, "No such account");
  };
  const wire = (port: number) => chain(tcp({ port, framing: newline() }), jsonRpc());
  await using server = await serve(wire(0), chain(answer, observed(otel, "server")));
  await using call: Client<MethodRequest, unknown> = chain(wire(server.addr.port!), reconnect(), observed(otel));
  const reply = await call({ method: "count" }, context) as Streamed<string, number>;
  assert.ok(otel.spans.every(({ kind }) => kind !== SpanKind.CLIENT), "the call goes on with its stream");
  assert.deepEqual(await Array.fromAsync(reply), [1, 2]);
  await assert.rejects(call({ method: "pay" }, context), { code: "remote" });
  for (const name of ["count", "pay"]) {
    const [client, handler] = [otel.span(name, SpanKind.CLIENT), otel.span(name, SpanKind.SERVER)];
    assert.equal(client.spanContext().traceId, traceId);
    assert.equal(parentIdOf(handler), client.spanContext().spanId);
    const status = name === "pay" ? ["remote", "17"] : [undefined, undefined];
    for (const { attributes } of [client, handler]) {
      assert.deepEqual([attributes["error.type"], attributes["rpc.response.status_code"]], status);
    }
  }
});

Deno.test("a call of a program by its standard input says that a pipe carries it", async () => {
  await using otel = new Otel();
  const wire = chain(stdio({ command: { program: Deno.execPath() }, framing: newline() }), jsonRpc());
  await using call: Client<MethodRequest, unknown> = chain(wire, reconnect(), observed(otel));
  await assert.rejects(call({ method: "x" }, callContext({ signal: AbortSignal.abort() })), { code: "cancelled" });
  const { "error.type": _, ...said } = otel.spans[0].attributes;
  assert.deepEqual(said, {
    "rpc.system.name": "jsonrpc",
    "jsonrpc.protocol.version": "2.0",
    "rpc.method": "x",
    "network.transport": "pipe",
  });
});
