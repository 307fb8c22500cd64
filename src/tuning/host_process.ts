/**
 * What this process uses of its machine, as far as the platform tells.
 *
 * @module
 */

/**
 * What a process uses. Whatever the platform can't tell, or may not tell for
 * want of a permission, is undefined.
 *
 * @example
 * ```ts
 * import { type ProcessUsage, processUsage } from "@wireway/wireway";
 * const { residentBytes, openDescriptors }: ProcessUsage = processUsage();
 * console.log(residentBytes, openDescriptors ?? "not known");
 * ```
 */
export interface ProcessUsage {
  /** Memory that is in the machine's RAM, in bytes. */
  readonly residentBytes: number | undefined;
  /** Memory that JavaScript objects take, in bytes. */
  readonly heapUsedBytes: number | undefined;
  /** Time that processors have worked for it since its start, in milliseconds; several at once count each. */
  readonly cpuMs: number | undefined;
  /** Files, sockets and pipes that are open. Linux, and there only with `--allow-all`, as Deno demands for `/proc`. */
  readonly openDescriptors: number | undefined;
}

/** What Deno, Node and Bun offer, and the edge does not. */
interface NodeProcess {
  memoryUsage?(): { rss: number; heapUsed: number };
  cpuUsage?(): { user: number; system: number };
}

/**
 * Reads what this process uses now. Costs some 20 µs: for a scrape or a
 * dashboard, not for each call.
 *
 * Errors: none; what can't be read is undefined.
 *
 * @example
 * ```ts
 * import { processUsage } from "@wireway/wireway";
 * console.log(processUsage().residentBytes);
 * ```
 */
export function processUsage(): ProcessUsage {
  const { process } = globalThis as { process?: NodeProcess };
  const memory = tried(() => process?.memoryUsage?.());
  const cpu = tried(() => process?.cpuUsage?.());
  return {
    residentBytes: measured(memory?.rss),
    heapUsedBytes: measured(memory?.heapUsed),
    cpuMs: cpu === undefined ? undefined : (cpu.user + cpu.system) / 1000,
    openDescriptors: tried(openDescriptors),
  };
}

/** What `read` gives; undefined where the platform has no such thing, or does not allow it. */
export function tried<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** A platform that has the function and not the figure says 0, which no running process can have. */
function measured(bytes: number | undefined): number | undefined {
  return bytes === 0 ? undefined : bytes;
}

function openDescriptors(): number | undefined {
  if (typeof Deno === "undefined" || Deno.build.os !== "linux") return undefined;
  let count = 0;
  for (const _ of Deno.readDirSync("/proc/self/fd")) count++;
  // One of them was the folder itself, while it was read.
  return count - 1;
}
