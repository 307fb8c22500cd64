/**
 * The child processes of a load test, seen from their parent.
 *
 * @module
 */

import { kill, spawn } from "../harness.ts";
import { linesOf } from "./lines.ts";
import type { ServerRequest } from "./server.ts";
import type { Place, TransportName } from "./transports.ts";
import type { Usage } from "./usage.ts";

/** Time for a process to end when its input is closed, in milliseconds. */
const stopMs = 3000;

/** What any message may say instead. */
interface Failing {
  failed?: { code: string; message: string };
}

/** A child process that speaks in lines of JSON. */
export class Talker<Request extends object, Message> {
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<number>;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  readonly #encoder = new TextEncoder();
  readonly #hearing = new Set<(message: Message & Failing) => void>();
  readonly #waiting = new Set<(error: Error) => void>();

  /** Starts a program of `bench/load/`. Its garbage can be collected on demand. */
  constructor(program: string, args: string[] = []) {
    const path = `${import.meta.dirname}/${program}`;
    const command = [Deno.execPath(), "run", "--allow-all", "--v8-flags=--expose-gc", path, ...args];
    this.#child = spawn(command, "piped");
    this.#input = this.#child.stdin.getWriter();
    this.#reading = this.#read(program);
    this.ended = this.#child.status.then(({ code }) => code);
  }

  /** Sends a request. */
  async send(request: Request): Promise<void> {
    await this.#input.write(this.#encoder.encode(`${JSON.stringify(request)}\n`)).catch(() => {});
  }

  /** Hears all messages until the function that it returns is called. */
  hear(listener: (message: Message) => void): () => void {
    this.#hearing.add(listener);
    return () => void this.#hearing.delete(listener);
  }

  /** Waits for a message of which `pick` gives something; rejects where the process ends, or says `failed`. */
  wait<T>(pick: (message: Message) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const over = (): void => {
        this.#hearing.delete(listener);
        this.#waiting.delete(fail);
      };
      const fail = (error: Error): void => {
        over();
        reject(error);
      };
      const listener = (message: Message & Failing): void => {
        if (message.failed !== undefined) return fail(new Error(`${message.failed.code}: ${message.failed.message}`));
        const picked = pick(message);
        if (picked === undefined) return;
        over();
        resolve(picked);
      };
      this.#hearing.add(listener);
      this.#waiting.add(fail);
    });
  }

  /** Closes its input, and kills it if that does not end it. */
  async stop(): Promise<void> {
    await this.#input.close().catch(() => {});
    const timer = setTimeout(() => kill(this.#child), stopMs);
    await this.ended;
    clearTimeout(timer);
    await this.#reading;
  }

  async #read(program: string): Promise<void> {
    for await (const line of linesOf(this.#child.stdout)) {
      const message = JSON.parse(line);
      for (const listener of [...this.#hearing]) listener(message);
    }
    for (const fail of [...this.#waiting]) fail(new Error(`The process of ${program} ended by itself`));
  }
}

/** What our server says. */
export interface ServerMessage {
  places?: Place[];
  usage?: Usage;
  calls?: number;
}

/** The process of our server. */
export type ServerProcess = Talker<ServerRequest, ServerMessage>;

/** Starts our server, and waits until it listens. */
export async function serverOf(
  name: TransportName,
  detail: string,
): Promise<{ server: ServerProcess; places: Place[] }> {
  const server: ServerProcess = new Talker("server.ts", [name, detail]);
  try {
    return { server, places: await server.wait(({ places }) => places) };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
