/**
 * The sections of a config file against the factories whose options they are:
 * neither may have what the other has not.
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
  contentEncoding,
  describe,
  http,
  loadShed,
  memory,
  mountedSse,
  mux,
  platformWebSocket,
  pool,
  rateLimit,
  retry,
  serve,
  shape,
  sse,
  sseClient,
  Streamed,
  tcp,
  timeout,
  websocket,
} from "../../../mod.ts";
import { loadSettings, type Settings } from "../../../src/watch_settings.ts";
import { keysAt, type sections } from "../../../src/tuning/config/sections.ts";

function load(text: string): Promise<Settings> {
  const files = { stamp: () => Promise.resolve("1"), read: () => Promise.resolve(text) };
  return loadSettings("app.jsonc", { files });
}

const factories: Record<keyof typeof sections, (options: never) => unknown> = {
  tcp: (options: object) => tcp({ port: 0, ...options }),
  websocket: (options: object) => websocket({ port: 0, ...options }),
  platformWebSocket,
  mountedSse,
  sseClient: (options: object) => sseClient({ url: "http://host/live", ...options }),
  contentEncoding,
  sse: (options: object) => sse({ port: 0, ...options }),
  http: (options: object) => http({ port: 0, ...options }),
  mux,
  compress,
  batch,
  shape,
  pool,
  circuitBreaker,
  retry,
  timeout,
  concurrencyLimit,
  bulkhead: (options: object) => bulkhead({ key: () => "", ...options }),
  rateLimit: (options: object) => rateLimit({ windows: [{ calls: 1, perMs: 1 }], ...options }),
  loadShed,
  cache: (options: object) => cache({ ttlMs: 1, ...options }),
};

/** What no file can say: functions, parts of the program, and what they are called there. */
const unsaid: Record<string, readonly string[]> = {
  all: ["clock", "random", "observer", "name", "stats", "store"],
  tcp: ["framing"],
  websocket: ["authenticate"],
  platformWebSocket: ["authenticate", "createWebSocket"],
  sse: ["authenticate"],
  mountedSse: ["authenticate"],
  sseClient: ["authenticate", "fetchOptions"],
  contentEncoding: ["isCompressible"],
  shape: ["classOf"],
  pool: ["budget", "handler", "limit"],
  circuitBreaker: ["countsAs"],
  retry: ["idempotent", "retryOn", "budget"],
  bulkhead: ["key"],
  rateLimit: ["key", "cost"],
  loadShed: ["delay"],
  cache: ["wallClock", "key", "staleIf", "negative", "tags", "sizeOf", "codec"],
};

/** The options that a factory knows: it says so to whoever gives another. */
function optionsOf(factory: (options: never) => unknown, options: object = { "?": 1 }): string[] {
  try {
    factory(options as never);
  } catch (error) {
    const said = /(?:it has no option "\?", only|\? is .*, allowed is) (.*)$/;
    const [, names] = said.exec((error as Error).message) ?? [];
    if (names !== undefined) return names.split(", ");
  }
  throw new Error("the factory does not say which options it has");
}

/** Options that are objects themselves, or lists of them. */
const within:
  readonly (readonly [section: keyof typeof sections, path: readonly (string | number)[], wrong: object])[] = [
    ["tcp", ["tls"], { tls: { "?": 1 } }],
    ["websocket", ["tls"], { tls: { "?": 1 } }],
    ["sse", ["tls"], { tls: { "?": 1 } }],
    ["http", ["tls"], { tls: { "?": 1 } }],
    ["pool", ["weights"], { weights: { "?": 1 } }],
    ["circuitBreaker", ["windows", 0], { windows: [{ "?": 1 }] }],
    ["rateLimit", ["windows", 0], { windows: [{ "?": 1 }] }],
  ];

Deno.test("what stands within an option is the same in a file", () => {
  for (const [section, path, wrong] of within) {
    assert.deepEqual(
      keysAt([section, ...path]).sort(),
      optionsOf(factories[section], wrong).sort(),
      `${section}.${path.join(".")}`,
    );
  }
});

Deno.test("streams of mux() are turned on and sized by a file", async () => {
  const { mux: settings } = await load(
    `{ "mux": { "streams": true, "streamWindowBytes": 4096, "windowBytes": 8192 } }`,
  );
  assert.deepEqual(settings, { streams: true, streamWindowBytes: 4096, windowBytes: 8192 });
  const wire = chain(memory(), mux(settings));
  async function* items(): AsyncGenerator<Uint8Array> {
    for (let n = 1; n <= 3; n++) yield new Uint8Array(n);
  }
  await using _server = await serve(wire, () => new Streamed(new Uint8Array(), items()));
  await using call = chain(wire, pool({ max: 1 }));
  const reply = await call(new Uint8Array(1));
  assert.ok(reply instanceof Streamed);
  const lengths: number[] = [];
  for await (const { length } of reply) lengths.push(length);
  assert.deepEqual(lengths, [1, 2, 3]);
  assert.match(describe(wire), /streamWindowBytes: 4096/);
});

Deno.test("fields of a WebSocket's request and weights of a pool come from a file as they stand there", async () => {
  const { websocket: socket, pool: connections } = await load(
    `{ "websocket": { "headers": { "authorization": "Bearer 7" } }, "pool": { "weights": { "latency": 2, "age": 0 } } }`,
  );
  assert.deepEqual(socket.headers, { authorization: "Bearer 7" });
  assert.deepEqual(connections.weights, { latency: 2, age: 0 });
  for (const wrong of [`{ "headers": { "a": 1 } }`, `{ "headers": ["a"] }`]) {
    await assert.rejects(load(`{ "websocket": ${wrong} }`), { code: "invalid-option" }, wrong);
  }
});

Deno.test("a file can say every option that is plain data, and no other", () => {
  for (const [section, factory] of Object.entries(factories)) {
    const unsayable = [...unsaid.all, ...unsaid[section] ?? []];
    const wanted = optionsOf(factory).filter((name) => !unsayable.includes(name));
    assert.deepEqual(keysAt([section]).sort(), wanted.sort(), section);
  }
});

Deno.test("every option of every section is one that its factory takes", async () => {
  const samples: unknown[] = [
    2 ** 28,
    2000,
    0.5,
    true,
    "text",
    "fifo",
    ["text"],
    [{ failureRate: 1 }],
    [{ calls: 1, perMs: 1 }],
    [1, 1, 1, 1, 1, 1, 1],
    {},
    "h1",
    "fetch",
    "gzip",
    ["gzip"],
    "client",
    "omit",
    "newline",
    "round-robin",
    "fixed",
    "wss://host/path",
    "http://host",
    "/path",
    5,
  ];
  const besides: Record<string, object> = {
    "circuitBreaker.openMs": { maxOpenMs: 5000 },
    "circuitBreaker.maxOpenMs": { openMs: 5 },
  };
  let options = 0;
  for (const [section, factory] of Object.entries(factories)) {
    for (const name of keysAt([section])) {
      const given: unknown[] = [];
      for (const value of samples) {
        const beside = besides[`${section}.${name}`] ??
          (section === "rateLimit" ? { windows: [{ calls: 1, perMs: 1 }] } : {});
        const read = await load(JSON.stringify({ [section]: { ...beside, [name]: value } })).catch(() => undefined);
        if (read !== undefined) given.push((read as unknown as Record<string, Record<string, unknown>>)[section][name]);
      }
      assert.ok(given.length > 0, `${section}.${name} has a sample`);
      const refused = given.map((value) => {
        try {
          factory({ [name]: value } as never);
          return undefined;
        } catch (error) {
          return (error as Error).message;
        }
      });
      // What a file may not say alone, as a path beside a port, is refused by the factory; the name and one value are taken.
      assert.ok(!refused.some((why) => why?.includes("it has no option")), `${section}.${name}: ${refused}`);
      const lone = [
        "tcp.path",
        "websocket.url",
        "pool.min",
        "tcp.tls",
        "circuitBreaker.maxOpenMs",
        "tcp.highWaterBytes",
      ].includes(
        `${section}.${name}`,
      );
      assert.ok(lone || refused.includes(undefined), `${section}.${name}: ${refused}`);
      options++;
    }
  }
  assert.ok(options > 120, `${options} options`);
});
