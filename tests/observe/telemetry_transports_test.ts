/**
 * telemetry() over each transport: a trace goes there and comes back, and both
 * ends say what carried it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { SpanKind } from "@opentelemetry/api";
import {
  batch,
  type CallContext,
  callContext,
  chain,
  type ChannelTransport,
  compress,
  mountedSse,
  type MountedTransport,
  mux,
  platformWebSocket,
  reconnect,
  serve,
  type Server,
  type SessionTransport,
  shape,
  sse,
  sseClient,
  tcp,
  telemetry,
  text,
  websocket,
} from "../../mod.ts";
import { nats } from "../../adapters/nats.ts";
import { testCert, testKey } from "../support/certs.ts";
import { Otel, parentIdOf } from "./_otel.ts";

/** How to listen, and how to dial what listens on a port. */
interface Ends {
  readonly listens: ChannelTransport;
  readonly dials: (port: number) => ChannelTransport;
  /** The HTTP server that it is mounted in. */
  readonly mountedIn?: Deno.HttpServer<Deno.NetAddr>;
}

function mountedIn({ fetch }: Pick<MountedTransport, "fetch">): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, fetch);
}

const transports: Record<string, () => Ends> = {
  "TCP": () => ({ listens: tcp({ port: 0 }), dials: (port) => tcp({ port }) }),
  "TLS": () => ({
    listens: tcp({ port: 0, tls: { cert: testCert, key: testKey } }),
    dials: (port) => tcp({ hostname: "localhost", port, tls: { caCerts: [testCert] } }),
  }),
  "TCP with everything that acts on messages": () => {
    const around = (wire: ChannelTransport) => chain(wire, shape(), compress({ thresholdBytes: 1 }), batch());
    return { listens: around(tcp({ port: 0 })), dials: (port) => around(tcp({ port })) };
  },
  "WebSocket": () => ({ listens: websocket({ port: 0 }), dials: (port) => websocket({ port }) }),
  "the platform's WebSocket": () => {
    const mounted = platformWebSocket();
    return {
      listens: mounted,
      dials: (port) => platformWebSocket({ url: `ws://127.0.0.1:${port}/` }),
      mountedIn: mountedIn(mounted),
    };
  },
  "server-sent events": () => ({
    listens: sse({ port: 0 }),
    dials: (port) => sseClient({ url: `http://127.0.0.1:${port}/` }),
  }),
  "server-sent events of somebody else's server": () => {
    const mounted = mountedSse();
    return {
      listens: mounted,
      dials: (port) => sseClient({ url: `http://127.0.0.1:${port}/` }),
      mountedIn: mountedIn(mounted),
    };
  },
};

const traceId = "0af7651916cd43dd8448eb211c80319c";
const context = callContext({ metadata: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } });

/** Makes a call that is called back, and looks whether one trace runs through all of it. */
async function assertTraced(
  otel: Otel,
  server: SessionTransport<Uint8Array, Uint8Array>,
  clientOf: (server: Server) => SessionTransport<Uint8Array, Uint8Array>,
): Promise<void> {
  const observed = (method: string) => telemetry({ method: () => method, ...otel.providers });
  const back = chain(
    (request: string, context: CallContext) => context.peer!.call(request, context) as Promise<string>,
    telemetry({ side: "client", method: () => "confirm", ...otel.providers }),
  );
  const handler = chain((request: string, context: CallContext) => back(request, context), observed("order"));
  const serving = await serve(chain(server, text()), handler);
  const confirm = chain((order: string) => `${order} confirmed`, observed("confirm"));
  const call = chain(clientOf(serving), text(), reconnect({ handler: confirm }), observed("order"));
  assert.equal(await call("lamp", context), "lamp confirmed");
  await call.close();
  await serving.shutdown();

  let parentId: string | undefined = "b7ad6b7169203331";
  for (const method of ["order", "confirm"]) {
    for (const kind of [SpanKind.CLIENT, SpanKind.SERVER]) {
      const span = otel.span(method, kind);
      assert.deepEqual([span.spanContext().traceId, parentIdOf(span)], [traceId, parentId], `${method} ${kind}`);
      parentId = span.spanContext().spanId;
    }
  }
}

for (const [name, make] of Object.entries(transports)) {
  Deno.test(`a trace goes over ${name} and comes back`, async () => {
    await using otel = new Otel();
    const { listens, dials, mountedIn } = make();
    let port = mountedIn?.addr.port;
    await assertTraced(otel, chain(listens, mux()), ({ addr }) => chain(dials(port ??= addr.port!), mux()));
    await mountedIn?.shutdown();
    const { attributes } = otel.span("order", SpanKind.CLIENT);
    assert.deepEqual([attributes["server.port"], attributes["network.transport"]], [port, "tcp"]);
    const served = otel.span("order", SpanKind.SERVER).attributes;
    assert.deepEqual([served["client.address"], served["network.transport"]], ["127.0.0.1", "tcp"]);
  });
}

Deno.test("a trace goes over a broker and comes back", async () => {
  await using otel = new Otel();
  const wire = nats({ subject: "orders" });
  await assertTraced(otel, wire, () => wire);
});
