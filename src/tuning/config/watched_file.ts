/**
 * A file that is looked at from time to time.
 *
 * @module
 */

import type { Clock, Timer } from "../../core/clock.ts";
import type { ConfigFiles } from "./config_files.ts";

/** How a file is watched. */
export interface WatchOptions {
  readonly files: ConfigFiles;
  readonly pollMs: number;
  /** A file that has changed is read when it has not changed again for so long. */
  readonly settleMs: number;
  readonly clock: Clock;
  /** The file has changed. */
  readonly changed: () => Promise<unknown>;
}

/**
 * Looks at a file's stamp again and again. Events of the file system are left
 * alone: they keep a process alive, and say nothing where a link in the path is
 * swapped, as in a mounted ConfigMap, or on a network's file system.
 */
export class WatchedFile {
  readonly #path: string;
  readonly #options: WatchOptions;
  #stamp: string | undefined = undefined;
  #moving = false;
  #timer: Timer | undefined = undefined;
  #looking: Promise<void> = Promise.resolve();
  #over = false;

  constructor(path: string, options: WatchOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Takes the file as it is now for known. */
  async begin(): Promise<void> {
    this.#stamp = await this.#options.files.stamp(this.#path);
  }

  /** Looks from now on. */
  watch(): void {
    this.#plan(this.#options.pollMs);
  }

  /** Looks no more. Resolves when a look that is under way has ended. */
  stop(): Promise<void> {
    this.#over = true;
    this.#timer?.cancel();
    return this.#looking;
  }

  #plan(delayMs: number): void {
    if (this.#over) return;
    this.#timer = this.#options.clock.schedule(() => {
      this.#looking = this.#look();
    }, delayMs);
    // To watch a file is no reason to run on.
    this.#timer.hold(false);
  }

  async #look(): Promise<void> {
    const { files, pollMs, settleMs, changed } = this.#options;
    let next = pollMs;
    try {
      const stamp = await files.stamp(this.#path);
      if (stamp !== this.#stamp) {
        this.#stamp = stamp;
        this.#moving = true;
        next = settleMs;
      } else if (this.#moving && stamp !== undefined) {
        this.#moving = false;
        if (!this.#over) await changed();
      }
    } catch {
      // What can't be looked at now is looked at again.
    }
    this.#plan(next);
  }
}
