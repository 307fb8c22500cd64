/**
 * Whether an objective's budget is used up too fast in a pair of windows: opens
 * once, and ends once.
 *
 * @module
 */

import { type Objective, thresholdOf } from "./objective.ts";
import type { BurnWindow } from "./objectives_options.ts";
import type { Alert, BurnFigures } from "./objectives_snapshot.ts";
import type { Share } from "./step_counts.ts";

/** What it must have seen go wrong in the short window: one call of a hundred is no reason to wake anybody. */
const leastBad = 3;

/** What an alert says beside what it measured. */
export interface AlertSettings {
  readonly name: string;
  readonly minCalls: number;
  readonly calmMs: number;
  readonly date: () => Date;
}

/** See the module. */
export class BurnAlert {
  readonly #objective: Objective;
  readonly #window: Readonly<BurnWindow>;
  readonly #settings: AlertSettings;
  readonly #threshold: number;
  #open: { readonly alert: Alert; readonly since: number } | undefined;
  #calmSince: number | undefined;

  constructor(objective: Objective, window: Readonly<BurnWindow>, settings: AlertSettings) {
    this.#objective = objective;
    this.#window = window;
    this.#settings = settings;
    this.#threshold = thresholdOf(objective, window.rate);
  }

  /** The alert that is open, as it was told. */
  get open(): Alert | undefined {
    return this.#open?.alert;
  }

  /** How fast the budget is used up. */
  figures(long: Share, short: Share): BurnFigures {
    const { severity, longMs, shortMs } = this.#window;
    return {
      severity,
      longMs,
      shortMs,
      ...this.#rates(long, short),
      threshold: this.#threshold,
      alerting: this.#open !== undefined,
    };
  }

  /** Decides. Returns what there is to tell. */
  look(long: Share, short: Share, measured: () => number | undefined, now: number): Alert | undefined {
    const { longRate = 0, shortRate = 0 } = this.#rates(long, short);
    const tooFast = shortRate >= this.#threshold;
    if (this.#open === undefined) {
      const least = this.#objective.of === "looks" ? leastBad : this.#settings.minCalls;
      if (!tooFast || longRate < this.#threshold || long.total < least || short.bad < leastBad) return undefined;
      this.#calmSince = undefined;
      const alert = this.#alert("open", long, short, measured(), now);
      this.#open = { alert, since: now };
      return alert;
    }
    if (tooFast) this.#calmSince = undefined;
    else this.#calmSince ??= now;
    if (this.#calmSince === undefined || now - this.#calmSince < this.#settings.calmMs) return undefined;
    const alert = this.#alert("resolved", long, short, measured(), now);
    this.#open = undefined;
    return alert;
  }

  #rates(long: Share, short: Share): { longRate?: number; shortRate?: number } {
    const rate = ({ bad, total }: Share): number => bad / total / this.#objective.budget;
    return {
      ...(long.total > 0 ? { longRate: rate(long) } : {}),
      ...(short.total > 0 ? { shortRate: rate(short) } : {}),
    };
  }

  #alert(state: "open" | "resolved", long: Share, short: Share, measured: number | undefined, now: number): Alert {
    const { name: of, date } = this.#settings;
    const { name: objective, target } = this.#objective;
    const { severity, longMs, shortMs } = this.#window;
    const at = isoOf(date);
    const rates = this.#rates(long, short);
    const times = (rate: number | undefined): string => rate === undefined ? "nothing" : `${shown(rate)} ×`;
    const is = `${objective} is ${shown(measured)}, promised is ${shown(target)}`;
    const burnt = `budget used up at ${times(rates.longRate)} over ${minutes(longMs)}, ` +
      `${times(rates.shortRate)} over ${minutes(shortMs)}; the limit is ${shown(this.#threshold)} ×`;
    return {
      id: this.#open?.alert.id ?? `${of}/${objective}/${severity}/${longMs}/${shortMs}/${at}`,
      state,
      of,
      objective,
      severity,
      target,
      ...(measured === undefined ? {} : { measured }),
      ...rates,
      threshold: this.#threshold,
      longMs,
      shortMs,
      at,
      openMs: this.#open === undefined ? 0 : now - this.#open.since,
      text: `${of}: ${is}; ${burnt}`,
    };
  }
}

function shown(value: number | undefined): string {
  return value === undefined ? "not measured" : `${Number(value.toPrecision(4))}`;
}

function minutes(ms: number): string {
  return ms < 60_000 ? `${shown(ms / 1000)} s` : `${shown(ms / 60_000)} min`;
}

/** The date as it is told; that of the system where the program's own can't tell one: the alert matters more. */
function isoOf(date: () => Date): string {
  try {
    return date().toISOString();
  } catch {
    return new Date().toISOString();
  }
}
