/**
 * The end of a session as a promise that is made only when somebody asks: an
 * idle session should not pay for it.
 *
 * @module
 */

import type { TransportError } from "../core/errors.ts";

/** See the module. */
export class SessionEnd {
  #resolvers: PromiseWithResolvers<TransportError | undefined> | undefined = undefined;
  #ended = false;
  #error: TransportError | undefined = undefined;

  /** Resolves when the session has ended, with the error where it did not end in order. */
  get promise(): Promise<TransportError | undefined> {
    if (this.#resolvers === undefined) {
      this.#resolvers = Promise.withResolvers();
      if (this.#ended) this.#resolvers.resolve(this.#error);
    }
    return this.#resolvers.promise;
  }

  /** Resolves the promise, where there is one. */
  end(error: TransportError | undefined): void {
    this.#ended = true;
    this.#error = error;
    this.#resolvers?.resolve(error);
  }
}
