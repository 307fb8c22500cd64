/**
 * One of the servers of `cluster.ts`: `deno run -A examples/cluster_server.ts
 * SERVERS NAME`. It ends, in order, with its standard input.
 *
 * @module
 */

import { chain, concurrencyLimit, serve, text } from "@wireway/wireway";
import { nats } from "@wireway/wireway/nats";

const [servers, name] = Deno.args;
const wire = chain(nats({ servers, subject: "greetings", heartbeatMs: 100 }), text());

async function greet(caller: string): Promise<string> {
  // Takes a moment, as a database does.
  await new Promise((resolve) => setTimeout(resolve, 5));
  return `${name} greets ${caller}`;
}

const server = await serve(wire, chain(greet, concurrencyLimit({ max: 100 })));
console.log("ready");
for await (const _ of Deno.stdin.readable);
await server.shutdown();
