/**
 * The peer in Node: undici's Pool under the load of the HTTP clients.
 *
 * `node node_undici.mjs FOLDER client --port N …`, where FOLDER is the package.
 *
 * @module
 */

import { createRequire } from "node:module";

const [folder, , ...words] = process.argv.slice(2);
const { Pool } = createRequire(import.meta.url)(folder);

const inFlight = number("in-flight", 1);
const pool = new Pool(`http://127.0.0.1:${number("port", 0)}`, { connections: inFlight, pipelining: 1 });
const options = words.includes("--post")
  ? { path: "/hello", method: "POST", body: Buffer.alloc(100, 120) }
  : { path: "/hello", method: "GET" };
const seconds = number("seconds", 2);

// What is compiled at first does not count.
await callFor(seconds / 4);
const micros = inFlight === 1 ? new Float64Array(1 << 20) : undefined;
const usedBefore = process.cpuUsage();
const started = performance.now();
const calls = await callFor(seconds, micros);
const elapsed = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(usedBefore);
const sorted = micros?.subarray(0, calls).sort();
const latency = sorted ? { p50: sorted[calls >> 1], p99: sorted[Math.floor(calls * 0.99)] } : {};
const figures = { calls, seconds: elapsed, callsPerSecond: calls / elapsed, cpuMicros: (user + system) / calls };
console.log(JSON.stringify({ ...figures, ...latency }));
process.exit(0);

/** Resolves with how many calls there were; `micros` is filled with how long each took. */
async function callFor(seconds, micros) {
  const started = performance.now();
  const deadline = started + seconds * 1000;
  let calls = 0;
  const worker = async () => {
    for (let before = started; before < deadline;) {
      const { body } = await pool.request(options);
      if (await body.text() !== "hello") throw new Error("Wrong response");
      const now = performance.now();
      if (micros) micros[calls] = (now - before) * 1000;
      calls++;
      before = now;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return calls;
}

function number(name, fallback) {
  const at = words.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(words[at + 1]);
}
