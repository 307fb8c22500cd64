/**
 * What the report goes by: what was counted over its period.
 *
 * @module
 */

import type { TransportEvent } from "../../core/observer.ts";
import type { CallFigures } from "../objectives/objectives.ts";
import { growth } from "./growth.ts";
import {
  type CompressionPeriod,
  compressionPeriod,
  type CompressionTotals,
  compressionTotals,
} from "./compression_figures.ts";
import type { ReportedLimit, ReportedLink, ReportedPool, ReportedRate, ReportSettings } from "./report_options.ts";

/** What only grows. */
interface Counters {
  readonly at: number;
  readonly events: EventTotals;
  readonly pools: Readonly<Record<string, ReturnType<ReportedPool["stats"]>>>;
  readonly limits: Readonly<Record<string, ReturnType<ReportedLimit["stats"]>>>;
  readonly rates: Readonly<Record<string, ReturnType<ReportedRate["stats"]>>>;
  readonly links: Readonly<Record<string, ReturnType<ReportedLink["stats"]>>>;
  readonly compressions: Readonly<Record<string, CompressionTotals>>;
}

/** What an observer heard. */
export interface EventTotals {
  /** Connections that were opened by this side. */
  opened: number;
  /** Those that ended with an error. */
  lost: number;
  /** Further attempts of calls. */
  retries: number;
}

/** What a pool did in the period. */
export interface PoolPeriod {
  readonly name: string;
  readonly part: ReportedPool;
  /** As it is now. */
  readonly now: ReturnType<ReportedPool["stats"]>;
  readonly acquired: number;
  readonly timeouts: number;
  readonly errors: number;
  /** The most connections that were seen to be busy, and in how many looks. */
  readonly peakActive: number;
  readonly looks: number;
}

/** What a limit did in the period. */
export interface LimitPeriod {
  readonly name: string;
  readonly part: ReportedLimit;
  readonly now: ReturnType<ReportedLimit["stats"]>;
  readonly rejected: number;
  readonly peakInFlight: number;
}

/** What a rate limit did in the period. */
export interface RatePeriod {
  readonly name: string;
  readonly part: ReportedRate;
  readonly rejected: number;
  /** The most keys that were seen. */
  readonly keys: number;
}

/** What went over connections in the period. */
export interface LinkPeriod {
  readonly name: string;
  readonly part: ReportedLink;
  readonly connections: number;
  /** The most bytes a second and connection between two looks; undefined where nobody counts them. */
  readonly perSecondIn: number | undefined;
  readonly perSecondOut: number | undefined;
  readonly roundTripMs: number | undefined;
  readonly looks: number;
}

/** All that was measured. */
export interface ReportFigures {
  readonly periodMs: number;
  readonly events: EventTotals;
  readonly pools: readonly PoolPeriod[];
  readonly limits: readonly LimitPeriod[];
  readonly rates: readonly RatePeriod[];
  readonly links: readonly LinkPeriod[];
  readonly compressions: readonly CompressionPeriod[];
  /** Absent where nobody watches calls. */
  readonly calls: CallFigures | undefined;
  readonly cpuShare: number | undefined;
  readonly loopDelayMs: number | undefined;
}

/** Looks that are kept of a period. */
const looksKept = 20;

/** See the module. It looks when it is asked, and at its making. */
export class Measured {
  readonly #settings: ReportSettings;
  readonly #events: EventTotals = { opened: 0, lost: 0, retries: 0 };
  /** The looks of the period, the oldest first: the one before the period began, where there is one. */
  readonly #looks: Counters[] = [];

  constructor(settings: ReportSettings) {
    this.#settings = settings;
    this.#looks.push(this.#count());
  }

  hear(event: TransportEvent): void {
    if (event.type === "connection-opened" && event.side === "client") this.#events.opened++;
    else if (event.type === "connection-closed" && event.side === "client" && event.error !== undefined) {
      this.#events.lost++;
    } else if (event.type === "call-retried") this.#events.retries++;
  }

  read(): ReportFigures {
    const { periodMs, calls, host, eventLoop, pools, limits, rates, links, compressions } = this.#settings;
    const now = this.#count();
    const looks = this.#looks;
    while (looks.length > 1 && looks[1].at <= now.at - periodMs) looks.shift();
    const [first] = looks;
    const all = [...looks, now];
    if (now.at - looks[looks.length - 1].at >= periodMs / looksKept) looks.push(now);
    const past = now.at - first.at;
    return {
      periodMs: past,
      events: {
        opened: now.events.opened - first.events.opened,
        lost: now.events.lost - first.events.lost,
        retries: now.events.retries - first.events.retries,
      },
      pools: Object.entries(pools).map(([name, part]) => {
        const [before, after] = [first.pools[name], now.pools[name]];
        return {
          name,
          part,
          now: after,
          acquired: growth(before.acquired, after.acquired),
          timeouts: growth(before.timeouts, after.timeouts),
          errors: growth(before.errors, after.errors),
          peakActive: Math.max(...all.map((look) => look.pools[name].active)),
          looks: all.length,
        };
      }),
      limits: Object.entries(limits).map(([name, part]) => ({
        name,
        part,
        now: now.limits[name],
        rejected: growth(first.limits[name].rejected, now.limits[name].rejected),
        peakInFlight: Math.max(...all.map((look) => look.limits[name].inFlight)),
      })),
      rates: Object.entries(rates).map(([name, part]) => ({
        name,
        part,
        rejected: growth(first.rates[name].rejected, now.rates[name].rejected),
        keys: Math.max(...all.map((look) => look.rates[name].keys)),
      })),
      links: Object.entries(links).map(([name, part]) => linkPeriod(name, part, all)),
      compressions: Object.entries(compressions).map(([name, part]) =>
        compressionPeriod(name, part, first.compressions[name], now.compressions[name])
      ),
      calls: past > 0 ? calls?.calls(past) : undefined,
      cpuShare: host?.read().cpuShare,
      loopDelayMs: eventLoop?.read().percentile(0.99),
    };
  }

  #count(): Counters {
    const { clock, pools, limits, rates, links, compressions } = this.#settings;
    return {
      at: clock.now(),
      events: { ...this.#events },
      pools: Object.fromEntries(Object.entries(pools).map(([name, part]) => [name, statsOf(part, newPool)])),
      limits: Object.fromEntries(Object.entries(limits).map(([name, part]) => [name, statsOf(part, newLimit)])),
      rates: Object.fromEntries(Object.entries(rates).map(([name, part]) => [name, statsOf(part, newRate)])),
      links: Object.fromEntries(Object.entries(links).map(([name, part]) => [name, { ...statsOf(part, {}) }])),
      compressions: Object.fromEntries(
        Object.entries(compressions).map(([name, part]) => [name, compressionTotals(statsOf(part, undefined))]),
      ),
    };
  }
}

const newPool = { total: 0, active: 0, waiting: 0, acquired: 0, timeouts: 0, errors: 0, waitMs: { p95: undefined } };

function linkPeriod(name: string, part: ReportedLink, looks: readonly Counters[]): LinkPeriod {
  const most = (way: "bytesIn" | "bytesOut"): number | undefined => {
    const rates = looks.slice(1).flatMap((look, index) => {
      const [before, after] = [looks[index].links[name], look.links[name]];
      const seconds = (look.at - looks[index].at) / 1000;
      const bytes = (after[way] ?? NaN) - (before[way] ?? NaN);
      const connections = Math.max(1, before.connectionsOpen ?? 1, after.connectionsOpen ?? 1);
      return seconds > 0 && bytes >= 0 ? [bytes / seconds / connections] : [];
    });
    return rates.length === 0 ? undefined : Math.max(...rates);
  };
  const { roundTripMs } = part;
  return {
    name,
    part,
    connections: looks[looks.length - 1].links[name].connectionsOpen ?? 1,
    perSecondIn: most("bytesIn"),
    perSecondOut: most("bytesOut"),
    roundTripMs: typeof roundTripMs === "function" ? roundTripMs() : roundTripMs,
    looks: looks.length,
  };
}

const newRate = { keys: 0, rejected: 0 };

const newLimit = { limit: 0, inFlight: 0, rejected: 0 };

/** What a part counted; one that is not made yet, as it needs the report's observer, has counted nothing. */
function statsOf<Stats, Nothing>(part: { stats(): Stats }, nothing: Nothing): Stats | Nothing {
  try {
    return part.stats();
  } catch {
    return nothing;
  }
}
