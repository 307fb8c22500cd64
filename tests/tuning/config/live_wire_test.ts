/**
 * A config file that changes the transports and breakers of a running program,
 * while a connection of it is open.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adjustablesOf,
  chain,
  circuitBreaker,
  contentEncoding,
  ManualClock,
  mountedSse,
  mux,
  platformWebSocket,
  pool,
  serve,
  sse,
  sseClient,
  text,
  TransportError,
  websocket,
} from "../../../mod.ts";
import { watchSettings } from "../../../src/watch_settings.ts";

/** A file in memory. */
function file(settings: object) {
  const held = { text: JSON.stringify(settings), stamp: 0 };
  const files = { stamp: () => Promise.resolve(`${held.stamp}`), read: () => Promise.resolve(held.text) };
  return {
    watch: () => watchSettings("app.jsonc", { files, clock: new ManualClock(), variables: () => undefined }),
    write: (next: object) => Object.assign(held, { text: JSON.stringify(next), stamp: held.stamp + 1 }),
  };
}

for (const [name, transport] of [["websocket", websocket], ["sse", sse]] as const) {
  Deno.test(`the limits of ${name}() follow the file, and its connections go on`, async () => {
    const config = file({ [name]: { maxConnections: 50, heartbeatMs: 20_000, maxMessageBytes: 100_000 } });
    await using watch = await config.watch();
    const wire = chain(transport({ port: 0, ...watch.settings[name] }), mux(), text());
    await using server = await serve(watch.follow(wire), (request) => `hello ${request}`);
    const near = transport({ port: server.addr.port!, ...watch.settings[name] });
    await using call = chain(near, mux(), text(), pool({ max: 1 }));
    assert.equal(await call("before"), "hello before");
    config.write({ [name]: { maxConnections: 60, heartbeatMs: 5000, maxMessageBytes: 50_000, port: 1 } });
    const event = await watch.reload();
    assert.ok(event.type === "applied", JSON.stringify(event));
    assert.deepEqual(event.applied.map(({ path }) => path).sort(), [
      `${name}.heartbeatMs`,
      `${name}.maxConnections`,
      `${name}.maxMessageBytes`,
    ]);
    assert.deepEqual(event.restart.map(({ path }) => path), [`${name}.port`]);
    const { heartbeatMs, maxConnections, maxMessageBytes } = adjustablesOf(wire)[0].settings();
    assert.deepEqual([heartbeatMs.value, maxConnections.value, maxMessageBytes.value], [5000, 60, 50_000]);
    assert.equal(await call("after"), "hello after");
    assert.deepEqual([call.stats().total, call.stats().errors, server.channels?.connectionsOpen], [1, 0, 1]);
  });
}

Deno.test("what is mounted, its clients and what encodes follow the file", async () => {
  const limits = { maxMessageBytes: 100_000, highWaterBytes: 10_000 };
  const before = {
    mountedSse: { ...limits, maxChannels: 10 },
    sseClient: { ...limits, url: "http://127.0.0.1/live" },
    platformWebSocket: { ...limits, heartbeatMs: 20_000 },
    contentEncoding: { thresholdBytes: 100 },
  };
  const config = file(before);
  await using watch = await config.watch();
  const { settings } = watch;
  const parts = {
    mountedSse: mountedSse(settings.mountedSse),
    sseClient: sseClient({ url: "", ...settings.sseClient }),
    platformWebSocket: platformWebSocket(settings.platformWebSocket),
    contentEncoding: contentEncoding(settings.contentEncoding),
  };
  for (const part of Object.values(parts)) watch.follow(part);
  const after = {
    mountedSse: { ...limits, maxChannels: 20 },
    sseClient: { maxMessageBytes: 50_000, highWaterBytes: 20_000, url: "http://127.0.0.1/other" },
    platformWebSocket: { ...limits, heartbeatMs: 5000 },
    contentEncoding: { thresholdBytes: 200, encode: false },
  };
  config.write(after);
  const event = await watch.reload();
  assert.ok(event.type === "applied", JSON.stringify(event));
  assert.deepEqual(event.applied.map(({ path }) => path).sort(), [
    "contentEncoding.encode",
    "contentEncoding.thresholdBytes",
    "mountedSse.maxChannels",
    "platformWebSocket.heartbeatMs",
    "sseClient.highWaterBytes",
    "sseClient.maxMessageBytes",
  ]);
  assert.deepEqual(event.restart.map(({ path }) => path), ["sseClient.url"]);
  for (const [name, part] of Object.entries(parts)) {
    const now = adjustablesOf(part)[0].settings();
    for (const [setting, value] of Object.entries(after[name as keyof typeof after])) {
      if (setting !== "url") assert.equal(now[setting].value, value, `${name}.${setting}`);
    }
  }
});

Deno.test("the windows of a circuit breaker follow the file", async () => {
  const config = file({ circuitBreaker: { windows: [{ failureRate: 1, minCalls: 50 }] } });
  await using watch = await config.watch();
  const breaker = circuitBreaker({ ...watch.settings.circuitBreaker, failures: Infinity });
  const call = watch.follow(chain((_: string): string => {
    throw new TransportError("connection-lost", "Connection lost: test");
  }, breaker));
  for (let i = 0; i < 5; i++) await call("x").catch(() => {});
  config.write({ circuitBreaker: { windows: [{ failureRate: 1, minCalls: 6 }] } });
  const event = await watch.reload();
  assert.ok(event.type === "applied", JSON.stringify(event));
  assert.deepEqual(event.applied.map(({ path }) => path), ["circuitBreaker.windows[0].minCalls"]);
  assert.equal(breaker.state, "closed");
  await call("x").catch(() => {});
  assert.equal(breaker.state, "open");
});
