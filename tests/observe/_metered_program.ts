/**
 * A client with everything on it that has metrics, all of which Deno exports:
 * those of one observer, and those that are read. Ends with the fourth reading.
 *
 * @module
 */

import {
  bandwidthMetrics,
  batch,
  batchMetrics,
  BatchStats,
  breakerMetrics,
  cache,
  cacheMetrics,
  chain,
  circuitBreaker,
  compress,
  compressionMetrics,
  CompressionStats,
  concurrencyLimit,
  limitMetrics,
  mux,
  pool,
  poolMetrics,
  rateLimit,
  serve,
  shape,
  ShapeStats,
  tcp,
  telemetryMetrics,
  telemetryObserver,
  text,
  TransportError,
} from "../../mod.ts";

const observer = telemetryObserver();
const batches = new BatchStats();
const compression = new CompressionStats();
const shaped = new ShapeStats();
const breaker = circuitBreaker({ name: "stock", failures: 2, observer });
const often = rateLimit({ name: "often", windows: [{ calls: 5, perMs: 600_000 }], observer });
const atOnce = concurrencyLimit({ max: 10 });
const names = cache<string, string>({ name: "names", ttlMs: 600_000, observer });

function answer(request: string): string {
  if (request === "fail") throw new TransportError("connection-lost", "Connection lost: reset");
  return request;
}

const server = await serve(chain(tcp({ port: 0 }), shape(), compress(), batch(), mux(), text()), answer);
const connections = chain(
  tcp({ port: server.addr.port!, observer }),
  shape({ stats: shaped }),
  compress({ stats: compression, thresholdBytes: 100 }),
  batch({ stats: batches }),
  mux(),
  text(),
  pool({ max: 1 }),
);
const call = chain(connections, breaker, atOnce, often, names);
const codeOf = (error: unknown): string => error instanceof TransportError ? error.code : "none";

// Two that are answered, one of them again by the cache; two that fail and open the breaker; and one too many.
await Promise.all([call("a"), call("b".repeat(1000))]);
await call("a");
const codes: string[] = [];
for (const _ of [1, 2, 3, 4]) await call("fail").catch((error) => codes.push(codeOf(error)));

const over = Promise.withResolvers<void>();
let readings = 0;
const exporting = telemetryMetrics([
  poolMetrics(connections, { upstream: "stock" }),
  breakerMetrics(breaker, { upstream: "stock" }),
  batchMetrics(batches, { upstream: "stock" }),
  compressionMetrics(compression, { upstream: "stock" }),
  bandwidthMetrics(shaped, { upstream: "stock" }),
  limitMetrics(atOnce, { limiter: "at-once" }),
  limitMetrics(often, { limiter: "often" }),
  cacheMetrics(names, { cache: "names" }),
  () => {
    if (++readings === 4) over.resolve();
    return [];
  },
]);
await over.promise;
exporting[Symbol.dispose]();
await connections.close();
await server.shutdown();
console.log(JSON.stringify({ codes }));
