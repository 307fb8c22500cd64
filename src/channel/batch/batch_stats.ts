/**
 * What batch() has done, in numbers.
 *
 * @module
 */

/**
 * Counts what {@linkcode batch} sends, over all connections that it is given
 * for.
 *
 * @example
 * ```ts
 * import { batch, BatchStats, chain, tcp } from "@wireway/wireway";
 * const stats = new BatchStats();
 * chain(tcp({ port: 9000 }), batch({ stats }));
 * console.log(stats.meanMessages, stats.batches, stats.messages);
 * ```
 */
export class BatchStats {
  /** Batches that were sent; a message that went alone is one. */
  batches = 0;
  /** Messages in them. */
  messages = 0;
  /** Their bytes, without what a batch adds. */
  bytes = 0;
  /** The most messages that one batch had. */
  largest = 0;

  /** How many messages a batch had on average; undefined where none was sent. */
  get meanMessages(): number | undefined {
    return this.batches === 0 ? undefined : this.messages / this.batches;
  }
}
