/**
 * The attempts of the NATS client to connect again, which go on for a moment
 * when it has been closed.
 *
 * @module
 */

import { systemClock } from "../../mod.ts";

/** How long after a loss a listener connects again, in milliseconds, give or take a half. */
const reconnectMs = 250;

/** See the module. */
export class Reconnecting {
  #trying = false;
  #onEnd: (() => void) | undefined = undefined;

  /** How long the client waits before its next attempt. It asks before each, and once more when it has been closed. */
  readonly delay = (): number => {
    this.#onEnd?.();
    this.#trying = true;
    return reconnectMs * (0.5 + Math.random());
  };

  /** An attempt has gone well. */
  connected(): void {
    this.#trying = false;
    this.#onEnd?.();
  }

  /** Resolves when a client that was closed has given up, or after one more attempt of so many milliseconds. */
  async ended(attemptMs: number): Promise<void> {
    if (!this.#trying) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEnd = resolve;
    const timer = systemClock.schedule(resolve, 1.5 * reconnectMs + attemptMs);
    await promise;
    timer.cancel();
  }
}
