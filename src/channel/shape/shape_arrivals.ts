/**
 * What has arrived over a shape() channel, and when that is to be said.
 *
 * @module
 */

/** It is said after so many bytes, or messages. Less than the smallest window, so that it never shuts for good. */
export const sayBytes = 4096;
const sayMessages = 64;

/** See the module. */
export class ShapeArrivals {
  /** How many messages have arrived; counted in 32 bits, as the wire has it. */
  count = 0;
  #unsaidBytes = 0;
  #unsaidMessages = 0;

  /** A message has come. Whether it is time to say how many have. */
  add(bytes: number): boolean {
    this.count = (this.count + 1) >>> 0;
    this.#unsaidBytes += bytes;
    if (this.#unsaidBytes < sayBytes && ++this.#unsaidMessages < sayMessages) return false;
    this.#unsaidBytes = this.#unsaidMessages = 0;
    return true;
  }
}
