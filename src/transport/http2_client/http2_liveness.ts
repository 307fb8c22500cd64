/**
 * Whether the far end of a connection is still there: in doubt where nothing
 * was heard of it for as long as something was waited for.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import type { TransportError } from "../../core/errors.ts";

/** How long a server that is in doubt has for a sign of life, in milliseconds. */
export const answerTimeoutMs = 5000;

/** See the module. */
export class Http2Liveness {
  /** What the connection ends with if no sign of life comes; undefined where it is not in doubt. */
  doubt: TransportError | undefined = undefined;
  readonly #clock: Clock;
  #heardAt: number;

  /** Something was heard just now. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#heardAt = clock.now();
  }

  /** Something was heard; returns whether there was a doubt. */
  heard(): boolean {
    this.#heardAt = this.#clock.now();
    if (this.doubt === undefined) return false;
    this.doubt = undefined;
    return true;
  }

  /** Something was waited for in vain for `ms`; returns whether a sign of life is to be asked for. */
  waited(ms: number, error: TransportError): boolean {
    if (this.doubt !== undefined || this.#clock.now() - this.#heardAt < ms) return false;
    this.doubt = error;
    return true;
  }
}
