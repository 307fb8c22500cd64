/**
 * What happened, and who did it.
 *
 * @module
 */

import type { TransportEvent } from "../../core/observer.ts";
import { BoundedLog } from "../bounded_log.ts";
import type { EndpointChecks } from "./endpoint_checks.ts";
import type { HealthDeed, HealthLogEntry } from "./health_snapshot.ts";

/** One entry, with the time on the clock. */
interface Entry {
  readonly endpoint: string | undefined;
  readonly by: string;
  readonly what: HealthDeed;
  at: number;
  text: string;
  times: number;
}

/** The log of health(). */
export class HealthLog {
  readonly #entries: BoundedLog<Entry>;

  constructor(size: number) {
    this.#entries = new BoundedLog(size);
  }

  /** Adds an entry. The same thing again is no further one. */
  add(at: number, by: string, what: HealthDeed, endpoint: string | undefined, text: string): void {
    const { last } = this.#entries;
    if (last !== undefined && last.what === what && last.by === by && last.endpoint === endpoint) {
      Object.assign(last, { at, text, times: last.times + 1 });
    } else this.#entries.add({ at, by, what, endpoint, text, times: 1 });
  }

  /** The entries, the latest last. */
  snapshot(now: number): HealthLogEntry[] {
    return this.#entries.entries.map(({ at, by, what, endpoint, text, times }) => ({
      agoMs: now - at,
      ...(endpoint === undefined ? {} : { endpoint }),
      by,
      what,
      times,
      text,
    }));
  }
}

/** What connections of an endpoint did. */
export class ConnectionEvents {
  readonly #log: HealthLog;
  readonly #find: (name: string) => EndpointChecks | undefined;
  readonly #endpoint: EndpointChecks | undefined;
  #lost = 0;
  #failed = 0;

  /** `endpoint` is the one that all is about; without it events are about those that they name. */
  constructor(
    log: HealthLog,
    endpoint: EndpointChecks | undefined,
    find: (name: string) => EndpointChecks | undefined,
  ) {
    this.#log = log;
    this.#endpoint = endpoint;
    this.#find = find;
  }

  /** Takes note of an event. */
  hear(event: TransportEvent, now: number): void {
    const name = this.#endpoint?.name;
    switch (event.type) {
      case "connection-opened":
        if (event.side === "client") this.#opened(now);
        return;
      case "connection-closed":
        if (event.side === "server" || event.error === undefined) return;
        this.#lost++;
        return this.#log.add(now, "connections", "connection-lost", name, event.error.message);
      case "dial-failed": {
        const { attempt, retryInMs, error } = event;
        this.#failed = Math.max(this.#failed + 1, attempt);
        const next = retryInMs === undefined ? "" : `; the next one is in ${Math.ceil(retryInMs)} ms`;
        this.#log.add(now, "connections", "dial-failed", name, `attempt ${attempt} failed: ${error.message}${next}`);
        return this.#endpoint?.dialFailed(now);
      }
      case "session-draining":
        return this.#log.add(now, "connections", "drained", name, `by the ${event.by} side: ${event.reason}`);
      case "state-changed": {
        const text = `from ${event.from} to ${event.to}: ${event.reason}`;
        return this.#log.add(now, event.policy, "state-changed", name, text);
      }
      case "endpoint-ejected": {
        const length = event.forMs === Infinity ? "" : ` for ${event.forMs} ms`;
        this.#log.add(now, event.policy, "ejected", event.endpoint, `left out${length}: ${event.reason}`);
        return this.#eject(event.endpoint, true);
      }
      case "endpoint-readmitted":
        this.#log.add(now, event.policy, "readmitted", event.endpoint, "carries calls again");
        return this.#eject(event.endpoint, false);
    }
  }

  #eject(name: string, ejected: boolean): void {
    const endpoint = this.#find(name);
    if (endpoint !== undefined) endpoint.ejected = ejected;
  }

  #opened(now: number): void {
    const name = this.#endpoint?.name;
    this.#endpoint?.connected();
    if (this.#failed > 0) {
      this.#log.add(now, "connections", "redialled", name, `connected after ${this.#failed} failed attempts`);
      this.#failed = 0;
    } else if (this.#lost > 0) {
      this.#log.add(
        now,
        "connections",
        "refilled",
        name,
        `connected in place of a lost connection, ${this.#lost} were`,
      );
    }
    if (this.#lost > 0) this.#lost--;
  }
}
