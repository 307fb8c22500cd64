/**
 * How much may be on its way to the peer: less when round trips grow.
 *
 * @module
 */

/** How much longer than the shortest a round trip may be before the window gives way: twice, and this many milliseconds. */
const slackMs = 5;
/** What is left of the window when it gives way. */
const decrease = 0.7;
/** How fast the shortest round trip is forgotten, with each that is measured: a route may have become longer. */
const forgetting = 1.02;

/**
 * A window of bytes by additive increase and multiplicative decrease. It
 * doubles with each round trip until it has given way once, then grows by one
 * step a round trip. It does not grow while it is not used.
 *
 * After L. Brakmo and L. Peterson, "TCP Vegas", 1995: a queue on the way shows
 * in the round trips before anything is lost.
 */
export class ShapeWindow {
  /** Bytes that may be on their way. */
  bytes: number;
  /** Bytes that are. */
  inFlight = 0;
  /** The last round trip that was measured, in milliseconds; 0 where there was none. */
  roundTripMs = 0;
  readonly #least: number;
  readonly #most: number;
  readonly #step: number;
  #shortestMs = Infinity;
  #gaveWay = false;
  /** Sizes of what is on its way, from `#first` on. */
  #sizes: number[] = [];
  #first = 0;
  /** Pieces that were sent and that have arrived, since the beginning. */
  #sent = 0;
  #arrived = 0;
  /** The piece whose round trip is measured, and when it was sent. */
  #probe = -1;
  #probeAt = 0;
  #wasUsed = false;

  constructor(leastBytes: number, mostBytes: number, stepBytes: number) {
    this.#least = leastBytes;
    this.#most = Math.max(leastBytes, mostBytes);
    this.#step = stepBytes;
    this.bytes = Math.min(this.#most, 2 * leastBytes);
  }

  /** Whether another piece may go. */
  get open(): boolean {
    return this.inFlight < this.bytes;
  }

  /** A piece has gone. Only one that the peer acknowledges at once says how long a round trip is. */
  sent(bytes: number, isProbe: boolean, now: number): void {
    this.#sizes.push(bytes);
    this.inFlight += bytes;
    if (this.inFlight * 2 >= this.bytes) this.#wasUsed = true;
    if (isProbe && this.#probe < 0) {
      this.#probe = this.#sent;
      this.#probeAt = now;
    }
    this.#sent++;
  }

  /** What is measured would not tell of the way to the peer. */
  forgetProbe(): void {
    this.#probe = -1;
  }

  /** The peer has so many pieces, in 32 bits. False where it can't have them. */
  acknowledged(count: number, now: number): boolean {
    const more = (count - this.#arrived) >>> 0;
    if (more > this.#sent - this.#arrived) return false;
    for (let i = 0; i < more; i++) this.inFlight -= this.#sizes[this.#first++];
    this.#arrived += more;
    if (this.#first > 1024 || this.#first === this.#sizes.length) {
      this.#sizes.splice(0, this.#first);
      this.#first = 0;
    }
    if (this.#probe >= 0 && this.#probe < this.#arrived) {
      this.#probe = -1;
      this.#adapt(now - this.#probeAt);
    }
    return true;
  }

  #adapt(roundTripMs: number): void {
    this.roundTripMs = roundTripMs;
    this.#shortestMs = Math.min(roundTripMs, this.#shortestMs * forgetting);
    if (roundTripMs > 2 * this.#shortestMs + slackMs) {
      this.#gaveWay = true;
      this.bytes = Math.max(this.#least, Math.floor(this.bytes * decrease));
    } else if (this.#wasUsed) {
      this.bytes = Math.min(this.#most, this.#gaveWay ? this.bytes + this.#step : 2 * this.bytes);
    }
    this.#wasUsed = false;
  }
}
