/**
 * Metrics of calls and messages on the page for Prometheus.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { prometheus } from "../../adapters/prometheus.ts";
import {
  bandwidthMetrics,
  batch,
  batchMetrics,
  BatchStats,
  cache,
  cacheMetrics,
  callMeter,
  chain,
  compress,
  compressionMetrics,
  CompressionStats,
  concurrencyLimit,
  limitMetrics,
  loadShed,
  mux,
  pool,
  serve,
  shape,
  ShapeStats,
  tcp,
  text,
} from "../../mod.ts";
import { peer, peerTest, run } from "../support/peer.ts";

peerTest(
  "promtool finds nothing wrong with metrics of calls and messages",
  [peer("promtool", "prometheus")],
  async () => {
    const meter = callMeter({ labels: { upstream: "a" } });
    const [batches, compression, shaped] = [new BatchStats(), new CompressionStats(), new ShapeStats()];
    const wire = (port: number) =>
      chain(
        tcp({ port }),
        shape({ stats: shaped }),
        compress({ stats: compression, thresholdBytes: 64 }),
        batch({ stats: batches }),
        mux(),
        text(),
      );
    await using server = await serve(wire(0), (request: string) => request);
    await using call = chain(wire(server.addr.port!), pool(), meter);
    await call("a".repeat(1000));
    const sources = [
      meter.metrics,
      batchMetrics(batches),
      compressionMetrics(compression),
      bandwidthMetrics(shaped),
      cacheMetrics(cache({ ttlMs: 1000 }), { cache: "names" }),
      limitMetrics(concurrencyLimit(), { limiter: "at-once" }),
      limitMetrics(loadShed(), { limiter: "by-delay" }),
    ];
    for (const accept of ["text/plain", "application/openmetrics-text"]) {
      const stdin = await prometheus(sources)(new Request("http://a.example/metrics", { headers: { accept } })).text();
      assert.match(stdin, /^wireway_calls_total\{outcome="success",upstream="a"\} 1$/m);
      assert.match(stdin, /^wireway_bandwidth_sent_bytes_total\{class="3"\} \d+$/m);
      assert.match(stdin, /^wireway_compression_ratio [\d.]+$/m);
      if (accept !== "text/plain") continue;
      const { code, stdout, stderr } = await run("promtool", ["check", "metrics"], { stdin });
      assert.deepEqual([code, stdout, stderr], [0, "", ""], stdin);
    }
  },
);
