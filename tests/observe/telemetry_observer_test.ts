/**
 * telemetryObserver(): events of connections and policies as measurements.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { metrics } from "@opentelemetry/api";
import {
  cache,
  chain,
  circuitBreaker,
  emptyCallCounters,
  emptyCounters,
  Histogram,
  latencyMetrics,
  type Metric,
  mux,
  pool,
  retry,
  serve,
  serverMetrics,
  tcp,
  telemetryMetrics,
  telemetryObserver,
  text,
  TransportError,
  type TransportEvent,
} from "../../mod.ts";
import { Otel } from "./_otel.ts";

/** A metric's series as attributes and value, in few words. */
async function shown(otel: Otel, name: string): Promise<string[]> {
  return (await otel.series(name)).map(({ attributes, value, unit }) =>
    `${Object.values(attributes).join(" ")}: ${value} ${unit}`
  );
}

const remote = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
const lost = new TransportError("connection-lost", "Connection lost: reset");

Deno.test("connections are counted up and down by side and transport, and those that failed by why", async () => {
  await using otel = new Otel();
  const observer = telemetryObserver({ meterProvider: otel.meterProvider });
  const server = await serve(chain(tcp({ port: 0, observer }), mux(), text()), (x) => x);
  const call = chain(tcp({ port: server.addr.port!, observer }), mux(), text(), pool({ max: 1 }));
  assert.equal(await call("x"), "x");
  assert.deepEqual((await shown(otel, "wireway.open_connections")).sort(), [
    "client tcp: 1 {connection}",
    "server tcp: 1 {connection}",
  ]);
  await call.close();
  await server.shutdown();
  assert.deepEqual((await shown(otel, "wireway.open_connections")).sort(), [
    "client tcp: 0 {connection}",
    "server tcp: 0 {connection}",
  ]);
  assert.deepEqual(await shown(otel, "wireway.connection.failures"), []);
  observer({ type: "connection-closed", side: "client", remote, error: lost });
  assert.deepEqual(await shown(otel, "wireway.connection.failures"), ["client tcp connection-lost: 1 {connection}"]);
});

Deno.test("a breaker's states, a retry's attempts and what a breaker refuses are counted by policy", async () => {
  await using otel = new Otel();
  const observer = telemetryObserver({ meterProvider: otel.meterProvider, attributes: { upstream: "orders" } });
  const failing = (): Promise<string> => Promise.reject(lost);
  const breaker = circuitBreaker({ name: "orders", failures: 3, observer });
  const call = chain(failing, breaker, retry({ idempotent: true, maxAttempts: 4, initialBackoffMs: 0, observer }));
  await assert.rejects(call("x"), { code: "circuit-open" });
  assert.deepEqual(await shown(otel, "wireway.call.retries"), ["retry connection-lost orders: 3 {attempt}"]);
  assert.deepEqual(await shown(otel, "wireway.call.rejections"), ["orders circuit-open orders: 1 {call}"]);
  assert.deepEqual(await shown(otel, "wireway.policy.transitions"), ["orders closed open orders: 1 {transition}"]);
  assert.deepEqual(await shown(otel, "wireway.policy.state"), ["orders closed orders: 0 ", "orders open orders: 1 "]);
  breaker.reset();
  assert.deepEqual(await shown(otel, "wireway.policy.state"), ["orders closed orders: 1 ", "orders open orders: 0 "]);
});

Deno.test("what a cache answers is counted by where it came from", async () => {
  await using otel = new Otel();
  const observer = telemetryObserver({ meterProvider: otel.meterProvider });
  const call = chain((x: string) => x, cache({ name: "names", ttlMs: 1000, observer }));
  for (let i = 0; i < 4; i++) await call("x");
  const answers = await shown(otel, "wireway.call.answers");
  assert.deepEqual(answers, ["names cache: 3 {call}"]);
});

Deno.test("every event is counted", async () => {
  await using otel = new Otel();
  const observer = telemetryObserver({ meterProvider: otel.meterProvider });
  const events: [TransportEvent, string, string][] = [
    [{ type: "connection-refused", remote, error: lost }, "connection.refusals", "connection-lost: 1 {connection}"],
    [{ type: "dial-failed", error: lost, attempt: 1, retryInMs: 5 }, "dial.failures", "connection-lost: 1 {attempt}"],
    [{ type: "session-draining", remote, by: "remote", reason: "" }, "session.drains", "remote: 1 {session}"],
    [{ type: "call-hedged", policy: "h", attempt: 2, delayMs: 1 }, "call.hedges", "h: 1 {attempt}"],
    [
      { type: "call-retried", policy: "r", attempt: 2, delayMs: 1, error: new Response(null, { status: 503 }) },
      "call.retries",
      "r 503: 1 {attempt}",
    ],
    [{ type: "cache-failed", policy: "c", error: new TypeError("x") }, "cache.failures", "c TypeError: 1 {operation}"],
    [{ type: "limit-changed", policy: "l", from: 5, to: 7 }, "policy.limit", "l: 7 {call}"],
    [
      { type: "endpoint-ejected", policy: "b", endpoint: "e", forMs: 1, reason: "" },
      "endpoint.ejections",
      "b: 1 {endpoint}",
    ],
    [{ type: "endpoint-readmitted", policy: "b", endpoint: "e" }, "endpoint.readmissions", "b: 1 {endpoint}"],
  ];
  for (const [event, name, expected] of events) {
    observer(event);
    assert.deepEqual(await shown(otel, `wireway.${name}`), [expected], event.type);
  }
});

Deno.test("an observer counts for whoever is set up, also later", async () => {
  await using otel = new Otel();
  await using later = new Otel();
  const observer = telemetryObserver();
  const hedged: TransportEvent = { type: "call-hedged", policy: "h", attempt: 2, delayMs: 1 };
  observer(hedged);
  try {
    metrics.setGlobalMeterProvider(otel.meterProvider);
    observer(hedged);
    metrics.disable();
    metrics.setGlobalMeterProvider(later.meterProvider);
    observer(hedged);
  } finally {
    metrics.disable();
  }
  observer(hedged);
  for (const one of [otel, later]) assert.deepEqual(await shown(one, "wireway.call.hedges"), ["h: 1 {attempt}"]);
});

Deno.test("metrics that are read can be exported, each time as they are then", async () => {
  await using otel = new Otel();
  const channels = { ...emptyCounters(), bytesIn: 10 };
  const server = { channels, calls: emptyCallCounters() };
  const latency = new Histogram();
  latency.record(500);
  const extra: Metric[] = [];
  const broken = (): never => {
    throw new Error("not now");
  };
  const sources = [broken, serverMetrics(server, { listener: "a" }), latencyMetrics("latency", latency), () => extra];
  {
    using _export = telemetryMetrics(sources, { meterProvider: otel.meterProvider });
    assert.deepEqual(await shown(otel, "wireway.server.received"), ["a: 10 By"]);
    channels.bytesIn = 25;
    channels.connectionsOpen = 2;
    assert.deepEqual(await shown(otel, "wireway.server.received"), ["a: 25 By"]);
    assert.deepEqual(await shown(otel, "wireway.server.open_connections"), ["a: 2 {connection}"]);
    const grows = async (name: string) => (await otel.series(`wireway.server.${name}`))[0].monotonic;
    assert.deepEqual([await grows("received"), await grows("open_connections")], [true, false]);
    assert.deepEqual(await shown(otel, "latency"), ["0.5: 0.5 s", "0.95: 0.5 s", "0.99: 0.5 s"]);
    extra.push({ name: "late", kind: "gauge", unit: "1", description: "", series: [{ labels: {}, value: 3 }] });
    assert.deepEqual(await shown(otel, "late"), []);
    assert.deepEqual(await shown(otel, "late"), [": 3 1"], "what comes later is there with the next reading");
  }
  channels.bytesIn = 99;
  const after = await shown(otel, "wireway.server.received");
  assert.ok(!after.includes("a: 99 By"), `${after}`);
});

Deno.test("metrics are exported to nobody where nobody takes them", () => {
  let read = 0;
  const source = () => (read++, []);
  telemetryMetrics([source])[Symbol.dispose]();
  assert.equal(read, 0);
});
