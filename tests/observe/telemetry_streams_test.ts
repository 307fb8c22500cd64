/**
 * telemetry() around streamed replies: a call lasts until its stream has ended.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { SpanStatusCode } from "@opentelemetry/api";
import { chain, Streamed, telemetry, TransportError } from "../../mod.ts";
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
