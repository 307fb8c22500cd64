/**
 * HTTP/2 hello through nodeHttp2(): alone a server for others' load, and with no
 * role the cost beside `Deno.serve`'s HTTP/2, both under h2load in one run.
 *
 *     deno run --allow-all bench/programs/node_http2.ts
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { chain, http, serve } from "../../mod.ts";
import { nodeHttp2 } from "../../adapters/node_http2.ts";
import { type Flags, runProgram } from "../floor/command.ts";

const rounds = 5;
const load = ["-n", "30000", "-c", "4", "-m", "32"];

async function server(flags: Flags): Promise<number> {
  const wire = flags.number("platform", 0) === 1 ? http({ port: 0 }) : nodeHttp2({ port: 0 });
  const server = await serve(wire, chain(() => new Response("hello")));
  return (server.addr as { port: number }).port;
}

/** The rate of a fresh server, and whether it outlived the load: node:http2 of Deno 2.9.6 may abort at its end. */
async function measured(platform: 0 | 1): Promise<{ rate: number; aborted: boolean }> {
  const args = ["run", "--allow-all", fileURLToPath(import.meta.url), "server", "--platform", `${platform}`];
  const options = { args, stdin: "piped", stdout: "piped", stderr: "null" } as const;
  const child = new Deno.Command(Deno.execPath(), options).spawn();
  const reader = child.stdout.getReader();
  const { port } = JSON.parse(new TextDecoder().decode((await reader.read()).value));
  reader.releaseLock();
  const output = await new Deno.Command("h2load", { args: [...load, `http://127.0.0.1:${port}/`] }).output();
  const text = new TextDecoder().decode(output.stdout);
  const rate = /([\d.]+) req\/s/.exec(text);
  await child.stdin.close().catch(() => {});
  await child.stdout.cancel();
  const { signal } = await child.status;
  if (rate === null) throw new Error(`Load failed: ${text}`);
  return { rate: Number(rate[1]), aborted: signal !== null };
}

async function compare(): Promise<void> {
  const ratios: number[] = [];
  let aborts = 0;
  for (let round = 0; round < rounds; round++) {
    const [node, platform] = [await measured(0), await measured(1)];
    ratios.push(platform.rate / node.rate);
    if (node.aborted) aborts++;
    console.log(`nodeHttp2() ${Math.round(node.rate)}/s, http() ${Math.round(platform.rate)}/s`);
  }
  console.log(`median: ${ratios.sort((a, b) => a - b)[rounds >> 1].toFixed(1)} times as many through Deno.serve`);
  console.log(`the process of node:http2 aborted in ${aborts} of ${rounds} runs`);
}

if (Deno.args.length > 0) await runProgram({ server });
else await compare();
