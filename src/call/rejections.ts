/**
 * What a policy refuses: counted, and told to its observer.
 *
 * @module
 */

import { type ErrorCode, TransportError } from "../core/errors.ts";
import { notify, type Observer } from "../core/observer.ts";

/** The refusals of one policy. */
export class Rejections {
  /** How many there were. */
  count = 0;
  readonly #name: string;
  readonly #observer: Observer | undefined;

  constructor({ name, observer }: { readonly name: string; readonly observer: Observer | undefined }) {
    this.#name = name;
    this.#observer = observer;
  }

  /** Makes the error for a call that is not run. */
  reject(code: ErrorCode, why: string, retryAfterMs?: number): TransportError {
    this.count++;
    const error = new TransportError(code, `Call not run by ${this.#name}: ${why}`, { processed: "no", retryAfterMs });
    if (this.#observer !== undefined) notify(this.#observer, { type: "call-rejected", policy: this.#name, error });
    return error;
  }
}
