/**
 * The presets, as the transports take them, and the size of a buffer for a link.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  batch,
  bufferBytesFor,
  chain,
  describe,
  http,
  mux,
  platformWebSocket,
  preset,
  presetNames,
  reconnect,
  serve,
  shape,
  sse,
  stagesOf,
  tcp,
  timeout,
  websocket,
} from "../../mod.ts";
import { run } from "../support/process.ts";

Deno.test("the presets have the figures that they are known for", () => {
  assert.deepEqual(
    presetNames.map((name) => [name, preset(name).bufferBytes / 1024, preset(name).backlog, preset(name).timeoutMs]),
    [["low", 32, 512, 60_000], ["medium", 64, 1024, 30_000], ["high", 128, 2048, 15_000], [
      "extreme",
      256,
      4096,
      10_000,
    ]],
  );
  // deno-lint-ignore no-explicit-any -- what a program without types may give
  assert.throws(() => preset("huge" as any), { code: "invalid-option", message: /"low" or "medium"/ });
});

Deno.test("every option of a preset is one that its factory takes, and holds", () => {
  for (const name of presetNames) {
    const { bufferBytes, backlog, timeoutMs, ...options } = preset(name);
    const made: Record<keyof typeof options, object> = {
      tcp: tcp({ port: 0, ...options.tcp }),
      websocket: websocket({ port: 0, ...options.websocket }),
      platformWebSocket: platformWebSocket(options.platformWebSocket),
      sse: sse({ port: 0, ...options.sse }),
      http: http({ port: 0, ...options.http }),
      batch: batch(options.batch),
      shape: shape(options.shape),
      timeout: timeout(options.timeout),
    };
    for (const [section, values] of Object.entries(options)) {
      const [{ settings }] = stagesOf(made[section as keyof typeof options]);
      for (const [option, value] of Object.entries(values)) {
        // Not all options are shown by describe(); a wrong one would have been refused.
        assert.equal(settings[option] ?? value, value, `${section}.${option} in ${describe(made[section as "tcp"])}`);
        assert.ok([bufferBytes, backlog, timeoutMs].includes(value), `${section}.${option} is a figure of the preset`);
      }
    }
  }
});

Deno.test({
  name: "the backlog of a preset is what the system is asked for",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const most = Number(await Deno.readTextFile("/proc/sys/net/core/somaxconn"));
    for (const wire of [tcp({ port: 0, ...preset("low").tcp }), websocket({ port: 0, ...preset("low").websocket })]) {
      await using server = await serve(chain(wire, mux()), (request) => request);
      const { port } = server.addr as { port: number };
      const { stdout } = await run("ss", ["-ltnH", `sport = :${port}`], { timeoutMs: 10_000 });
      assert.equal(Number(stdout.trim().split(/\s+/)[2]), Math.min(512, most), stdout);
    }
  },
});

Deno.test("a call over a chain of preset options goes through", async () => {
  const { tcp: options, batch: gather, timeout: limit } = preset("extreme");
  const wire = chain(tcp({ port: 0, ...options }), batch(gather), mux());
  await using server = await serve(wire, (request) => request);
  const { port } = server.addr as { port: number };
  await using call = chain(tcp({ port, ...options }), batch(gather), mux(), reconnect(), timeout(limit));
  assert.deepEqual(await call(new Uint8Array([1, 2, 3])), new Uint8Array([1, 2, 3]));
});

Deno.test("a buffer holds what is on its way in one round trip, as a power of two within its bounds", () => {
  const figures: [number, number, number][] = [
    [100e6, 40, 512 * 1024],
    [1e9, 100, 16 * 1024 * 1024],
    [10e6, 20, 32 * 1024],
    [1e6, 1, 16 * 1024],
    [100e9, 200, 16 * 1024 * 1024],
    [8 * 65_536 * 1000, 1, 65_536],
    [1e9, 0, 16 * 1024],
  ];
  for (const [bandwidthBitsPerSecond, roundTripMs, bytes] of figures) {
    assert.equal(bufferBytesFor({ bandwidthBitsPerSecond, roundTripMs }), bytes);
  }
  assert.equal(bufferBytesFor({ bandwidthBitsPerSecond: 1e9, roundTripMs: 100, maxBytes: 1_000_000 }), 1_000_000);
  assert.equal(bufferBytesFor({ bandwidthBitsPerSecond: 1, roundTripMs: 1, minBytes: 100 }), 100);
});

Deno.test("figures that are none are refused by name", () => {
  const wrong = (figures: object, message: RegExp) =>
    assert.throws(() => bufferBytesFor(figures as { bandwidthBitsPerSecond: number; roundTripMs: number }), {
      code: "invalid-option",
      message,
    });
  wrong({ roundTripMs: 1 }, /bandwidthBitsPerSecond/);
  wrong({ bandwidthBitsPerSecond: 0, roundTripMs: 1 }, /bandwidthBitsPerSecond is 0/);
  wrong({ bandwidthBitsPerSecond: 1e6 }, /roundTripMs/);
  wrong({ bandwidthBitsPerSecond: 1e6, roundTripMs: -1 }, /roundTripMs is -1/);
  wrong({ bandwidthBitsPerSecond: 1e6, roundTripMs: 1, minBytes: 10, maxBytes: 5 }, /minBytes is 10/);
});
