/**
 * callMeter(), EventLog and the metrics of messages.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  bandwidthMetrics,
  batchMetrics,
  BatchStats,
  callMeter,
  chain,
  compressionMetrics,
  CompressionStats,
  EventLog,
  type Histogram,
  ManualClock,
  type MetricSource,
  ShapeStats,
  TransportError,
} from "../../mod.ts";

function valuesOf(source: MetricSource): Record<string, number> {
  return Object.fromEntries(
    source().flatMap(({ name, series }) =>
      series.map(({ labels, value }) => [
        [name, ...Object.values(labels)].join(" "),
        typeof value === "number" ? value : value.count,
      ])
    ),
  );
}

Deno.test("a meter counts calls by their outcome and records how long they took", async () => {
  const clock = new ManualClock();
  const meter = callMeter({ clock, labels: { upstream: "orders" } });
  const answer = (request: number) =>
    new Promise<number>((resolve, reject) =>
      clock.schedule(() => {
        if (request < 0) reject(new TransportError("overloaded", "Refused: too much", { processed: "no" }));
        else resolve(request);
      }, Math.abs(request))
    );
  const call = chain(answer, meter);
  const calls = [10, 20, 40].map((ms) => call(ms));
  const refused = call(-5).catch(() => {});
  await clock.advance(30);
  assert.equal(meter.stats().inFlight, 1);
  await clock.advance(30);
  await Promise.all([...calls, refused]);
  const { inFlight, outcomes, p50Ms, p99Ms } = meter.stats();
  assert.equal(inFlight, 0);
  assert.deepEqual(outcomes, { success: 3, failure: 0, overload: 0, rejected: 1, cancelled: 0, superseded: 0 });
  assert.ok(Math.abs(p50Ms! - 10) < 0.1, `${p50Ms}`);
  assert.equal(p99Ms, 40);
  assert.deepEqual(valuesOf(meter.metrics), {
    "wireway.calls orders success": 3,
    "wireway.calls orders rejected": 1,
    "wireway.active_calls orders": 0,
    "wireway.call.duration orders": 4,
  });
  const duration = meter.metrics().find(({ name }) => name === "wireway.call.duration")!.series[0];
  assert.equal((duration.value as Histogram).sum * duration.scale!, 0.075);
  await clock.advance(20_000);
  assert.equal(meter.stats().p50Ms, undefined);
});

Deno.test("a meter hands on the promise of the inner service, and counts what throws", async () => {
  const meter = callMeter();
  const reply = Promise.resolve("b");
  const inner = (request: string): Promise<string> => {
    if (request === "throw") throw new Error("no");
    return reply;
  };
  const call = meter(inner);
  assert.equal(call("a"), reply);
  assert.throws(() => call("throw"), /no/);
  await reply;
  assert.equal(meter.stats().outcomes.failure, 1);
  assert.equal(meter.stats().inFlight, 0);
});

Deno.test("metrics of messages say what was counted, and nothing of what was not", () => {
  const [batches, compression, shaped] = [new BatchStats(), new CompressionStats(), new ShapeStats()];
  assert.deepEqual(valuesOf(bandwidthMetrics(shaped)), {
    "wireway.bandwidth.queued": 0,
    "wireway.bandwidth.flight": 0,
  });
  assert.equal(valuesOf(compressionMetrics(compression))["wireway.compression"], undefined);
  Object.assign(batches, { batches: 4, messages: 10, bytes: 500, largest: 7 });
  Object.assign(compression, { compressed: 3, plain: 3, vain: 1, bytesBefore: 900, bytesAfter: 300 });
  shaped.bytesByClass[3] = 70;
  assert.deepEqual(valuesOf(batchMetrics(batches)), {
    "wireway.batch.batches": 4,
    "wireway.batch.messages": 10,
    "wireway.batch.content": 500,
    "wireway.batch.largest": 7,
  });
  assert.deepEqual(valuesOf(compressionMetrics(compression)), {
    "wireway.compression.input": 900,
    "wireway.compression.output": 300,
    "wireway.compression": 3,
    "wireway.compression.messages compressed": 3,
    "wireway.compression.messages plain": 2,
    "wireway.compression.messages vain": 1,
  });
  assert.equal(valuesOf(bandwidthMetrics(shaped))["wireway.bandwidth.sent 3"], 70);
});

Deno.test("a log keeps the latest events in words, and counts what repeats", () => {
  let now = 0;
  const log = new EventLog({ size: 2, wallClock: () => ++now });
  const change = { type: "state-changed", policy: "orders", from: "closed", to: "open", reason: "5 failures" } as const;
  const local = { transport: "tcp" } as const;
  log.observer({ type: "connection-opened", side: "client", local, remote: local });
  assert.deepEqual(log.entries(), []);
  log.observer({ type: "call-hedged", policy: "hedge", attempt: 2, delayMs: 5 });
  log.observer(change);
  log.observer({ type: "limit-changed", policy: "limit", from: 5, to: 6 });
  log.observer({ type: "limit-changed", policy: "limit", from: 5, to: 6 });
  assert.deepEqual(log.entries(), [
    { id: 2, change: 2, at: 2, type: "state-changed", text: "orders: closed → open, 5 failures", times: 1 },
    { id: 3, change: 4, at: 4, type: "limit-changed", text: "limit: limit 5 → 6", times: 2 },
  ]);
});

Deno.test("a log says of an endpoint that is left out for good no time that never comes", () => {
  const log = new EventLog();
  for (const forMs of [Infinity, 1500.4]) {
    log.observer({ type: "endpoint-ejected", policy: "b", endpoint: "a:1", forMs, reason: "it is slow" });
  }
  assert.deepEqual(log.entries().map(({ text }) => text), [
    "b: a:1 left out, it is slow",
    "b: a:1 left out for 1500 ms, it is slow",
  ]);
});
