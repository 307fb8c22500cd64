/**
 * Child processes that leave nothing behind: each runs in a process group of
 * its own, has a time limit, and is killed with its whole group when it
 * outlives that limit.
 *
 * @module
 */

import { collect, lineReader } from "./_text.ts";

/** Options shared by {@linkcode run} and {@linkcode start}. */
export interface ProcessOptions {
  /** Kills the program after this many milliseconds. */
  timeoutMs?: number;
  /** Variables added to the environment. */
  env?: Record<string, string>;
  /** The folder the program runs in. */
  cwd?: string;
}

/** Options for {@linkcode run}. */
export interface RunOptions extends ProcessOptions {
  /** Text for the program's standard input, which is empty without it. */
  stdin?: string;
}

/** How a program ended, and what it wrote. */
export interface RunResult {
  /** The exit code. */
  code: number;
  /** What it wrote to its standard output. */
  stdout: string;
  /** What it wrote to its standard error output. */
  stderr: string;
}

/** Options for {@linkcode start}. */
export interface StartOptions extends ProcessOptions {
  /**
   * What asks the program to end: a signal, or without one the end of its
   * standard input.
   */
  stopSignal?: Deno.Signal;
}

/** A program that runs while the test does. */
export interface RunningProcess extends AsyncDisposable {
  /** The process id. */
  readonly pid: number;
  /**
   * The lines of the standard output. Leaving a `for await` loop keeps the
   * position: the next loop goes on from there.
   */
  readonly lines: AsyncIterableIterator<string>;
  /** The standard error output so far. */
  readonly stderr: string;
  /** The exit code, once the program has ended. */
  readonly exited: Promise<number>;
  /** Reads lines until one matches; fails if the output ends first. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** Writes to the standard input. */
  write(text: string): Promise<void>;
  /** Asks the program to end, kills it after two seconds; gives the code. */
  stop(): Promise<number>;
}

const STOP_GRACE_MS = 2000;

/**
 * Runs a program to its end.
 *
 * @throws {Error} If the program is still running after `timeoutMs`
 * (10 seconds without it), in which case it is killed.
 */
export async function run(
  command: string,
  args: string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { stdin = "", timeoutMs = 10_000 } = options;
  const child = spawn(command, args, options);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    kill(child);
    stdout.cancel();
    stderr.cancel();
  }, timeoutMs);
  const input = child.stdin.getWriter();
  // A program may end without reading its input: that is its own affair.
  const fed = input.write(new TextEncoder().encode(stdin))
    .then(() => input.close()).catch(() => {});
  const { code } = await child.status;
  await Promise.all([stdout.done, stderr.done, fed]);
  clearTimeout(timer);
  if (timedOut) {
    throw new Error(
      `Cannot finish ${command}: killed after ${timeoutMs} ms\n${stdout.text}${stderr.text}`,
    );
  }
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/**
 * Starts a program, which is killed after `timeoutMs` (60 seconds without it)
 * if it is not stopped before.
 *
 * @example Usage
 * ```ts
 * import { start } from "./process.ts";
 *
 * await using server = start("escript", ["tests/peers/erlang_server.escript"]);
 * const [, port] = await server.until(/^port (\d+)$/);
 * ```
 */
export function start(
  command: string,
  args: string[],
  options: StartOptions = {},
): RunningProcess {
  const { timeoutMs = 60_000, stopSignal } = options;
  const child = spawn(command, args, options);
  const input = child.stdin.getWriter();
  const errors = collect(child.stderr);
  const output = lineReader(child.stdout);
  const life = setTimeout(() => kill(child), timeoutMs);
  const exited = child.status.then(({ code }) => {
    clearTimeout(life);
    return code;
  });

  async function end(): Promise<number> {
    const grace = setTimeout(() => kill(child), STOP_GRACE_MS);
    if (stopSignal) signal(child, stopSignal);
    await input.close().catch(() => {});
    const code = await exited;
    clearTimeout(grace);
    await Promise.all([output.cancel(), errors.cancel()]);
    return code;
  }

  let ended: Promise<number> | undefined;
  const stop = () => ended ??= end();
  return {
    pid: child.pid,
    lines: output.lines,
    exited,
    get stderr() {
      return errors.text;
    },
    async until(pattern) {
      for await (const line of output.lines) {
        const match = pattern.exec(line);
        if (match) return match;
      }
      throw new Error(
        `Cannot find ${pattern} in the output of ${command}: it ended\n${errors.text}`,
      );
    },
    write: (text) => input.write(new TextEncoder().encode(text)),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

function spawn(command: string, args: string[], options: ProcessOptions) {
  return new Deno.Command(command, {
    args,
    env: options.env,
    cwd: options.cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    // A group of its own, so that kill() reaches the program's children too.
    detached: true,
  }).spawn();
}

function signal(child: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    child.kill(name);
  } catch {
    // It has ended by itself.
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    Deno.kill(-child.pid, "SIGKILL");
  } catch {
    // The whole group has ended by itself.
  }
}
