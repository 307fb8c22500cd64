/**
 * Readers of a topic that are as slow as a test wants.
 *
 * @module
 */

import type { TransportError } from "../../mod.ts";

/** A reader that asks for time after each message, until it is let go on. */
export class Slow {
  readonly got: string[] = [];
  end: TransportError | undefined | "none" = "none";
  #room: PromiseWithResolvers<void> | undefined;

  readonly sink = (text: string): Promise<void> => {
    this.got.push(text);
    this.#room = Promise.withResolvers();
    return this.#room.promise;
  };

  readonly closed = (error: TransportError | undefined): void => {
    this.end = error;
  };

  /** Lets it take one more. */
  async step(count = 1): Promise<void> {
    for (; count > 0; count--) {
      this.#room?.resolve();
      await undefined;
      await undefined;
    }
  }
}

/** Encodings with and without a way to tell of a gap. */
export const encodings = {
  text: { encode: (message: string): string => message, gap: (missed?: number): string => `gap ${missed}` },
  plain: (message: string): string => message,
};
