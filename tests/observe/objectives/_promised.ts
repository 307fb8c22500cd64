/**
 * A service under objectives, with a load and a clock that the test gives.
 *
 * @module
 */

import { ManualClock } from "../../../src/core/clock.ts";
import type { Service } from "../../../src/core/service.ts";
import { type Alert, type Objectives, objectives, type ObjectivesOptions } from "../../../mod.ts";

/** How a call is to end. */
export interface Script {
  readonly takesMs?: number;
  readonly error?: unknown;
}

export const minute = 60_000;
export const hour = 60 * minute;

/** See the module. */
export class Promised {
  readonly clock = new ManualClock();
  readonly objectives: Objectives;
  readonly alerts: Alert[] = [];
  readonly call: Service<Script, void>;

  constructor(options: ObjectivesOptions) {
    this.objectives = objectives({
      clock: this.clock,
      date: () => new Date(this.clock.now()),
      onAlert: (alert) => this.alerts.push(alert),
      ...options,
    });
    this.call = this.objectives.watch(({ takesMs = 1, error }: Script) =>
      new Promise<void>((resolve, reject) => {
        this.clock.schedule(() => error === undefined ? resolve() : reject(error), takesMs);
      })
    );
  }

  /** A call every `everyMs` for `forMs`; `script` says how each ends, counted from 0. */
  async load(forMs: number, everyMs: number, script: (index: number) => Script): Promise<void> {
    const end = this.clock.now() + forMs;
    for (let index = 0; this.clock.now() < end; index++) {
      this.call(script(index)).catch(() => {});
      await this.clock.advance(everyMs);
    }
  }

  /** What was told, in short. */
  told(): string[] {
    return this.alerts.map(({ state, objective, severity, at }) =>
      `${at.slice(11, 19)} ${severity} ${objective} ${state}`
    );
  }
}
