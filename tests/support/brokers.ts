/**
 * Brokers that tests start: a NATS server and a Redis server, each with a
 * folder and a port of its own.
 *
 * @module
 */

import { freePort } from "./_proxy.ts";
import { type Peer, peer, type RunningProcess, start } from "./peer.ts";

/** The programs, for `peerTest()`. */
export const natsServer: Peer = peer("nats-server", "nats-server");
/** See {@linkcode natsServer}. */
export const redisServer: Peer = peer("redis-server", "redis-server");

/** A broker that runs. Its port stays the same when it is started again. */
export interface Broker extends AsyncDisposable {
  /** On 127.0.0.1. */
  readonly port: number;
  /** The port as an option `servers` takes it. */
  readonly servers: string[];
  /** The process that runs now. */
  readonly process: RunningProcess;
  /** Ends it as a crash would: with SIGKILL. What it had written stays. */
  kill(): Promise<void>;
  /** Starts it again, on what it had written. */
  start(): Promise<void>;
}

const attempts = 5;

async function startBroker(
  run: (port: number, folder: string) => { command: string; args: string[]; ready: RegExp },
): Promise<Broker> {
  const folder = await Deno.makeTempDir({ prefix: "wireway_" });
  let port = freePort();
  let process: RunningProcess | undefined;
  const begin = async (): Promise<void> => {
    const { command, args, ready } = run(port, folder);
    process = start(command, args, { stopSignal: "SIGTERM", timeoutMs: 120_000 });
    await process.until(ready);
  };
  for (let attempt = 1;; attempt++) {
    try {
      await begin();
      break;
    } catch (error) {
      await process?.stop();
      // Somebody else may have taken the port in the meantime.
      if (attempt === attempts) throw error;
      port = freePort();
    }
  }
  return {
    port,
    servers: [`127.0.0.1:${port}`],
    get process(): RunningProcess {
      return process!;
    },
    async kill(): Promise<void> {
      Deno.kill(process!.pid, "SIGKILL");
      await process!.exited;
      await process!.stop();
    },
    start: begin,
    async [Symbol.asyncDispose](): Promise<void> {
      await process!.stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Starts a NATS server, with JetStream in a folder of its own. It waits for slow readers longer than by default. */
export function startNats(more = ""): Promise<Broker> {
  return startBroker((port, folder) => {
    const config = `${folder}/nats.conf`;
    Deno.writeTextFileSync(
      config,
      `listen: "127.0.0.1:${port}"
max_pending: 268435456
write_deadline: "60s"
jetstream { store_dir: "${folder}", max_memory_store: 67108864, max_file_store: 268435456 }
${more}
`,
    );
    return { command: "nats-server", args: ["-c", config, "-l", "/dev/stdout"], ready: /Server is ready/ };
  });
}

/** Starts a Redis server that writes each command to disk before it answers. */
export function startRedis(...more: string[]): Promise<Broker> {
  return startBroker((port, folder) => ({
    command: "redis-server",
    args: ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "yes", ...more],
    ready: /Ready to accept connections/,
  }));
}
