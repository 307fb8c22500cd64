/**
 * The to-do list on the command line: `add TEXT`, `done ID`, `list`, `watch`.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { chain, clientOf, methods, mux, pool, retry, tcp, TransportError } from "@wireway/wireway";
import { type Todo, todos } from "./contract.ts";

const { values: flags, positionals: [command = "list", ...words] } = parseArgs({
  allowPositionals: true,
  options: { port: { type: "string", default: "9005" } },
});

await using call = chain(
  tcp({ port: Number(flags.port) }),
  mux({ streams: true }),
  methods(),
  pool({ max: 1 }),
  retry(),
);
const client = clientOf(todos, call);

const show = ({ id, text, done }: Todo): string => `${String(id).padStart(3)} ${done ? "[x]" : "[ ]"} ${text}`;

async function run(): Promise<void> {
  switch (command) {
    case "add":
      return console.log(show(await client.add({ text: words.join(" ") })));
    case "done":
      return console.log(show(await client.done({ id: Number(words[0]) })));
    case "list":
      return console.log((await client.list()).map(show).join("\n"));
    case "watch":
      for await (const list of client.watch()) console.log(`${list.map(show).join("\n")}\n`);
      return;
    default:
      throw new TransportError("invalid-request", `There is no ${command}: add, done, list and watch are known`);
  }
}

try {
  await run();
} catch (error) {
  if (!(error instanceof TransportError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
