/**
 * A service on TCP and on WebSocket that asks whoever calls it back, in a
 * process whose telemetry Deno exports. Ends with its standard input.
 *
 * @module
 */

import {
  type CallContext,
  chain,
  mux,
  serve,
  type Service,
  tcp,
  telemetry,
  text,
  TransportError,
  websocket,
} from "../../../mod.ts";

const back: Service<string, string> = chain(
  (request: string, context: CallContext) => context.peer!.call(request, context) as Promise<string>,
  telemetry({ side: "client", method: () => "Customer/confirm" }),
);

async function reserve(request: string, context: CallContext): Promise<string> {
  if (request === "unicorn") throw new TransportError("overloaded", "Cannot reserve a unicorn: none is left");
  return `${request} reserved, ${await back(request, context)}`;
}

const handler = chain(reserve, telemetry({ method: () => "Stock/reserve" }));
const onTcp = await serve(chain(tcp({ port: 0 }), mux(), text()), handler);
const onWebSocket = await serve(chain(websocket({ port: 0, origins: ["*"] }), mux(), text()), handler);
console.log(JSON.stringify({ tcp: onTcp.addr.port, webSocket: onWebSocket.addr.port }));
for await (const _ of Deno.stdin.readable);
await Promise.all([onTcp.shutdown(), onWebSocket.shutdown()]);
