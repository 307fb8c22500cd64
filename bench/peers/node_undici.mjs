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
const micros = inFlight === 1 ? new Float64Array(1 << 20) : undefined;
const started = performance.now();
const deadline = started + number("seconds", 2) * 1000;
let calls = 0;

async function worker() {
  for (let before = started; before < deadline;) {
    const { body } = await pool.request(options);
    if (await body.text() !== "hello") throw new Error("Wrong response");
    const now = performance.now();
    if (micros) micros[calls] = (now - before) * 1000;
    calls++;
    before = now;
  }
}

await Promise.all(Array.from({ length: inFlight }, worker));
const seconds = (performance.now() - started) / 1000;
const sorted = micros?.subarray(0, calls).sort();
const latency = sorted ? { p50: sorted[calls >> 1], p99: sorted[Math.floor(calls * 0.99)] } : {};
console.log(JSON.stringify({ calls, seconds, callsPerSecond: calls / seconds, ...latency }));
process.exit(0);

function number(name, fallback) {
  const at = words.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(words[at + 1]);
}
