/**
 * What contentEncoding() has done, in numbers.
 *
 * @module
 */

/**
 * Counts what {@linkcode contentEncoding} does. Bytes are those of encoded
 * bodies alone, as they pass: of a body that goes out as it is nobody counts
 * them.
 *
 * @example
 * ```ts
 * import { compressionMetrics, contentEncoding, ContentEncodingStats } from "@wireway/wireway";
 * const stats = new ContentEncodingStats();
 * contentEncoding({ stats });
 * const source = compressionMetrics(stats, { listener: "http" });
 * ```
 */
export class ContentEncodingStats {
  /** Bodies that were sent encoded. */
  compressed = 0;
  /** Bodies that might have been encoded and were sent as they are: too short, or not wanted otherwise. */
  plain = 0;
  /** Bodies that came encoded. */
  inflated = 0;
  /** Bytes of bodies before they were encoded. */
  bytesBefore = 0;
  /** Bytes that they were sent as. */
  bytesAfter = 0;

  /** How many bytes each byte sent stood for; 1 where nothing was sent. */
  get ratio(): number {
    return this.bytesAfter === 0 ? 1 : this.bytesBefore / this.bytesAfter;
  }
}
