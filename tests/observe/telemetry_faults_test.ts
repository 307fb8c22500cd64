/**
 * telemetry() with parts of a program's own that fail.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, telemetry } from "../../mod.ts";
import { Otel } from "./_otel.ts";

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

Deno.test("a propagator that throws breaks no call and leaves no span open", async () => {
  await using otel = new Otel();
  const broken = (): never => {
    throw new Error("no");
  };
  const propagator = { inject: broken, extract: broken, fields: () => [] };
  const call = chain((name: string) => `hello ${name}`, telemetry({ ...otel.providers, propagator }));
  assert.equal(await call("you", callContext({ metadata: { traceparent } })), "hello you");
  assert.equal(otel.spans.length, 1);
});
