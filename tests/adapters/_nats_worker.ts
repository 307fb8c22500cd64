/**
 * One server of a queue group, as a process of its own: answers with its number
 * and the request, after a few turns of the event loop.
 *
 * @module
 */

import { chain, serve, text } from "../../mod.ts";
import { nats } from "../../adapters/nats.ts";
import { turn } from "../support/channels.ts";

const [servers, name] = Deno.args;
const server = await serve(
  chain(nats({ servers, subject: "work", heartbeatMs: 100 }), text()),
  async (request) => {
    for (let turns = request.length % 5; turns > 0; turns--) await turn();
    return `${name}: ${request}`;
  },
);
console.log("serving");
for await (const _ of Deno.stdin.readable);
await server.shutdown({ graceMs: 5000 });
console.log(`served ${server.calls.started}`);
