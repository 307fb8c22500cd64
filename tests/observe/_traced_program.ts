/**
 * A call through HTTP and TCP and back, in one program whose telemetry Deno
 * exports. Prints the id of the trace.
 *
 * @module
 */

import { context, SpanKind, trace } from "@opentelemetry/api";
import {
  chain,
  type Client,
  http,
  mux,
  pool,
  reconnect,
  retry,
  serve,
  tcp,
  telemetry,
  text,
  TransportError,
} from "../../mod.ts";

const named = { method: () => "Greeter/hello" };
let attempts = 0;
const greet = (name: string): string => {
  if (++attempts === 1) throw new TransportError("overloaded", "Cannot greet: too much to do");
  return `hello ${name}`;
};
const last = await serve(chain(tcp({ port: 0 }), mux(), text()), chain(greet, telemetry(named)));
const next: Client<string, string> = chain(
  chain(tcp({ port: last.addr.port! }), mux(), text()),
  pool({ max: 1 }),
  telemetry(named), // each attempt
  retry({ initialBackoffMs: 0 }),
  telemetry(named), // the call
);
// A handler that does not pass its context on: Deno knows what it works for.
const handler = async (request: Request): Promise<Response> => new Response(await next(await request.text()));
const front = await serve(http({ port: 0 }), chain(handler, telemetry({ route: () => "/hello/:who" })));
const origin = `http://127.0.0.1:${front.addr.port}`;
const call = chain(http({ origin }), reconnect(), telemetry());

const root = trace.getTracer("program").startSpan("root", { kind: SpanKind.INTERNAL });
const reply = await context.with(
  trace.setSpan(context.active(), root),
  async (): Promise<string> => (await call(new Request(`${origin}/hello/you`, { method: "POST", body: "you" }))).text(),
);
root.end();
await Promise.all([call.close(), next.close()]);
await Promise.all([front.shutdown(), last.shutdown()]);
console.log(
  JSON.stringify({ reply, traceId: root.spanContext().traceId, front: front.addr.port, last: last.addr.port }),
);
