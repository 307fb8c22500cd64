/**
 * The buffer that a connection reads into: starts small so that an idle
 * connection is cheap, grows with what arrives, and never writes again where a
 * message was handed out.
 *
 * @module
 */

/** What an idle connection keeps. */
const initialBytes = 256;

/**
 * What a busy connection reads at once. Larger reads save little, keep more
 * memory alive behind a small message, and cost more: from 128 KiB on common
 * allocators get each buffer from the system anew, which clears its pages one
 * by one (measured: 1.15 times the time for messages of 1 KB with 256 KiB).
 */
const busyBytes = 112 * 1024;

/** The same where memory may be written again: less of it stays in the processor's cache (measured: 0.85 times the time). */
const busyReusedBytes = 64 * 1024;

/** What is made ready at once for a frame that says it is large, before more of it has come than that. */
const claimedBytes = 64 * 1024;

/**
 * A window onto received bytes. Bytes from `start` to `end` have not been
 * consumed; what stands before `start` belongs to messages that were handed out.
 */
export class ReceiveBuffer {
  /** The bytes. */
  bytes: Uint8Array = new Uint8Array(initialBytes);
  /** Where the unconsumed bytes begin. */
  start = 0;
  /** Where the unconsumed bytes end. */
  end = 0;
  /** Whether memory that nobody was given a view of may be written again; whoever sets it must keep `lent`. */
  reuses = false;
  /** Whether a view of `bytes` was handed out. */
  lent = false;
  #nextSize = initialBytes;

  /**
   * Makes room and returns it. `needed` is how many bytes the unfinished frame
   * has in all, as far as is known: the buffer grows towards it by doubling, so
   * that memory follows what has arrived and not what a header claims.
   */
  space(needed: number): Uint8Array {
    const pending = this.end - this.start;
    const length = this.bytes.length;
    const fits = this.start + needed <= length;
    // A tail of less than a quarter would make for small reads, each as dear as a large one.
    const cramped = length - this.end < length >> 2;
    // An unfinished frame that begins the buffer is moved only when it has filled it: what it may still grow to would
    // otherwise have it copied at every read.
    if (this.start > 0 ? cramped || !fits : !fits && (cramped || length < claimedBytes)) {
      const wanted = Math.min(needed, Math.max(pending * 2, claimedBytes));
      const size = Math.max(this.#nextSize, wanted, pending + (initialBytes >> 1));
      if (this.reuses && !this.lent && size <= length) {
        this.bytes.copyWithin(0, this.start, this.end);
      } else {
        const bytes = new Uint8Array(size);
        if (pending > 0) bytes.set(this.bytes.subarray(this.start, this.end));
        this.bytes = bytes;
        this.lent = false;
      }
      this.start = 0;
      this.end = pending;
    }
    // A connection that waits for its first byte keeps no view of its own.
    return this.end === 0 ? this.bytes : this.bytes.subarray(this.end);
  }

  /** All was consumed: begins anew where nobody holds a view, in as much memory as the last reads have asked for. */
  rewind(): void {
    if (!this.reuses || this.lent) return;
    this.start = this.end = 0;
    const { length } = this.bytes;
    if (this.#nextSize > length || this.#nextSize < length >> 2) this.bytes = new Uint8Array(this.#nextSize);
  }

  /** Takes in `count` bytes that were read into the space. */
  filled(count: number): void {
    const room = this.bytes.length - this.end;
    this.end += count;
    // A read that fills its space says that more is waiting; one that fills little says that less would do.
    if (count === room) this.#nextSize = Math.min(this.reuses ? busyReusedBytes : busyBytes, this.bytes.length * 4);
    else if (count < this.bytes.length >> 4) this.#nextSize = Math.max(initialBytes, this.#nextSize >> 1);
  }
}
