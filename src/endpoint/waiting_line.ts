/**
 * Those who wait for a connection of a pool: who is next, and telling all.
 *
 * @module
 */

import type { TransportError } from "../core/errors.ts";
import type { Waiting } from "../core/waiting_call.ts";
import type { WaiterLine } from "../util/waiters.ts";

/** What the order goes by. */
export interface QueueSettings {
  readonly queue: "fifo" | "adaptive-lifo";
  readonly maxWaiting: number;
}

/** Takes out who is served next: who came first, or who came last while there are too many. */
export function nextOf<Carrier>(
  line: WaiterLine<Waiting<Carrier>>,
  settings: QueueSettings,
): Waiting<Carrier> | undefined {
  const overloaded = settings.queue === "adaptive-lifo" && line.size > settings.maxWaiting / 2;
  return overloaded ? line.pop() : line.shift();
}

/** Tells all who wait that there will be no connection. */
export function refuseAll<Carrier>(line: WaiterLine<Waiting<Carrier>>, error: TransportError): void {
  for (let waiter = line.shift(); waiter !== undefined; waiter = line.shift()) waiter.refuse(error);
}
