/**
 * One server of a queue group, as a process of its own: answers with its number
 * and the request, after a while.
 *
 * @module
 */

import { chain, serve, text } from "../../mod.ts";
import { nats } from "../../adapters/nats.ts";

const [servers, name] = Deno.args;
const server = await serve(
  chain(nats({ servers, subject: "work", heartbeatMs: 100 }), text()),
  async (request) => {
    await new Promise((resolve) => setTimeout(resolve, request.length % 5));
    return `${name}: ${request}`;
  },
);
console.log("serving");
for await (const _ of Deno.stdin.readable);
await server.shutdown({ graceMs: 5000 });
console.log(`served ${server.calls.started}`);
