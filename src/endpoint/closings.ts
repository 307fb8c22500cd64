/**
 * Ends of connections that are under way.
 *
 * @module
 */

/** See the module. */
export class Closings {
  readonly #all = new Set<Promise<void>>();

  /** One more. */
  add(closing: Promise<void>): void {
    const ended = closing.finally(() => this.#all.delete(ended));
    this.#all.add(ended);
  }

  /** Resolves when those that are under way now have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#all);
  }
}
