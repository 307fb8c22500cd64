/**
 * The publishes of a topic that are under way: bounded in number, and waited for
 * at the topic's end.
 *
 * @module
 */

import { TransportError } from "../../mod.ts";

/** See the module. */
export class Publishing {
  readonly #max: number;
  readonly #underWay = new Set<Promise<void>>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Begins one, unless there are too many. Gives its own word back. */
  async run(store: () => Promise<void>): Promise<void> {
    const { size } = this.#underWay;
    if (size >= this.#max) {
      throw new TransportError("overloaded", `Cannot publish: ${size} messages wait to be stored already`);
    }
    const publishing = store();
    this.#underWay.add(publishing);
    try {
      await publishing;
    } finally {
      this.#underWay.delete(publishing);
    }
  }

  /** Resolves when those that are under way have ended. Never rejects. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }
}
