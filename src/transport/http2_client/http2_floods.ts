/**
 * A budget for what a peer may send that is of no use to anybody: pings,
 * settings, empty frames, frames for streams that are over.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { errorCode } from "../../framing/http2/http2_codes.ts";
import { http2Error } from "../../framing/http2/http2_errors.ts";

/** So much at once. */
const burst = 1000;

/** What comes back with each second, and with each frame that was of use. */
const perSecond = 100;
const perUse = 10;

/** See the module. */
export class Http2Floods {
  readonly #clock: Clock;
  #left = burst;
  #lastAt: number;

  /** A full budget. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastAt = clock.now();
  }

  /** Something of use went over the connection. */
  used(): void {
    if (this.#left < burst) this.#left += perUse;
  }

  /** Something came that was of none; `what` names it. Throws `protocol` where it is too much. */
  spend(what: string): void {
    if (--this.#left >= 0) return;
    const now = this.#clock.now();
    const back = Math.floor((now - this.#lastAt) / 1000 * perSecond);
    if (back < 1) throw http2Error(errorCode.enhanceYourCalm, `more than ${burst} frames of no use, the last ${what}`);
    this.#lastAt = now;
    this.#left = Math.min(burst, back - 1);
  }
}
