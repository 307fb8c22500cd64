/**
 * The life of a program that was started: its exit, and the way there.
 *
 * @module
 */

import type { Clock, Timer } from "../../core/clock.ts";
import { TransportError } from "../../core/errors.ts";
import { textOf } from "../../core/thrown.ts";
import { passOnLines } from "./stdio_lines.ts";
import type { CommandSettings, StdioExit, StdioSettings } from "./stdio_options.ts";
import { needDeno } from "../need_deno.ts";

/** How long the two signs of an end, the exit and the end of the output, may be apart, in milliseconds. */
export const apartMs = 250;

/** Starts the program. Throws `connect-failed`. */
export function startProcess(settings: StdioSettings, command: CommandSettings): ChildEnd {
  const { program, args, env, cwd } = command;
  const { stderr } = settings;
  needDeno(`Cannot start ${program}`);
  try {
    const child = new Deno.Command(program, {
      args,
      env,
      cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: stderr === "inherit" ? "inherit" : stderr === "ignore" ? "null" : "piped",
    }).spawn();
    return new ChildEnd(child, settings, command);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no such program, or no such folder" : textOf(error);
    throw new TransportError("connect-failed", `Cannot start ${program}: ${why}`, { cause: error });
  }
}

/** See the module. */
export class ChildEnd {
  readonly child: Deno.ChildProcess;
  /** Resolves when the process is gone and its standard error has been passed on. Never rejects. */
  readonly exited: Promise<void>;
  /** How it ended; undefined while it runs. */
  exit: StdioExit | undefined = undefined;
  readonly #program: string;
  readonly #clock: Clock;
  readonly #graceMs: number;
  #graceUntil: number | undefined = undefined;
  #ending = false;
  #timer: Timer | undefined = undefined;

  constructor(
    child: Deno.ChildProcess,
    { clock, graceMs, stderr }: StdioSettings,
    { program, onExit }: CommandSettings,
  ) {
    this.child = child;
    this.#program = program;
    this.#clock = clock;
    this.#graceMs = graceMs;
    const lines = typeof stderr === "function" ? passOnLines(child.stderr, stderr) : undefined;
    this.exited = child.status.then(async ({ code, signal }) => {
      this.#timer?.cancel();
      this.exit = { exitCode: code, signal };
      if (lines !== undefined) await this.#within(lines.finished, () => lines.cancel());
      try {
        onExit?.(this.exit);
      } catch {
        // A listener's own fault is not the connection's.
      }
    });
  }

  /** Why the connection is lost: the program has exited. */
  get error(): TransportError {
    const { exitCode, signal } = this.exit!;
    const how = signal === null ? `it exited with code ${exitCode}` : `it was ended by ${signal}`;
    return new TransportError("connection-lost", `Connection lost: ${this.#program} is gone: ${how}`, {
      details: { exitCode, signal },
    });
  }

  /** Its standard input is closed: from now on it has its grace. */
  told(): void {
    this.#graceUntil ??= this.#clock.now() + this.#graceMs;
  }

  /** Waits a little for the exit that other signs have announced. */
  async soon(): Promise<StdioExit | undefined> {
    await this.#within(this.exited, () => {});
    return this.exit;
  }

  /** Sees to it that the process ends: SIGTERM when its grace is over, SIGKILL when that was not enough. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (this.exit !== undefined) return;
    const wait = this.#graceUntil === undefined ? 0 : Math.max(0, this.#graceUntil - this.#clock.now());
    if (wait === 0) return this.#terminate();
    this.#timer = this.#clock.schedule(() => this.#terminate(), wait);
  }

  #terminate(): void {
    this.#kill("SIGTERM");
    if (this.#graceMs === Infinity) return;
    this.#timer = this.#clock.schedule(() => this.#kill("SIGKILL"), this.#graceMs);
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.child.kill(signal);
    } catch {
      // It has exited in the meantime.
    }
  }

  /** Waits for something to happen, or else to be done with it. */
  #within(done: Promise<void>, late: () => void): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.schedule(() => {
      late();
      resolve();
    }, apartMs);
    void done.then(() => {
      timer.cancel();
      resolve();
    });
    return promise;
  }
}
