/**
 * The page of metrics: what it says, its two formats, and what promtool says of
 * it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { prometheus } from "../../adapters/prometheus.ts";
import {
  breakerMetrics,
  chain,
  circuitBreaker,
  EventCounts,
  EventLoopDelay,
  Histogram,
  HostMeter,
  hostMetrics,
  http,
  latencyMetrics,
  ManualClock,
  type Metric,
  mux,
  pool,
  poolMetrics,
  retry,
  serve,
  serverMetrics,
  SlidingHistogram,
  tcp,
  text,
  TransportError,
} from "../../mod.ts";
import { peer, peerTest, run } from "../support/peer.ts";

const openMetrics = "application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

function request(accept?: string, method = "GET"): Request {
  return new Request("http://a.example/metrics", { method, headers: accept === undefined ? {} : { accept } });
}

function pageOf(metrics: Metric[], accept?: string): Promise<string> {
  return prometheus([() => metrics])(request(accept)).text();
}

function histogramOf(values: number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

const requests: Metric = {
  name: "shop.requests",
  kind: "counter",
  unit: "{request}",
  description: "Requests.\nBackslash \\",
  series: [{ labels: { "route.name": 'a"b\\c\nd', code: "200" }, value: 7 }, { labels: {}, value: 1e21 }],
};
const sent: Metric = { ...requests, name: "9.sent", unit: "By", series: [{ labels: {}, value: 2 }] };
const temperature: Metric = {
  ...requests,
  name: "t",
  kind: "gauge",
  unit: "1",
  series: [{ labels: {}, value: -Infinity }],
};

Deno.test("the page in the text format", async () => {
  assert.equal(
    await pageOf([requests, sent, temperature]),
    `# HELP shop_requests_total Requests.\\nBackslash \\\\
# TYPE shop_requests_total counter
shop_requests_total{code="200",route_name="a\\"b\\\\c\\nd"} 7
shop_requests_total 1e+21
# HELP _9_sent_bytes_total Requests.\\nBackslash \\\\
# TYPE _9_sent_bytes_total counter
_9_sent_bytes_total 2
# HELP t_ratio Requests.\\nBackslash \\\\
# TYPE t_ratio gauge
t_ratio -Inf
`,
  );
});

Deno.test("the page in OpenMetrics", async () => {
  assert.equal(
    await pageOf([sent], openMetrics),
    `# HELP _9_sent_bytes Requests.\\nBackslash \\\\
# TYPE _9_sent_bytes counter
# UNIT _9_sent_bytes bytes
_9_sent_bytes_total 2
# EOF
`,
  );
});

Deno.test("quotes in a description are escaped in OpenMetrics, which demands it, and nowhere else", async () => {
  const quoted = { ...temperature, description: 'as in "hot"' };
  assert.match(await pageOf([quoted], openMetrics), /^# HELP t_ratio as in \\"hot\\"\n/);
  assert.match(await pageOf([quoted]), /^# HELP t_ratio as in "hot"\n/);
});

Deno.test("labels that would be one when written, or are the format's own, are told of instead of written", async () => {
  const page = (kind: Metric["kind"], value: number | Histogram, labels: Record<string, string>): Promise<string> =>
    pageOf([{ ...temperature, kind, series: [{ labels, value }] }]);
  assert.match(await page("gauge", 1, { "a.b": "1", a_b: "2" }), /Cannot write metric t_ratio: its label a_b is/);
  assert.match(await page("histogram", histogramOf([1]), { le: "1" }), /its label le is given twice/);
  assert.match(await page("summary", histogramOf([1]), { quantile: "1" }), /its label quantile is given twice/);
  assert.match(await page("gauge", 1, { le: "1", quantile: "1" }), /^t_ratio\{le="1",quantile="1"\} 1$/m);
});

Deno.test("a histogram in milliseconds is a family of buckets in seconds, each with all below it", async () => {
  const latency = histogramOf([1, 20, 20, 800, 60_000]);
  const lines =
    (await prometheus([latencyMetrics("call.duration", latency, { route: "/" })], { bounds: [0.01, 0.1, 1] })(
      request(openMetrics),
    ).text()).split("\n");
  assert.deepEqual(lines.slice(2, 9), [
    "# UNIT call_duration_seconds seconds",
    'call_duration_seconds_bucket{route="/",le="0.01"} 1',
    'call_duration_seconds_bucket{route="/",le="0.1"} 3',
    'call_duration_seconds_bucket{route="/",le="1.0"} 4',
    'call_duration_seconds_bucket{route="/",le="+Inf"} 5',
    'call_duration_seconds_sum{route="/"} 60.841',
    'call_duration_seconds_count{route="/"} 5',
  ]);
});

Deno.test("a histogram of a window is shown by its percentiles, which are none where it is empty", async () => {
  const latency = new SlidingHistogram({ clock: new ManualClock() });
  const page = prometheus([latencyMetrics("delay", latency)]);
  assert.match(await page(request()).text(), /^delay_seconds\{quantile="0.99"\} NaN$/m);
  latency.record(500);
  assert.match(await page(request()).text(), /# TYPE delay_seconds summary\ndelay_seconds\{quantile="0.5"\} 0.5\n/);
});

Deno.test("what is asked for decides the format", () => {
  const page = prometheus([]);
  const [plain, open] = [
    "text/plain; version=0.0.4; charset=utf-8",
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
  ];
  const asked: [string | undefined, string][] = [
    [undefined, plain],
    ["*/*", plain],
    [openMetrics, open],
    ["application/openmetrics-text", open],
    ["text/plain, application/openmetrics-text", open],
    ["application/openmetrics-text;q=0.1, text/plain", plain],
    ["application/openmetrics-text;q=0", plain],
    ["text/html", plain],
  ];
  for (const [accept, type] of asked) {
    const { headers } = page(request(accept));
    assert.equal(headers.get("content-type"), type, `${accept}`);
    assert.equal(headers.get("vary"), "accept");
  }
});

Deno.test("only reading is allowed", async () => {
  const page = prometheus([() => [requests]]);
  assert.equal(page(request(undefined, "POST")).status, 405);
  const head = page(request(undefined, "HEAD"));
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

Deno.test("a page that would be wrong is none, and says why", async () => {
  const one: Metric = { ...requests, series: [{ labels: { a: "1" }, value: 1 }] };
  const bad: [Metric[], RegExp][] = [
    [[one, one], /shop_requests: two series are \{a="1"\}/],
    [[one, { ...one, kind: "gauge", series: [] }], /shop_requests: it is a counter and a gauge/],
  ];
  for (const [metrics, why] of bad) {
    const response = prometheus([() => metrics])(request());
    assert.equal(response.status, 500);
    assert.match(await response.text(), why);
  }
  const other: Metric = { ...one, series: [{ labels: { a: "2" }, value: 1 }] };
  assert.equal((await pageOf([one, sent, other])).match(/# TYPE shop_requests_total/g)?.length, 1, "one family");
  assert.throws(() => prometheus([], { bounds: [1, 1] }), { code: "invalid-option" });
});

/** A program with some of everything, and what it has done. */
async function busyProgram(look: (url: string) => Promise<void>): Promise<void> {
  const events = new EventCounts();
  const { observer } = events;
  const latency = histogramOf([3, 30, 300]);
  using delay = new EventLoopDelay();
  const server = await serve(chain(tcp({ port: 0, observer }), mux(), text()), (name) => `hello ${name}`);
  const breaker = circuitBreaker({ name: "orders", failures: 1, observer });
  const connections = chain(tcp({ port: server.addr.port!, observer }), mux(), text(), pool({ max: 2 }));
  const call = chain(connections, breaker);
  const lost = new TransportError("connection-lost", "Connection lost: reset", { processed: "no" });
  const broken = chain(() => Promise.reject(lost), breaker, retry({ maxAttempts: 2, initialBackoffMs: 0, observer }));
  for (let i = 0; i < 5; i++) await call("you");
  await assert.rejects(broken(""));
  const page = await serve(
    http({ port: 0 }),
    prometheus([
      serverMetrics(server, { listener: "a" }),
      poolMetrics(connections, { upstream: "orders" }),
      breakerMetrics(breaker, { upstream: "orders" }),
      latencyMetrics("orders.latency", latency),
      hostMetrics(new HostMeter(), delay),
      events.metrics,
    ]),
  );
  try {
    await look(`http://127.0.0.1:${page.addr.port}/metrics`);
  } finally {
    await page.shutdown();
    await call.close();
    await server.shutdown();
  }
}

Deno.test("the figures of a program are those of what it did", async () => {
  await busyProgram(async (url) => {
    const lines = new Set((await (await fetch(url)).text()).split("\n"));
    for (
      const line of [
        'wireway_server_calls_total{listener="a"} 5',
        'wireway_server_open_connections{listener="a"} 1',
        'wireway_server_messages_received_total{listener="a"} 6',
        'wireway_pool_connections{state="idle",upstream="orders"} 1',
        'wireway_pool_calls_total{upstream="orders"} 5',
        'wireway_breaker_state{state="open",upstream="orders"} 1',
        'wireway_breaker_state{state="closed",upstream="orders"} 0',
        'wireway_policy_state{policy="orders",state="open"} 1',
        'wireway_call_retries_total{error_type="connection-lost",policy="retry"} 1',
        'wireway_call_rejections_total{error_type="circuit-open",policy="orders"} 1',
        'wireway_open_connections{side="client",transport="tcp"} 1',
        'orders_latency_seconds_bucket{le="0.05"} 2',
        "orders_latency_seconds_count 3",
      ]
    ) assert.ok(lines.has(line), `${line}\n${[...lines].join("\n")}`);
  });
});

peerTest("promtool finds nothing wrong with the page", [peer("promtool", "prometheus")], async () => {
  await busyProgram(async (url) => {
    const stdin = await (await fetch(url)).text();
    const { code, stdout, stderr } = await run("promtool", ["check", "metrics"], { stdin });
    assert.deepEqual([code, stdout, stderr], [0, "", ""], stdin);
  });
});

Deno.test("more series than are kept are counted together", () => {
  const { observer, metrics } = new EventCounts({ maxSeries: 2 });
  for (let i = 0; i < 10; i++) observer({ type: "call-hedged", policy: `p${i % 5}`, attempt: 2, delayMs: 1 });
  assert.deepEqual(metrics()[0].series, [
    { labels: { policy: "p0" }, value: 2 },
    { labels: { policy: "p1" }, value: 2 },
    { labels: { overflow: "true" }, value: 6 },
  ]);
});

Deno.test("a state that is come back to is in use again, and counted once", () => {
  const { observer, metrics } = new EventCounts();
  for (const [from, to] of [["closed", "open"], ["open", "closed"], ["closed", "open"]]) {
    observer({ type: "state-changed", policy: "orders", from, to, reason: "" });
  }
  const states = metrics().find(({ name }) => name === "wireway.policy.state")!.series;
  assert.deepEqual(states.map(({ labels, value }) => `${labels.state} ${value}`), ["closed 0", "open 1"]);
});

Deno.test("what the platform can't tell has no metric", () => {
  const nothing = { residentBytes: undefined, heapUsedBytes: undefined, cpuMs: undefined, openDescriptors: undefined };
  const meter = new HostMeter({ process: () => nothing, tcp: () => undefined });
  assert.deepEqual(hostMetrics(meter)(), []);
});

Deno.test("an HTTP server, whose bytes the platform does not tell, has no figure of them", async () => {
  await using server = await serve(http({ port: 0 }), () => new Response("hello"));
  await (await fetch(`http://127.0.0.1:${server.addr.port}`)).text();
  const metrics = serverMetrics(server)();
  assert.deepEqual(metrics.map(({ name, series }) => `${name}: ${series[0].value}`), [
    "wireway.server.active_calls: 0",
    "wireway.server.calls: 1",
    "wireway.server.call_failures: 0",
    "wireway.server.call_refusals: 0",
  ]);
});
