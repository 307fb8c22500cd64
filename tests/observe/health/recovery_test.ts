/**
 * health() with real pools over balance(): what is turned away, refilled and let
 * back in, and the routes on real servers.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Hono } from "hono";
import { balance, chain, health, http, mux, pool, serve, type Service, tcp, text } from "../../../mod.ts";
import { turn, until } from "../../support/channels.ts";

/** Calls again and again until `holds` says so of a reply, which is empty where the call failed. */
async function callUntil(call: Service<string, string>, holds: (reply: string) => boolean): Promise<void> {
  for (let calls = 0; !holds(await call("hello").catch(() => "")); calls++) {
    assert.ok(calls < 5000, "it did not happen");
    await turn();
  }
}

Deno.test("a server that dies is left out, and is back after it was started again; the log says who did what", async () => {
  using watched = health({ holdMs: 50, maxHoldMs: 50, windowMs: 100, usualMs: 1000, failuresInRow: 2 });
  const start = (port: number) => serve(chain(tcp({ port }), mux(), text()), (said) => `${port}: ${said}`);
  const [stays, dies] = [await start(0), await start(0)];
  const ports = [stays, dies].map((server) => server.addr.port!);
  await using call = balance({
    endpoints: ports,
    connect: (port) => {
      const observer = watched.observer(`${port}`);
      const wire = chain(tcp({ port, observer }), mux(), text());
      return chain(wire, pool({ observer, initialBackoffMs: 1, maxBackoffMs: 2 }), watched.watch(`${port}`));
    },
    strategy: "round-robin",
    ejection: false,
    isHealthy: (endpoint) => watched.isHealthy(endpoint),
    observer: watched.observer(),
  });
  const log = (): string[] =>
    watched.snapshot().log.filter(({ endpoint }) => endpoint === `${ports[1]}`).map(({ by, what }) => `${by} ${what}`);
  for (let i = 0; i < 4; i++) await call("hello");
  assert.deepEqual(watched.snapshot().endpoints.map(({ calls, failures }) => [calls, failures]), [[2, 0], [2, 0]]);
  await dies.shutdown();
  await callUntil(call, () => log().includes("balance ejected"));
  assert.equal(watched.snapshot().endpoints[1].ejected, true);
  const again = await serve(
    chain(tcp({ port: ports[1] }), mux(), text()),
    (said) => `${ports[1]}: ${said}`,
  );
  await callUntil(call, (reply) => reply === `${ports[1]}: hello`);
  const deeds = log();
  const order = ["connections dial-failed", "health unhealthy", "balance ejected", "balance readmitted"];
  assert.deepEqual(order.map((deed) => deeds.indexOf(deed) >= 0), [true, true, true, true], deeds.join(", "));
  assert.ok(deeds.includes("connections redialled"), deeds.join(", "));
  assert.ok(deeds.indexOf("health unhealthy") < deeds.indexOf("balance ejected"), deeds.join(", "));
  await call.close();
  await Promise.all([stays.shutdown(), again.shutdown()]);
});

Deno.test("the routes answer 200 and 503 with the checks, on http() and in a Hono app", async () => {
  let well = true;
  using watched = health({
    probes: { database: { check: () => well, intervalMs: 1, failures: 1, successes: 1 } },
    holdMs: 0,
  });
  const app = new Hono();
  app.get("/livez", (c) => watched.livez(c.req.raw));
  app.get("/readyz", (c) => watched.readyz(c.req.raw));
  const mounted = await serve(http({ port: 0 }), app.fetch);
  const plain = await serve(http({ port: 0 }), watched.readyz);
  const origin = `http://127.0.0.1:${mounted.addr.port}`;
  await until(() => watched.snapshot().checks[0].state === "healthy", "a healthy database");
  const ready = await fetch(`${origin}/readyz`);
  assert.equal(ready.status, 200);
  assert.equal(ready.headers.get("content-type"), "application/json");
  assert.equal(ready.headers.get("cache-control"), "no-store");
  const { status, state, checks } = await ready.json();
  assert.deepEqual([status, state, checks.length], ["pass", "healthy", 1]);
  const { forMs, reason, ...check } = checks[0];
  assert.deepEqual(check, { name: "database", kind: "probe", state: "healthy", required: true });
  assert.match(reason, /successes in a row/);
  assert.ok(forMs >= 0);
  well = false;
  await until(() => watched.snapshot().checks[0].state === "unhealthy", "an unhealthy database");
  const bad = await fetch(`${origin}/readyz`);
  assert.equal(bad.status, 503);
  assert.equal((await bad.json()).status, "fail");
  const live = await fetch(`${origin}/livez`);
  assert.equal(live.status, 200);
  assert.deepEqual(await live.json(), { status: "pass", checks: [] });
  const asked = await fetch(`http://127.0.0.1:${plain.addr.port}/`, { method: "HEAD" });
  assert.deepEqual([asked.status, await asked.text()], [503, ""]);
  const posted = await fetch(`http://127.0.0.1:${plain.addr.port}/`, { method: "POST" });
  assert.deepEqual([posted.status, posted.headers.get("allow"), await posted.text()], [405, "GET, HEAD", ""]);
  await Promise.all([mounted.shutdown(), plain.shutdown()]);
});

Deno.test("routes keep the reasons to themselves where they should, and metrics have one series a state", () => {
  using watched = health({ reasons: false, probes: { secret: { check: () => "" } } });
  const metrics = watched.metrics();
  assert.deepEqual(metrics.map(({ name }) => name), [
    "wireway.health.live",
    "wireway.health.ready",
    "wireway.health.state",
  ]);
  assert.deepEqual(metrics[2].series[0], {
    labels: { check: "secret", kind: "probe", endpoint: "", state: "unknown" },
    value: 1,
  });
  return watched.readyz(new Request("http://host/readyz")).json().then(({ checks }) =>
    assert.equal("reason" in checks[0], false)
  );
});
