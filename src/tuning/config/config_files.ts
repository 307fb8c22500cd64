/**
 * Reading config files and variables of the environment, where the platform has
 * them.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { tried } from "../host_process.ts";

/**
 * Reads files. A program may give its own: of another platform, or of a test.
 *
 * @example Settings from elsewhere
 * ```ts
 * import { type ConfigFiles, loadSettings } from "@wireway/wireway/settings";
 * const files: ConfigFiles = {
 *   stamp: () => Promise.resolve("1"),
 *   read: () => Promise.resolve(`{ "preset": "high" }`),
 * };
 * await loadSettings("the settings", { files });
 * ```
 */
export interface ConfigFiles {
  /** A mark that changes when the file does; undefined where there is no such file. */
  stamp(path: string): Promise<string | undefined>;
  /** The text of a file. */
  read(path: string): Promise<string>;
}

/** The files of this machine. */
export const systemFiles: ConfigFiles = {
  async stamp(path) {
    if (typeof Deno === "undefined") throw noFiles(path);
    try {
      const { mtime, size, ino } = await Deno.stat(path);
      return `${mtime?.getTime()} ${size} ${ino}`;
    } catch {
      // Between the two steps of an editor that writes anew and renames there is none.
      return undefined;
    }
  },
  async read(path) {
    if (typeof Deno === "undefined") throw noFiles(path);
    try {
      return await Deno.readTextFile(path);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TransportError("invalid-option", `Cannot use ${path}: ${why}`, { cause, details: { file: path } });
    }
  },
};

function noFiles(path: string): TransportError {
  return new TransportError("unsupported", `Cannot read ${path}: this platform has no files, give files yourself`);
}

/** A variable of the environment; undefined where it is not set or may not be read. */
export function systemVariable(name: string): string | undefined {
  return typeof Deno === "undefined" ? undefined : tried(() => Deno.env.get(name));
}
