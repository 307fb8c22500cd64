/**
 * Telemetry as Deno exports it, received and decoded here: names, units,
 * attributes, and who is below whom.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type CollectedSpan, Collector } from "./_collector.ts";
import { runExporting } from "./_exporting.ts";

for (const [protocol, type] of [["http/json", "application/json"], ["http/protobuf", "application/x-protobuf"]]) {
  Deno.test(`Deno exports one trace from HTTP to TCP and back, and what was measured [${protocol}]`, async () => {
    await using collector = new Collector();
    const { reply, traceId, front, last } = JSON.parse(
      await runExporting("./_traced_program.ts", collector, protocol, 60_000),
    );
    assert.equal(reply, "hello you");
    assert.deepEqual([...collector.types], [type]);
    const spans = collector.spans.filter((span) => span.traceId === traceId);

    // From the root down: the only child of each, and both attempts where there are two.
    const path: string[] = [];
    const walk = (parentId: string, depth: number): void => {
      for (const span of spans.filter(({ parentSpanId }) => parentSpanId === parentId)) {
        path.push(`${"  ".repeat(depth)}${span.scope} ${span.kind} ${span.name}${span.status === 2 ? " failed" : ""}`);
        walk(span.spanId, depth + 1);
      }
    };
    walk("", 0);
    assert.deepEqual(path.map((line) => line.trimEnd()), [
      "program 1 root",
      "  wireway 3 POST",
      "    deno 2 POST",
      "      wireway 1 POST /hello/:who",
      "        wireway 3 Greeter/hello",
      "          wireway 3 Greeter/hello failed",
      "            wireway 2 Greeter/hello failed",
      "          wireway 3 Greeter/hello",
      "            wireway 2 Greeter/hello",
    ]);
    assert.equal(path.length, spans.length, "nothing else is in the trace");

    const rpc = { "rpc.system.name": "wireway", "rpc.method": "Greeter/hello" };
    const place = { "server.address": "127.0.0.1", "server.port": last, "network.transport": "tcp" };
    const attempts = spans.filter((span: CollectedSpan) => "wireway.attempt" in span.attributes);
    assert.deepEqual(attempts.map(({ attributes }) => attributes["wireway.attempt"]), [1, 2]);
    const { "wireway.attempt": _, ...second } = attempts[1].attributes;
    assert.deepEqual(second, { ...rpc, ...place });
    assert.equal(attempts[0].attributes["error.type"], "overloaded");

    const points = collector.points.filter(({ scope }) => scope === "wireway");
    const counted = points.map(({ name, unit, count }) => `${name} ${unit} ${count}`);
    assert.deepEqual(counted.sort(), [
      "http.client.request.duration s 1",
      "rpc.client.call.duration s 1",
      "rpc.server.call.duration s 1",
      "rpc.server.call.duration s 1",
      "wireway.client.attempt.duration s 1",
      "wireway.client.attempt.duration s 1",
    ]);
    for (const { bounds, sum } of points) {
      assert.deepEqual(bounds, [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]);
      assert.ok(sum > 0 && sum < 30, "seconds, and not milliseconds");
    }
    const request = points.find(({ name }) => name === "http.client.request.duration")!;
    assert.deepEqual(request.attributes, {
      "http.request.method": "POST",
      "server.address": "127.0.0.1",
      "server.port": front,
      "http.response.status_code": 200,
    });
    const ofPlatform = collector.points.filter(({ name }) => name === "http.server.request.duration");
    assert.deepEqual(
      ofPlatform.map(({ scope, count }) => `${scope} ${count}`),
      ["deno 1"],
      "the request is counted once",
    );
  });
}

Deno.test("Deno exports the counters of a server, as they are each time", async () => {
  await using collector = new Collector();
  await runExporting("./_counting_program.ts", collector, "http/json", 100);
  const of = (name: string) => collector.values.filter((value) => value.name === `wireway.server.${name}`);
  const [first] = of("calls");
  assert.deepEqual([first.scope, first.unit, first.attributes], ["wireway", "{call}", { listener: "last" }]);
  const values = of("calls").map(({ value }) => value);
  assert.ok(values[0] >= 1 && values.at(-1)! > values[0], `${values}`);
  assert.ok(values.every((value, i) => i === 0 || value >= values[i - 1]), `a counter only grows: ${values}`);
  assert.ok(of("received").every(({ value, unit }) => value > 0 && unit === "By"));
});
