/**
 * Two servers behind NATS, one of which is killed while a client goes on:
 * `deno task cluster`.
 *
 * It starts a broker (`nats-server`), two servers as processes of their own, and
 * a client that makes calls without a pause. After a third of the time one of
 * the servers is killed as a crash would; after two thirds another one joins.
 * Nobody is told an address: servers listen on a subject, the client calls it.
 *
 * `--seconds N` says how long it takes, roughly (6 by default, 3 at the least).
 *
 * @module
 */

import { parseArgs } from "node:util";
import { callContext, chain, idempotent, pool, retry, text, timeout, TransportError } from "@wireway/wireway";
import { nats } from "@wireway/wireway/nats";

const { values: flags } = parseArgs({ options: { seconds: { type: "string", default: "6" } } });
const seconds = Number(flags.seconds);
if (!(seconds >= 3 && seconds <= 60)) {
  console.error(`Cannot use --seconds ${flags.seconds}: a number from 3 to 60 is allowed`);
  Deno.exit(1);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A process of ours, from the line on with which it says that it is ready. */
async function start(command: string, args: string[], ready: string): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped", stderr: "inherit" }).spawn();
  const [decoder, reader] = [new TextDecoder(), child.stdout.getReader()];
  let said = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    said += decoder.decode(part.value, { stream: true });
    if (!said.includes(ready)) continue;
    reader.releaseLock();
    return child;
  }
  throw new Error(`${command} ended before it was ready:\n${said}`);
}

/** A broker on a free port. */
async function startBroker(): Promise<{ broker: Deno.ChildProcess; servers: string }> {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  try {
    const args = ["-a", "127.0.0.1", "-p", `${port}`, "-l", "/dev/stdout"];
    return { broker: await start("nats-server", args, "Server is ready"), servers: `127.0.0.1:${port}` };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("This needs nats-server, which is not installed. On Debian and Ubuntu: apt install nats-server");
    console.error("Elsewhere: https://docs.nats.io/running-a-nats-service/introduction/installation");
    Deno.exit(1);
  }
}

const { broker, servers } = await startBroker();
const program = new URL("./cluster_server.ts", import.meta.url).pathname;
const startServer = (name: string): Promise<Deno.ChildProcess> =>
  start(Deno.execPath(), ["run", "--quiet", "--allow-all", program, servers, name], "ready");
const running = new Map(
  await Promise.all(["one", "two"].map(async (name) => [name, await startServer(name)] as const)),
);
console.log("Two servers, one and two, share the calls of a client.");

// What is repeated after a crash must be safe to repeat; 300 ms without a word from a server is a crash.
const wire = chain(nats({ servers, subject: "greetings", heartbeatMs: 100 }), text());
let retried = 0;
const greet = chain(
  wire,
  pool({ max: 2 }),
  retry({ maxAttempts: 5, observer: ({ type }) => void (type === "call-retried" && retried++) }),
  timeout({ ms: 5000 }),
);

const answers = new Map<string, number>();
const failures = new Map<string, number>();
let calls = 0;
let longestMs = 0;
let over = false;

async function work(): Promise<void> {
  while (!over) {
    const begun = performance.now();
    calls++;
    try {
      const reply = await greet(`caller ${calls}`, callContext().set(idempotent, true));
      const name = reply.split(" ")[0];
      answers.set(name, (answers.get(name) ?? 0) + 1);
    } catch (error) {
      const code = error instanceof TransportError ? error.code : String(error);
      failures.set(code, (failures.get(code) ?? 0) + 1);
    }
    longestMs = Math.max(longestMs, performance.now() - begun);
  }
}

const load = Promise.all(Array.from({ length: 8 }, work));
await sleep(seconds * 1000 / 3);
running.get("one")!.kill("SIGKILL");
console.log("Server one was killed, in the middle of its calls.");
await sleep(seconds * 1000 / 3);
running.set("three", await startServer("three"));
console.log("Server three has joined.");
await sleep(seconds * 1000 / 3);
over = true;
await load;

const total = (counts: Map<string, number>): number => [...counts.values()].reduce((sum, count) => sum + count, 0);
const detail = (counts: Map<string, number>): string => [...counts].map(([name, n]) => `${name} ${n}`).join(", ");
console.log(`
calls        ${calls}
answered     ${total(answers)}  (${detail(answers)})
failed       ${total(failures)}  ${detail(failures)}
retried      ${retried}
longest call ${longestMs.toFixed(0)} ms`);

await greet.close();
for (const child of [...running.values(), broker]) {
  // A server ends with its input, after the calls that it works on; the broker is told to.
  await child.stdin.close().catch(() => {});
  if (child === broker) child.kill("SIGTERM");
  await child.stdout.cancel();
  await child.status;
}
