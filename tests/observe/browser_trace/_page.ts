/**
 * A page that orders over HTTP and over a WebSocket, with an SDK of
 * OpenTelemetry set up in it, which sends its spans to the collector that the
 * page's address names.
 *
 * @module
 */

import { trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import {
  type CallContext,
  callContext,
  chain,
  http,
  mux,
  platformWebSocket,
  pool,
  reconnect,
  telemetry,
  text,
  TransportError,
} from "../../../mod.ts";

const { origin, searchParams } = new URL(location.href);
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ "service.name": "page" }),
  spanProcessors: [
    new BatchSpanProcessor(new OTLPTraceExporter({ url: `${searchParams.get("collector")}/v1/traces` })),
  ],
});
trace.setGlobalTracerProvider(provider);

const shop = chain(http({ origin }), pool({ max: 2 }), telemetry({ side: "client" }));
const confirm = chain(
  (order: string) => `${order} confirmed by the page`,
  telemetry({ method: () => "Customer/confirm" }),
);
const stock = chain(
  platformWebSocket({ url: searchParams.get("stock")! }),
  mux(),
  text(),
  reconnect({ handler: confirm }),
  telemetry({ side: "client", method: () => "Stock/reserve" }),
);

async function order(what: string, context: CallContext): Promise<string> {
  const response = await shop(new Request(`${origin}/orders/1`, { method: "POST", body: what }), context);
  return `${response.status} ${await response.text()}`;
}

const root = trace.getTracer("page").startSpan("checkout");
const { traceId, spanId } = root.spanContext();
const context = callContext({ metadata: { traceparent: `00-${traceId}-${spanId}-01` } });
const replies = [
  await order("lamp", context),
  await stock("chair", context),
  (await order("unicorn", context)).slice(0, 3),
];
replies.push(await stock("unicorn", context).catch((error) => error instanceof TransportError ? error.code : "none"));
root.end();
await Promise.all([shop.close(), stock.close()]);
await provider.forceFlush();
Object(globalThis).document.title = JSON.stringify({ traceId, replies });
