/**
 * The end of a socket of the platform, which takes its time: there is no way to
 * have one at once.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";

/** `WebSocket.CLOSED`. */
const closedState = 3;

/** Resolves when a socket that was told to close is closed, and after so many milliseconds: its peer need not answer. */
export function whenClosed(socket: WebSocket, clock: Clock, limitMs: number): Promise<void> {
  return socket.readyState === closedState ? Promise.resolve() : new SocketEnd(socket, clock, limitMs).promise;
}

class SocketEnd implements DeadlineEntry {
  readonly promise: Promise<void>;
  readonly dueAt: number;
  position = -1;
  readonly holds = false;
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #end = Promise.withResolvers<void>();

  constructor(socket: WebSocket, clock: Clock, limitMs: number) {
    this.#socket = socket;
    this.#clock = clock;
    this.promise = this.#end.promise;
    this.dueAt = clock.now() + limitMs;
    deadlinesOf(clock).add(this);
    socket.addEventListener("close", this.expire);
  }

  readonly expire = (): void => {
    const deadlines = deadlinesOf(this.#clock);
    deadlines.remove(this);
    deadlines.trim();
    this.#socket.removeEventListener("close", this.expire);
    this.#end.resolve();
  };
}
