/**
 * A service whose calls end as they are told, watched by health() on a clock
 * that is moved by hand.
 *
 * @module
 */

import { TransportError } from "../../../src/core/errors.ts";
import { ManualClock } from "../../../src/core/clock.ts";
import type { Service } from "../../../src/core/service.ts";
import { type Health, health, type HealthCheck, type HealthOptions } from "../../../src/observe/health/health.ts";

/** How a call is to end: after so many milliseconds, well or with an error. */
export interface Script {
  readonly takesMs?: number;
  readonly error?: unknown;
}

/** Nobody is there. */
export const lost = (): TransportError => new TransportError("connection-lost", "Connection reset");
/** Somebody is there, and fails. */
export const broken = (): TransportError => new TransportError("remote", "Out of paper", { remote: true });

/** See the module. */
export class World {
  readonly clock = new ManualClock();
  readonly health: Health;
  /** Names and states of what the hooks were told. */
  readonly told: string[] = [];

  constructor(options: HealthOptions = {}) {
    this.health = health({
      clock: this.clock,
      onUnhealthy: ({ name, endpoint }) => void this.told.push(`${endpoint ?? "-"}/${name} unhealthy`),
      onHealthy: ({ name, endpoint }) => void this.told.push(`${endpoint ?? "-"}/${name} healthy`),
      ...options,
    });
  }

  /** A watched service that does what each request says. */
  service(endpoint: string): Service<Script, void> {
    const inner = ({ takesMs = 0, error }: Script): Promise<void> =>
      new Promise((resolve, reject) => {
        const end = (): void => error === undefined ? resolve() : reject(error);
        if (takesMs === 0) end();
        else this.clock.schedule(end, takesMs);
      });
    return this.health.watch(endpoint)(inner);
  }

  /** Makes `count` calls, one after the other, with `everyMs` between their beginnings. */
  async calls(service: Service<Script, void>, count: number, everyMs: number, script: Script = {}): Promise<void> {
    for (let call = 0; call < count; call++) {
      service(script).catch(() => {});
      await this.clock.advance(everyMs);
    }
  }

  /** How a check stands now. */
  check(name: string, endpoint?: string): HealthCheck {
    const { checks } = this.health.snapshot();
    const found = checks.find((check) => check.name === name && check.endpoint === endpoint);
    if (found === undefined) throw new Error(`there is no check ${name} of ${endpoint}`);
    return found;
  }

  /** The log as lines, without times. */
  log(): string[] {
    return this.health.snapshot().log.map(({ endpoint, by, what, text }) =>
      `${endpoint ?? "-"} ${by} ${what}: ${text}`
    );
  }
}
