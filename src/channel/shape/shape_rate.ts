/**
 * How fast one end of a connection may send.
 *
 * @module
 */

import { TokenBucket } from "../../util/token_bucket.ts";
import type { ShapeSettings } from "./shape_options.ts";

/** No limit, in the 32 bits of a hello. */
const unlimited = 0xffff_ffff;

/** The smaller of what the settings say, which may change, and of what the peer asked for. */
export class ShapeRate {
  /** How fast this end wants to be sent to, as its hello says it. */
  readonly wish: number;
  readonly #settings: ShapeSettings;
  readonly #side: "client" | "server";
  #wanted = Infinity;
  #bucket: TokenBucket;

  constructor(settings: ShapeSettings, side: "client" | "server") {
    this.#settings = settings;
    this.#side = side;
    const { upBytesPerSecond, downBytesPerSecond } = settings;
    this.wish = Math.min(unlimited, Math.floor(side === "client" ? downBytesPerSecond : upBytesPerSecond));
    this.#bucket = this.#filled();
  }

  /** The peer has asked for a rate. */
  asked(wish: number): void {
    const before = this.#bytesPerSecond;
    this.#wanted = wish === unlimited ? Infinity : Math.max(1, wish);
    if (this.#bytesPerSecond < before) this.#bucket = this.#filled();
  }

  /** The settings have changed. */
  changed(): void {
    this.#bucket = this.#filled();
  }

  /** How long until something may be sent, in milliseconds. */
  waitMs(now: number): number {
    return this.#bucket.waitMs(now);
  }

  /** So many bytes are sent. */
  take(bytes: number): void {
    this.#bucket.take(bytes);
  }

  get #bytesPerSecond(): number {
    const { upBytesPerSecond, downBytesPerSecond } = this.#settings;
    return Math.min(this.#side === "client" ? upBytesPerSecond : downBytesPerSecond, this.#wanted);
  }

  #filled(): TokenBucket {
    const { burstBytes, clock } = this.#settings;
    return new TokenBucket(this.#bytesPerSecond, burstBytes, clock.now());
  }
}
