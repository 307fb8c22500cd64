/**
 * A client that keeps its promises while the network misbehaves, beside one
 * that has no policies: `deno run -A examples/resilience.ts`.
 *
 * One server, and before it two networks that break in the same way at the same
 * time; behind each of them a client in a process of its own, which makes 200
 * calls a second. The table at the end is what was measured in this run.
 *
 * `--seconds N` says how long it takes (12 by default, 3 at the least).
 *
 * @module
 */

import { parseArgs } from "node:util";
import { chain, mux, serve, tcp, text } from "@wireway/wireway";
import { BrokenNetwork, sleep } from "./broken_network.ts";
import type { ClientFigures } from "./resilience_client.ts";

const promiseMs = 1000;

const { values: flags } = parseArgs({ options: { seconds: { type: "string", default: "12" } } });
const seconds = Number(flags.seconds);
if (!(seconds >= 3 && seconds <= 60)) {
  console.error(`Cannot use --seconds ${flags.seconds}: a number from 3 to 60 is allowed`);
  Deno.exit(1);
}

/** What happens, and at which share of the run. */
const script: [from: number, what: string, happen: (networks: BrokenNetwork[]) => void][] = [
  [0, "all is well", () => {}],
  [0.1, "every byte takes 20 ms longer", (networks) => networks.forEach((one) => one.latencyMs = 20)],
  [0.2, "all connections are cut, four times", () => {}],
  ...[0.2, 0.24, 0.28, 0.32].map((from): typeof script[number] => [from, "", (networks) => {
    for (const one of networks) {
      one.latencyMs = 0;
      one.cut();
    }
  }]),
  [0.4, "the network forgets the connections: nobody is told", (networks) => networks.forEach((one) => one.forget())],
  [0.6, "nothing goes through at all", (networks) => networks.forEach((one) => one.blackhole = true)],
  [0.65, "all is well", (networks) => networks.forEach((one) => one.blackhole = false)],
  [0.75, "the server seems to be down", (networks) => {
    for (const one of networks) {
      one.refuses = true;
      one.cut();
    }
  }],
  [0.8, "all is well", (networks) => networks.forEach((one) => one.refuses = false)],
];

const payments = new Map<string, number>();

/** Takes a moment, as a database does, and remembers the payments. */
function answering(client: string): (request: string) => Promise<string> {
  return async (request) => {
    if (request.startsWith("pay")) {
      payments.set(`${client} ${request}`, (payments.get(`${client} ${request}`) ?? 0) + 1);
    }
    await sleep(1);
    return `${request}: done. ${"The balance is 42. ".repeat(10)}`;
  };
}

async function runClient(client: string, port: number): Promise<ClientFigures> {
  const file = new URL("resilience_client.ts", import.meta.url).pathname;
  const args = ["run", "--allow-net=127.0.0.1", "--allow-sys", "--no-check", file, "--client", client];
  const more = ["--port", `${port}`, "--seconds", `${seconds}`, "--promise-ms", `${promiseMs}`];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), { args: [...args, ...more], stderr: "inherit" })
    .output();
  if (!success) throw new Error(`The ${client} client failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

const clients = ["bare", "resilient"];
const wire = chain(tcp({ port: 0 }), mux(), text());
const servers = await Promise.all(clients.map((client) => serve(wire, answering(client), { graceMs: 500 })));
const networks = servers.map((server) => new BrokenNetwork(server.addr.port!));

console.log(`${seconds} s, 200 calls a second; a call is to be answered within ${promiseMs} ms\n`);
const runs = clients.map((client, index) => runClient(client, networks[index].port));
// The clock begins when both have made their first connection.
while (networks.some(({ connections }) => connections === 0)) await sleep(10);
const startedAt = performance.now();
for (const [from, what, happen] of script) {
  const at = from * seconds;
  await sleep(Math.max(0, startedAt + at * 1000 - performance.now()));
  if (what !== "") console.log(`${at.toFixed(1).padStart(5)} s  ${what}`);
  happen(networks);
}
const figures = await Promise.all(runs);
await Promise.all(networks.map((network) => network.close()));
await Promise.all(servers.map((server) => server.shutdown()));

const twice = (client: string): number =>
  [...payments].filter(([what, times]) => what.startsWith(`${client} `) && times > 1).length;
const ms = (value: number): string => `${value.toFixed(1)} ms`;
const rows: [string, (figures: ClientFigures, index: number) => string][] = [
  ["calls", ({ calls }) => `${calls}`],
  ["failed calls", ({ failed }) => `${failed}`],
  [`answered later than ${promiseMs} ms`, ({ late }) => `${late}`],
  ["payments made twice", (_, index) => `${twice(clients[index])}`],
  ["latency, p50", ({ p50Ms }) => ms(p50Ms)],
  ["latency, p99", ({ p99Ms }) => ms(p99Ms)],
  ["latency, longest", ({ longestMs }) => ms(longestMs)],
  ["connections opened", ({ connections }) => `${connections}`],
  ["connection set-up, p50", ({ setUpMs }) => ms(setUpMs)],
  ["bytes on the wire, per call", ({ calls }, index) => `${Math.round(networks[index].bytes / calls)}`],
  ["memory of the process", ({ memoryBytes }) => `${(memoryBytes / 2 ** 20).toFixed(0)} MiB`],
];
const width = Math.max(...rows.map(([name]) => name.length));
const line = (cells: string[]): string => cells.map((cell) => cell.padStart(20)).join("");
console.log(`\n${"".padEnd(width)}${line(["before: pool()", "after: resilient()"])}`);
for (const [name, show] of rows) console.log(`${name.padEnd(width)}${line(figures.map(show))}`);
for (const [index, client] of clients.entries()) {
  const errors = Object.entries(figures[index].errors).map(([code, times]) => `${times} × ${code}`);
  console.log(`\nfailed with ${client === "bare" ? "pool()" : "resilient()"}: ${errors.join(", ") || "none"}`);
}
