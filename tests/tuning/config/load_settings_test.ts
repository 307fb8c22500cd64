/**
 * Config files: what they give, and what is wrong with them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, mux, reconnect, retry, serve, tcp, timeout, TransportError } from "../../../mod.ts";
import { loadSettings, type Settings, type SettingsOptions } from "../../../src/watch_settings.ts";

const variables: Record<string, string> = { PORT: "9001", KEY: "12345", LATE: "250" };

function load(text: string, options: SettingsOptions = {}): Promise<Settings> {
  const files = { stamp: () => Promise.resolve("1"), read: () => Promise.resolve(text) };
  return loadSettings("app.jsonc", { files, variables: (name) => variables[name], ...options });
}

async function refusal(text: string, options?: SettingsOptions): Promise<string[]> {
  const error = await load(text, options).then(() => undefined, (error) => error);
  assert.ok(error instanceof TransportError, `refused: ${text}`);
  assert.equal(error.code, "invalid-option");
  const problems = error.details?.problems as { path: string; line?: number; message: string }[];
  for (const { message } of problems) assert.ok(error.message.includes(message), error.message);
  return problems.map(({ line, message }) => `${line}: ${message}`);
}

Deno.test("a file may have comments and trailing commas, and stands on its preset", async () => {
  const settings = await load(`{
    // as many as the database takes
    "preset": "high",
    "pool": { "max": 4, "idleTimeoutMs": "Infinity", }, /* that is all */
  }`);
  assert.equal(settings.preset, "high");
  assert.deepEqual(settings.pool, { max: 4, idleTimeoutMs: Infinity });
  assert.deepEqual(settings.timeout, { ms: 15_000 });
  assert.deepEqual([settings.tcp.highWaterBytes, settings.tcp.backlog], [131_072, 2048]);
  assert.equal(settings.rateLimit, undefined);
  assert.equal((await load("{}")).preset, "medium");
});

Deno.test("the figures of a link size the buffers, and what the file says itself stays", async () => {
  const { shape, ...others } = await load(
    `{ "link": { "bandwidthBitsPerSecond": 1e8, "roundTripMs": 40 }, "shape": { "highWaterBytes": 5 } }`,
  );
  assert.equal(shape.highWaterBytes, 5);
  for (const name of ["tcp", "websocket", "platformWebSocket", "sse", "mountedSse", "sseClient", "batch"] as const) {
    assert.equal(others[name].highWaterBytes, 524_288, name);
  }
});

Deno.test("an environment is laid over the file, by option or by variable", async () => {
  const text = `{
    "pool": { "max": 4, "min": 1, "queue": "fifo" }, "rateLimit": { "windows": [{ "calls": 1, "perMs": 10 }] },
    "environments": {
      "development": {},
      "production": { "pool": { "max": 50, "min": null }, "rateLimit": { "windows": [{ "calls": 9, "perMs": 10 }] } },
    },
  }`;
  assert.deepEqual((await load(text)).pool, { max: 4, min: 1, queue: "fifo" });
  const production = await load(text, { environment: "production" });
  assert.deepEqual([production.environment, production.pool], ["production", { max: 50, queue: "fifo" }]);
  assert.deepEqual(production.rateLimit, { windows: [{ calls: 9, perMs: 10 }] });
  const named = await load(text, {
    variables: (name) => name === "STAGE" ? "production" : undefined,
    environmentVariable: "STAGE",
  });
  assert.equal(named.pool.max, 50);
  assert.deepEqual(await refusal(text, { environment: "productoin" }), [
    '3: there is no environment "productoin": is production meant',
  ]);
});

Deno.test("variables stand in texts, as a whole also for numbers, and are not shown when they are wrong", async () => {
  const settings = await load(
    `{ "tcp": { "port": "\${PORT}", "tls": { "key": "\${KEY}", "cert": "a \${KEY} b $\${KEY}" } }, "timeout": { "ms": "\${LATE}" } }`,
  );
  assert.equal(settings.tcp.port, 9001);
  assert.deepEqual(settings.tcp.tls, { key: "12345", cert: "a 12345 b ${KEY}" });
  assert.equal(settings.timeout.ms, 250);
  assert.deepEqual(await refusal(`{ "pool": { "max": "\${NOBODY}" } }`), [
    "1: pool.max needs the variable ${NOBODY}, which is not set",
  ]);
  const shown = await refusal(`{ "pool": { "max": "\${KEY}00" } }`);
  assert.deepEqual(shown, ['1: pool.max is "${KEY}00", allowed is an integer from 1 to 100000']);
});

Deno.test("all that is wrong is told at once, each with its path, its line and what was meant", async () => {
  assert.deepEqual(
    await refusal(`{
      "pol": {},
      "pool": { "maxx": 5,
        "min": -1 },
      "tcp": 5,
      "rateLimit": { "windows": [{ "calls": 0 }] },
      "circuitBreaker": { "windows": [{ "failureRte": 1 }] },
      "link": {},
      "environments": {
        "production": {
          "retry": { "maxAttempts": "x" } } }
    }`).then((told) => told.sort()),
    [
      '11: environments.production.retry.maxAttempts is "x", allowed is an integer from 1 to 1000',
      "2: pol is no setting: is pool meant",
      "3: pool.maxx is no setting: is max meant",
      "4: pool.min is -1, allowed is an integer from 0 to 100000",
      "5: tcp is no object",
      "6: rateLimit.windows[0].calls is 0, allowed is a number from 0.000001 to 1000000000",
      "6: rateLimit.windows[0].perMs is not given",
      "7: circuitBreaker.windows[0].failureRte is no setting: is failureRate meant",
      "8: link.bandwidthBitsPerSecond is not given",
      "8: link.roundTripMs is not given",
    ],
  );
});

Deno.test("a file that is no JSON is told where, and a key that stands twice is refused", async () => {
  assert.deepEqual(await refusal(`{\n  "pool": {,}\n}`), ["2: it is no JSON at column 12: value expected"]);
  assert.match((await refusal(""))[0], /^1: /);
  assert.deepEqual(await refusal("[]"), ["1: its content is no object"]);
  assert.deepEqual(await refusal(`{ "pool": { "max": 1,\n "max": 2 } }`), ["2: pool.max is given twice"]);
  assert.deepEqual(await refusal(`{ "environments": { "production": 5 } }`), [
    "1: environments.production is no object",
  ]);
  assert.match((await refusal(" ".repeat(1024 * 1024 + 1)))[0], /1048577 characters/);
  assert.equal((await load(`\uFEFF{ "pool": { "max": 3 } }`)).pool.max, 3);
});

Deno.test("settings that don't go together are refused, the other one's default included", async () => {
  assert.deepEqual(await refusal(`{ "pool": { "min": 11 } }`), ["1: pool.min is 11, above max, which is 10"]);
  for (const section of ["sse", "mountedSse", "sseClient"]) {
    assert.deepEqual(await refusal(`{ "${section}": { "maxPostBytes": 100 } }`), [
      `1: ${section}.maxMessageBytes is 16777216, above maxPostBytes, which is 100`,
    ]);
    const fits = await load(`{ "${section}": { "maxMessageBytes": 10000000, "highWaterBytes": 5 } }`);
    assert.equal(fits.sse.maxPostBytes, undefined);
  }
  assert.deepEqual(await refusal(`{ "circuitBreaker": { "openMs": 20,\n "maxOpenMs": 10 } }`), [
    "2: circuitBreaker.openMs is 20, above maxOpenMs, which is 10",
  ]);
});

Deno.test("a name from a prototype is no setting", async () => {
  assert.match((await refusal(`{ "__proto__": { "max": 5 } }`))[0], /__proto__ is no setting/);
  assert.match((await refusal(`{ "pool": { "constructor": 5 } }`))[0], /pool\.constructor is no setting/);
});

Deno.test("what is no config file at all is refused like any other, and in no time", async () => {
  for (const deep of ["[".repeat(300_000), `{ "pool": { "max": ${"[".repeat(40)}${"]".repeat(40)} } }`]) {
    assert.deepEqual(await refusal(deep), ["1: it is nested deeper than 32"]);
  }
  const [long] = await refusal(`{ "${"p".repeat(900_000)}": 1 }`);
  assert.match(long, /^1: p{60}… is no setting: known are /);
  const many = Array.from({ length: 40_000 }, (_, index) => `"k${index}": "\${NOBODY}"`).join(",\n");
  const { message, details } = await load(`{ ${many} }`).then(() => assert.fail(), (error) => error);
  assert.match(message, /\n {2}and many more$/);
  assert.equal(details.problems.length, 20);
});

Deno.test("a file on disk sets both ends up", async () => {
  const path = await Deno.makeTempFile({ suffix: ".jsonc" });
  try {
    await Deno.writeTextFile(
      path,
      `{ "tcp": { "port": 0 }, "pool": { "max": 2 }, "mux": { "maxInFlight": 5 } } // both`,
    );
    const settings = await loadSettings(path);
    await using server = await serve(chain(tcp(settings.tcp), mux(settings.mux)), (request) => request);
    const { port } = server.addr as { port: number };
    const wire = chain(tcp({ ...settings.tcp, port }), mux(settings.mux), reconnect());
    await using call = chain(wire, retry(settings.retry), timeout(settings.timeout));
    assert.deepEqual(await call(new Uint8Array([7])), new Uint8Array([7]));
  } finally {
    await Deno.remove(path);
  }
  const { details, message } = await loadSettings(path).then(() => assert.fail(), (error) => error);
  assert.equal(details.file, path);
  assert.match(message, /Cannot use .*NotFound|No such file/);
});

Deno.test("what is wrong within an object that may be a flag, too, is told by its own path", async () => {
  const wrong = `{
    "tcp": { "tls": { "cert": 5, "caCerts": ["a", 7] } },
    "websocket": { "tls": { "crt": "x" } },
    "sse": { "tls": "yes" },
    "environments": { "production": { "tcp": { "tls": { "key": "" } } } }
  }`;
  assert.deepEqual((await refusal(wrong)).sort(), [
    "2: tcp.tls.caCerts[1] is 7, allowed is a text that is not empty",
    "2: tcp.tls.cert is 5, allowed is a text that is not empty",
    "3: websocket.tls.crt is no setting: is cert meant",
    "4: sse.tls is wrong, allowed is true, false or an object of texts",
    '5: environments.production.tcp.tls.key is "", allowed is a text that is not empty',
  ]);
  const { tcp } = await load(`{ "tcp": { "tls": { "serverName": "a" } }, "websocket": { "tls": true } }`);
  assert.deepEqual(tcp.tls, { serverName: "a" });
});
