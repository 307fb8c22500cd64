/**
 * The options of stdio(): what they are, their defaults, and what is refused.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import type { Observer } from "../../core/observer.ts";
import { duration, given, integer, invalidOption, label, readOptions } from "../../core/options.ts";
import type { Framing } from "../../framing/framing.ts";
import { newline } from "../../framing/newline.ts";
import type { StreamSettings } from "../stream/byte_stream.ts";

/**
 * A program that {@linkcode stdio} starts.
 *
 * @example
 * ```ts
 * import { stdio, type StdioCommand } from "@wireway/wireway";
 * const command: StdioCommand = { program: "deno", args: ["lsp"], onExit: ({ exitCode }) => console.error(exitCode) };
 * stdio({ command });
 * ```
 */
export interface StdioCommand {
  /** The program: a path, or a name that is looked for in `PATH`. */
  program: string;
  /** Its arguments. Default: none. */
  args?: string[];
  /** Variables added to its environment. */
  env?: Record<string, string>;
  /** The folder that it runs in. Default: that of this process. */
  cwd?: string;
  /** Hears how it ended, each time. */
  onExit?: (exit: StdioExit) => void;
}

/**
 * How a program ended.
 *
 * @example
 * ```ts
 * import type { StdioExit } from "@wireway/wireway";
 * const well = ({ exitCode, signal }: StdioExit): boolean => exitCode === 0 && signal === null;
 * ```
 */
export interface StdioExit {
  /** What it exited with; 128 and more for a signal. */
  readonly exitCode: number;
  /** The signal that ended it, `SIGKILL` say. */
  readonly signal: string | null;
}

/**
 * Options of {@linkcode stdio}.
 *
 * @example
 * ```ts
 * import { contentLength, stdio, type StdioOptions } from "@wireway/wireway";
 * const options: StdioOptions = { command: { program: "deno", args: ["lsp"] }, framing: contentLength() };
 * stdio(options);
 * ```
 */
export interface StdioOptions {
  /** The program at the far side, started by each `dial()`. Default: none; this process is the program. */
  command?: StdioCommand;
  /** How messages are marked off. @default {newline()} lines of 1 MiB at most */
  framing?: Framing;
  /** What becomes of the program's standard error: passed on, dropped, or given to you by lines. @default {"inherit"} */
  stderr?: "inherit" | "ignore" | ((line: string) => void);
  /**
   * Time that the far side has after `close()` to end its side, in milliseconds. A program that is still there then
   * gets SIGTERM, and after the same time SIGKILL. @default {2000}
   */
  graceMs?: number;
  /** Time without a byte from the far side after which the channel ends, in milliseconds. @default {Infinity} */
  idleTimeoutMs?: number;
  /** Time in which a message that was begun must be whole, in milliseconds. @default {30000} */
  frameTimeoutMs?: number;
  /** Buffered bytes past which `send()` returns a promise. @default {262144} 256 KiB */
  highWaterBytes?: number;
  /** Buffered bytes past which `send()` refuses: for senders that do not wait. @default {16777216} 16 MiB */
  maxBufferedBytes?: number;
  /** Measures the times. @default {systemClock} */
  clock?: Clock;
  /** Hears of connections. */
  observer?: Observer;
}

/** A command, checked. */
export type CommandSettings = Readonly<Pick<StdioCommand, "program" | "args" | "env" | "cwd" | "onExit">>;

/** The settings that stdio() works by, checked and complete. */
export interface StdioSettings extends StreamSettings {
  readonly command: CommandSettings | undefined;
  readonly stderr: "inherit" | "ignore" | ((line: string) => void);
  readonly graceMs: number;
}

/** Checks the options and fills in the defaults. */
export function readStdioOptions(options: StdioOptions): StdioSettings {
  const read = readOptions("stdio()", options, {
    command: given<StdioCommand | undefined>(undefined, "an object"),
    framing: given<Framing | undefined>(undefined, "an object"),
    stderr: {
      allowed: '"inherit", "ignore" or a function',
      fallback: "inherit" as StdioSettings["stderr"],
      accepts: (value) => value === "inherit" || value === "ignore" || typeof value === "function",
    },
    graceMs: duration(2000),
    idleTimeoutMs: duration(Infinity, 1),
    frameTimeoutMs: duration(30_000, 1),
    highWaterBytes: integer(256 * 1024, 0, 0x7fff_ffff),
    maxBufferedBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
    clock: given<Clock>(systemClock, "an object"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
  const { maxBufferedBytes, highWaterBytes, graceMs } = read;
  if (maxBufferedBytes < highWaterBytes) {
    throw invalidOption("stdio()", "maxBufferedBytes", maxBufferedBytes, `highWaterBytes (${highWaterBytes}) or more`);
  }
  return {
    ...read,
    command: read.command === undefined ? undefined : readCommand(read.command),
    framing: read.framing ?? newline(),
    lingerMs: graceMs,
    heartbeatMs: Infinity,
    livenessMs: Infinity,
  };
}

function readCommand(command: StdioCommand): CommandSettings {
  const read = readOptions("stdio() command", command, {
    program: label(undefined),
    args: given<string[] | undefined>(undefined, "a list"),
    env: given<Record<string, string> | undefined>(undefined, "an object"),
    cwd: label(undefined),
    onExit: given<StdioCommand["onExit"]>(undefined, "a function"),
  });
  const { program } = read;
  if (program === undefined) throw invalidOption("stdio() command", "program", program, "the name of a program");
  return { ...read, program };
}
