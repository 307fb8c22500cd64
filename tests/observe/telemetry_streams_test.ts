/**
 * telemetry() around streamed replies: a call lasts until its stream has ended.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import {
  chain,
  type Client,
  type MethodCall,
  type MethodRequest,
  methods,
  mux,
  reconnect,
  serve,
  Streamed,
  tcp,
  telemetry,
  TransportError,
} from "../../mod.ts";
import { settle } from "../support/calls.ts";
import { Otel } from "./_otel.ts";

async function* items(error?: unknown): AsyncGenerator<number> {
  yield 1;
  if (error !== undefined) throw error;
}

Deno.test("the span of a streaming call ends with its stream, and says how that ended", async () => {
  await using otel = new Otel();
  const lost = new TransportError("connection-lost", "Connection reset");
  const served = (request: unknown) => new Streamed("head", items(request === "fail" ? lost : undefined));
  const call = chain(served, telemetry({ method: String, side: "client", ...otel.providers }));
  const [good, bad] = [await call("go"), await call("fail")];
  await settle();
  assert.equal(otel.spans.length, 0);
  for await (const item of good) assert.equal(item, 1);
  await assert.rejects(Array.fromAsync(bad), lost);
  await settle();
  assert.equal(otel.span("go").status.code, SpanStatusCode.UNSET);
  assert.equal(otel.span("fail").status.code, SpanStatusCode.ERROR);
  assert.equal(otel.span("fail").attributes["error.type"], "connection-lost");
});

Deno.test("telemetry() that does not follow streams ends the span with the reply", async () => {
  await using otel = new Otel();
  const call = chain(
    () => new Streamed("head", items()),
    telemetry({ method: String, streams: false, ...otel.providers }),
  );
  const reply = await call("go");
  await settle();
  assert.equal(otel.spans.length, 1);
  await reply.cancel();
});

Deno.test("over a wire both spans last as long as the stream, and both say how it broke", async () => {
  await using otel = new Otel();
  const observed = telemetry({ method: (request) => (request as MethodCall).method, ...otel.providers });
  const broken = new TransportError("overloaded", "Cannot go on: too much to do");
  const answer = (request: MethodRequest): unknown =>
    new Streamed("head", items((request as MethodCall).method === "fail" ? broken : undefined));
  const wire = (port: number) => chain(tcp({ port }), mux({ streams: true }), methods());
  await using server = await serve(wire(0), chain(answer, observed));
  await using call: Client<MethodRequest, unknown> = chain(wire(server.addr.port!), reconnect(), observed);
  for (const method of ["go", "fail"]) {
    const reply = (await call({ method }) as Streamed<string, number>)[Symbol.asyncIterator]();
    assert.deepEqual(await reply.next(), { done: false, value: 1 });
    // That of the handler may have ended: its stream may wait here.
    assert.ok(!otel.spans.some(({ name, kind }) => name === method && kind === SpanKind.CLIENT));
    if (method === "go") assert.deepEqual(await reply.next(), { done: true, value: undefined });
    else await assert.rejects(reply.next(), { code: "overloaded" });
  }
  await settle();
  for (const kind of [SpanKind.CLIENT, SpanKind.SERVER]) {
    assert.equal(otel.span("go", kind).status.code, SpanStatusCode.UNSET);
    const { status, attributes } = otel.span("fail", kind);
    assert.deepEqual([status.code, status.message], [SpanStatusCode.ERROR, broken.message]);
    assert.deepEqual([attributes["error.type"], attributes["rpc.response.status_code"]], ["overloaded", "overloaded"]);
  }
});
