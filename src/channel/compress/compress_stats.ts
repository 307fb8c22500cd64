/**
 * What compress() has done, in numbers.
 *
 * @module
 */

/**
 * Counts what {@linkcode compress} does, over all connections that it is given
 * for.
 *
 * @example
 * ```ts
 * import { chain, compress, CompressionStats, tcp } from "@wireway/wireway";
 * const stats = new CompressionStats();
 * chain(tcp({ port: 9000 }), compress({ stats }));
 * console.log(stats.ratio, stats.bytesBefore, stats.bytesAfter);
 * ```
 */
export class CompressionStats {
  /** Messages that were sent compressed. */
  compressed = 0;
  /** Messages that were sent as they are: too small, of a kind that does not compress, or tried in vain. */
  plain = 0;
  /** Those of them that were compressed in vain: it did not help. */
  vain = 0;
  /** Messages that came compressed. */
  inflated = 0;
  /** Bytes that were given to be sent, compressed or not. */
  bytesBefore = 0;
  /** Those of them that belong to messages sent as they are. */
  plainBytes = 0;
  /** Bytes that they were sent as. */
  bytesAfter = 0;

  /** How many bytes each byte sent stood for; 1 where nothing was sent. */
  get ratio(): number {
    return this.bytesAfter === 0 ? 1 : this.bytesBefore / this.bytesAfter;
  }
}
