/**
 * The live figures of stages: each is traced to calls and messages that were
 * really made.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  batch,
  bulkhead,
  cache,
  chain,
  circuitBreaker,
  compress,
  concurrencyLimit,
  deadline,
  type Figure,
  hedge,
  loadShed,
  ManualClock,
  memory,
  mux,
  pool,
  rateLimit,
  resilient,
  retry,
  serve,
  shape,
  stagesOf,
  tcp,
  text,
  timeout,
  TransportError,
} from "../../mod.ts";

/** The figures of all stages that have some: `pool.active` and so on. */
function figuresOf(part: object): Record<string, Figure["value"]> {
  return Object.fromEntries(
    stagesOf(part).flatMap(({ name, figures }) =>
      (figures?.() ?? []).map((figure) => [`${name}.${figure.name}`, figure.value])
    ),
  );
}

function partOf(all: Record<string, Figure["value"]>, expected: Record<string, Figure["value"]>): void {
  const found = Object.fromEntries(Object.keys(expected).map((name) => [name, all[name]]));
  assert.deepEqual(found, expected);
}

Deno.test("each stage of a chain from the wire to its caller shows what went through it", async () => {
  const wire = (port: number) =>
    chain(tcp({ port }), shape(), compress({ thresholdBytes: 100 }), batch(), mux(), text());
  const far = wire(0);
  const handler = (request: string): string => request;
  await using server = await serve(far, handler);
  const near = wire(server.addr.port!);
  await using call = chain(near, pool({ max: 2 }), cache<string, string>({ ttlMs: 60_000 }));
  await Promise.all(["a", "b", "c".repeat(4000)].map((request) => call(request)));
  await call("a");
  const figures = figuresOf(call);
  partOf(figures, {
    "pool.active": 0,
    "pool.idle": 1,
    "pool.calls": 3,
    "pool.timeouts": 0,
    "cache.hits": 1,
    "cache.misses": 3,
    "cache.entries": 3,
    "mux.sessions": 1,
    "mux.in flight": 0,
    "tcp.open": 1,
    "compress.compressed": 1,
    "batch.messages": 4, // the hello of mux() and three calls
  });
  partOf(figuresOf(far), { "mux.answering": 0, "mux.answered": 3, "mux.failed": 0, "tcp.open": 1 });
  const classes = Object.entries(figures).filter(([name]) => name.startsWith("shape.class"));
  const sent = classes.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  // What the stages above say to each other in their hellos comes on top.
  const after = Number(figures["compress.bytes after"]);
  assert.ok(after > 0 && sent >= after && sent < after + 50, `${sent} and ${after}`);
  assert.ok(Number(figures["compress.ratio"]) > 10, String(figures["compress.ratio"]));
  await call.close();
  partOf(figuresOf(call), { "pool.idle": 0, "mux.sessions": 0, "tcp.open": 0, "shape.connections": 0 });
});

Deno.test("policies around calls show what they did", async () => {
  const clock = new ManualClock();
  let failing = true;
  const limit = concurrencyLimit({ max: 5, clock });
  const call = chain(
    (request: string) => {
      if (failing) throw new TransportError("connection-lost", "Connection lost: gone", { processed: "no" });
      return request;
    },
    circuitBreaker({ failures: 3, clock }),
    limit,
    rateLimit({ windows: [{ calls: 4, perMs: 60_000 }], clock }),
    loadShed({ delay: limit, clock }),
    bulkhead({ key: () => "one", clock }),
    hedge({ clock }),
    retry({ clock, random: () => 0 }),
  );
  const failed = call("a").catch((error) => error.code);
  await clock.advance(1000);
  assert.equal(await failed, "connection-lost");
  partOf(figuresOf(call), {
    "circuitBreaker.state": "open",
    "circuitBreaker.probes": 0,
    "concurrencyLimit.in flight": 0,
    "concurrencyLimit.limit": 5,
    "retry.retries": 2,
    "hedge.hedges": 0,
    "loadShed.state": "open",
    "bulkhead.refused": 0,
    "rateLimit.refused": 0,
  });
  failing = false;
  for (let i = 0; i < 3; i++) await call("b").catch(() => {});
  assert.equal(figuresOf(call)["rateLimit.refused"], 2);
  await clock.advance(60_000);
  assert.equal(figuresOf(call)["circuitBreaker.state"], "half-open");
});

Deno.test("timeouts count the calls that they cut short", async () => {
  const clock = new ManualClock();
  const call = chain(
    () => new Promise<string>(() => {}),
    timeout({ ms: 100, clock }),
    deadline({ defaultMs: 50, clock }),
  );
  const ends = Promise.allSettled([call(undefined as never), call(undefined as never)]);
  await clock.advance(200);
  await ends;
  partOf(figuresOf(call), { "timeout.cut short": 0, "deadline.cut short": 2 });
});

Deno.test("a chain that resilient() has made shows figures at all of its stages", async () => {
  const wire = chain(memory({ name: "resilient figures" }), mux(), text());
  await using _server = await serve(wire, (request: string) => request);
  await using call = resilient(wire);
  await call("a");
  const silent = stagesOf(call).filter(({ figures }) => figures === undefined).map(({ name }) => name);
  assert.deepEqual(silent, []);
});

Deno.test("what nothing is known of has no value", () => {
  const call = chain(memory(), compress(), batch(), mux(), pool());
  partOf(figuresOf(call), {
    "compress.ratio": undefined,
    "batch.messages a batch": undefined,
    "pool.wait p99": undefined,
  });
});
