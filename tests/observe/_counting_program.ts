/**
 * A server whose counters Deno exports. It is called once after each reading,
 * and ends with the fourth.
 *
 * @module
 */

import { chain, mux, reconnect, serve, serverMetrics, tcp, telemetryMetrics, text } from "../../mod.ts";

const server = await serve(chain(tcp({ port: 0 }), mux(), text()), (name) => `hello ${name}`);
const call = chain(tcp({ port: server.addr.port! }), mux(), text(), reconnect());
const counters = serverMetrics(server, { listener: "last" });
const over = Promise.withResolvers<void>();
let readings = 0;
await call("you");
const exporting = telemetryMetrics([() => {
  const metrics = counters();
  // The first one is that of telemetryMetrics() itself, which exports nothing.
  if (readings++ > 0) void call("you");
  if (readings === 5) over.resolve();
  return metrics;
}]);
await over.promise;
exporting[Symbol.dispose]();
await call.close();
await server.shutdown();
