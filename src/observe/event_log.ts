/**
 * EventLog: the latest events of an observer, to be shown.
 *
 * @module
 */

import { formatAddress } from "../core/channel.ts";
import type { Observer, TransportEvent } from "../core/observer.ts";
import { given, integer, readOptions } from "../core/options.ts";

/**
 * Options of {@linkcode EventLog}.
 *
 * @example
 * ```ts
 * import { EventLog, type EventLogOptions } from "@wireway/wireway";
 * const options: EventLogOptions = { size: 50 };
 * new EventLog(options);
 * ```
 */
export interface EventLogOptions {
  /** How many events are kept. @default {200} */
  size?: number;
  /** The date and time of an event, in milliseconds since 1970. @default {Date.now} */
  wallClock?: () => number;
}

/**
 * One event as it is shown. What happens again soon after is counted and not
 * written down again.
 *
 * @example
 * ```ts
 * import type { LoggedEvent } from "@wireway/wireway";
 * const line = ({ text, times }: LoggedEvent): string => times === 1 ? text : `${text} (${times} times)`;
 * ```
 */
export interface LoggedEvent {
  /** Tells it from all others. */
  readonly id: number;
  /** Grows with each event of the log: what has a greater one is newer, or has happened again. */
  readonly change: number;
  /** When it happened last, in milliseconds since 1970. */
  readonly at: number;
  /** Its type. */
  readonly type: TransportEvent["type"];
  /** The same in words. */
  readonly text: string;
  /** How often it has happened. */
  readonly times: number;
}

/**
 * Keeps the latest events, in words. Opened and closed connections, which would
 * drive out the rest, are left out unless they failed.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, circuitBreaker, EventLog, http, pool } from "@wireway/wireway";
 * const log = new EventLog();
 * const { observer } = log;
 * const call = chain(http({ origin: "https://orders.example", observer }), pool(), circuitBreaker({ observer }));
 * console.log(log.entries());
 * ```
 */
export class EventLog {
  readonly #size: number;
  readonly #wallClock: () => number;
  readonly #entries: LoggedEvent[] = [];
  #next = 1;

  /** Makes an empty log. */
  constructor(options: EventLogOptions = {}) {
    const { size, wallClock } = readOptions("EventLog", options, {
      size: integer(200, 1, 100_000),
      wallClock: given<() => number>(() => Date.now(), "a function"),
    });
    this.#size = size;
    this.#wallClock = wallClock;
  }

  /** Takes an event. */
  readonly observer: Observer = (event) => {
    const text = textOf(event);
    if (text === undefined) return;
    const change = this.#next++;
    const before = this.#entries.findLastIndex((one, i) => one.text === text && i >= this.#entries.length - lookBack);
    const { id, times } = before < 0 ? { id: change, times: 0 } : this.#entries.splice(before, 1)[0];
    this.#entries.push({ id, change, at: this.#wallClock(), type: event.type, text, times: times + 1 });
    if (this.#entries.length > this.#size) this.#entries.shift();
  };

  /** The events, the latest last. */
  entries(): readonly LoggedEvent[] {
    return this.#entries;
  }
}

/** Among so many of the latest events one that happens again is looked for. */
const lookBack = 20;

/** An event in words; none for what is not written down. */
function textOf(event: TransportEvent): string | undefined {
  switch (event.type) {
    case "connection-opened":
      return undefined;
    case "connection-closed":
      return event.error && `${event.side} connection to ${formatAddress(event.remote)} lost: ${event.error.code}`;
    case "connection-refused":
      return `connection refused: ${event.error.code}`;
    case "dial-failed":
      return `dial failed (attempt ${event.attempt}): ${event.error.code}`;
    case "session-draining":
      return `${formatAddress(event.remote)} drains, asked by ${event.by}: ${event.reason}`;
    case "call-rejected":
      return `${event.policy} refused a call: ${event.error.code}`;
    case "call-retried":
      return `${event.policy} makes attempt ${event.attempt}`;
    case "call-hedged":
      return `${event.policy} hedges with attempt ${event.attempt}`;
    case "call-answered":
      return `${event.policy} answered from ${event.from}`;
    case "cache-failed":
      return `${event.policy}: its store failed`;
    case "state-changed":
      return `${event.policy}: ${event.from} → ${event.to}, ${event.reason}`;
    case "limit-changed":
      return `${event.policy}: limit ${event.from} → ${event.to}`;
    case "endpoint-ejected":
      return `${event.policy}: ${event.endpoint} left out${
        event.forMs === Infinity ? "" : ` for ${Math.round(event.forMs)} ms`
      }, ${event.reason}`;
    case "endpoint-readmitted":
      return `${event.policy}: ${event.endpoint} let in again`;
  }
}
