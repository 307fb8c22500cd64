/**
 * Asking a connection whether it is alive, within a time.
 *
 * @module
 */

import type { DeadlineEntry, DeadlineQueue } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import type { Poolable } from "./pool_member.ts";

/**
 * Calls back once: with nothing where the connection has answered (or can't be
 * asked), with an error where it has not within the time.
 */
export class ConnectionCheck implements DeadlineEntry {
  readonly dueAt: number;
  position = -1;
  readonly holds = false;
  readonly #deadlines: DeadlineQueue;
  readonly #timeoutMs: number;
  #onEnd: ((error: TransportError | undefined) => void) | undefined;

  constructor(
    poolable: Poolable,
    deadlines: DeadlineQueue,
    now: number,
    timeoutMs: number,
    onEnd: (error: TransportError | undefined) => void,
  ) {
    this.#deadlines = deadlines;
    this.#timeoutMs = timeoutMs;
    this.#onEnd = onEnd;
    this.dueAt = now + timeoutMs;
    deadlines.add(this);
    poolable.ping().then(() => this.#end(undefined), (error) => this.#failed(error));
  }

  expire(): void {
    const why = `Connection lost: it did not answer a ping within ${this.#timeoutMs} ms`;
    this.#end(new TransportError("connection-lost", why, { processed: "maybe" }));
  }

  #failed(error: unknown): void {
    const known = TransportError.from(error, "connection-lost");
    this.#end(known.code === "unsupported" ? undefined : known);
  }

  #end(error: TransportError | undefined): void {
    this.#deadlines.remove(this);
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    onEnd?.(error);
  }
}
