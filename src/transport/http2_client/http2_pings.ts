/**
 * Signs of life that were asked for on an HTTP/2 connection.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { TransportError } from "../../core/errors.ts";
import { readUint32 } from "../../framing/http2/http2_frame_reader.ts";
import { pingFrame } from "../../framing/http2/http2_frame_writer.ts";

/** How many may be waited for at once. */
const maxPings = 64;

interface Asked {
  readonly at: number;
  readonly promise: PromiseWithResolvers<number>;
}

/** See the module. */
export class Http2Pings {
  readonly #clock: Clock;
  readonly #asked = new Map<number, Asked>();
  readonly #onAnswered: () => void;
  #count = 0;
  #error: TransportError | undefined = undefined;

  /** None yet. `onAnswered` hears when none is waited for any more. */
  constructor(clock: Clock, onAnswered: () => void) {
    this.#clock = clock;
    this.#onAnswered = onAnswered;
  }

  /** Whether one is waited for. */
  get waiting(): boolean {
    return this.#asked.size > 0;
  }

  /** Asks, by `send`; resolves with the round trip in milliseconds. */
  ask(send: (frame: Uint8Array) => void): Promise<number> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#asked.size >= maxPings) {
      return Promise.reject(new TransportError("too-many-calls", `Cannot ping: ${maxPings} pings are waited for`));
    }
    const number = this.#count = (this.#count + 1) >>> 0;
    const data = new Uint8Array(8);
    new DataView(data.buffer).setUint32(4, number);
    const promise = Promise.withResolvers<number>();
    this.#asked.set(number, { at: this.#clock.now(), promise });
    send(pingFrame(data, false));
    return promise.promise;
  }

  /** An answer has come; returns whether anybody had asked. */
  answered(bytes: Uint8Array, start: number): boolean {
    const number = readUint32(bytes, start + 4);
    const asked = readUint32(bytes, start) === 0 ? this.#asked.get(number) : undefined;
    if (asked === undefined) return false;
    this.#asked.delete(number);
    asked.promise.resolve(this.#clock.now() - asked.at);
    if (!this.waiting) this.#onAnswered();
    return true;
  }

  /** The connection is over. */
  fail(error: TransportError): void {
    this.#error = new TransportError("closed", "Cannot ping: the connection is closed");
    for (const { promise } of this.#asked.values()) promise.reject(error);
    this.#asked.clear();
  }
}
