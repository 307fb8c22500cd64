/**
 * What the proxies of tests have in common: a free port, a folder for their
 * files, and the moment from which on they accept.
 *
 * @module
 */

import { join } from "node:path";
import { type RunningProcess, start } from "./process.ts";

/** A proxy that runs while the test does. */
export interface Proxy extends AsyncDisposable {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  /** What it has written to its standard error output. */
  readonly stderr: string;
}

/** How a proxy is started. */
export interface ProxyProgram {
  /** The program. */
  readonly command: string;
  /** Its configuration, for a port and a folder that it may write into. */
  config(port: number, folder: string): string;
  /** Its arguments, with its configuration in `file`. */
  args(file: string, folder: string): string[];
}

/** Starts a proxy on a free port and waits until it accepts. */
export async function startProxy(program: ProxyProgram): Promise<Proxy> {
  const folder = await Deno.makeTempDir({ prefix: `wireway-${program.command}-` });
  const port = freePort();
  const file = join(folder, "proxy.conf");
  await Deno.writeTextFile(file, program.config(port, folder));
  const running = start(program.command, program.args(file, folder), { stopSignal: "SIGTERM", cwd: folder });
  try {
    await accepting(running, port);
  } catch (error) {
    await running.stop();
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
  return {
    port,
    get stderr() {
      return running.stderr;
    },
    async [Symbol.asyncDispose]() {
      await running.stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A port that nobody listens on just now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function accepting(running: RunningProcess, port: number): Promise<void> {
  let ended = false;
  running.exited.then(() => ended = true);
  while (!ended) {
    try {
      using _ = await Deno.connect({ hostname: "127.0.0.1", port });
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  throw new Error(`Cannot start the proxy: it ended\n${running.stderr}`);
}
