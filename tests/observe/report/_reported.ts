/**
 * Parts whose figures the test sets, and a report on them.
 *
 * @module
 */

import {
  type Adjustable,
  adjustable,
  type CallFigures,
  Histogram,
  ManualClock,
  type Recommendation,
  type Report,
  report,
  type ReportOptions,
  type Score,
  type SettingValue,
  type Targets,
} from "../../../mod.ts";
import { integer, oneOf } from "../../../src/core/options.ts";

/** Settings that are numbers; those whose name ends in `!` need a restart. */
export function settings(owner: string, values: Record<string, number>): Adjustable {
  const table = Object.entries(values).map(([name, value]) => {
    const rule = integer(value, 0, 1000);
    const bare = name.replace("!", "");
    const get = (): number => value;
    const part = { rule, max: 1000, get };
    return [bare, name.endsWith("!") ? part : { ...part, set: (to: SettingValue) => value = Number(to) }] as const;
  });
  return adjustable(owner, {
    ...Object.fromEntries(table),
    queue: { rule: oneOf("fifo", ["fifo"]), get: () => "fifo" },
  });
}

/** See the module. */
export class Reported {
  readonly clock = new ManualClock();
  readonly pool = {
    total: 4,
    active: 0,
    waiting: 0,
    acquired: 0,
    timeouts: 0,
    errors: 0,
    p95: undefined as number | undefined,
  };
  readonly limit = { limit: 10, inFlight: 0, rejected: 0 };
  calls: CallFigures = { latency: new Histogram(), calls: 0, errors: 0, timedOut: 0, coveredMs: 60_000 };
  cpuShare: number | undefined;
  readonly loop = new Histogram();
  readonly report: Report;

  constructor(
    targets: Targets | undefined,
    options: Partial<ReportOptions> = {},
    parts: Record<string, Adjustable> = {},
  ) {
    const { orders, handler } = parts;
    const poolStats = () => ({ ...this.pool, waitMs: { p95: this.pool.p95 } });
    this.report = report({
      clock: this.clock,
      ...(targets === undefined ? {} : { calls: { targets, calls: () => this.calls } }),
      ...(orders === undefined ? {} : { pools: { orders: { stats: poolStats, adjustable: orders } } }),
      ...(handler === undefined
        ? {}
        : { limits: { handler: { stats: () => ({ ...this.limit }), adjustable: handler } } }),
      host: { read: () => ({ cpuShare: this.cpuShare }) },
      eventLoop: { read: () => this.loop },
      ...options,
    });
  }

  /** Calls that were answered: so many of each latency, in milliseconds. */
  answered(counts: Record<number, number>, more: { errors?: number; timedOut?: number } = {}): void {
    const latency = new Histogram();
    for (const [ms, count] of Object.entries(counts)) for (let i = 0; i < count; i++) latency.record(Number(ms));
    const { errors = 0, timedOut = 0 } = more;
    this.calls = { latency, calls: latency.count + errors, errors, timedOut, coveredMs: 60_000 };
  }

  /** Connections that were opened, and of these lost. */
  connections(opened: number, lost = 0): void {
    const remote = { transport: "tcp", hostname: "10.0.0.1", port: 9000 };
    for (let i = 0; i < opened; i++) {
      this.report.observer({ type: "connection-opened", side: "client", local: remote, remote });
    }
    const error = { code: "connection-lost" } as never;
    for (let i = 0; i < lost; i++) this.report.observer({ type: "connection-closed", side: "client", remote, error });
  }

  async score(name: Score["name"]): Promise<[number, string] | undefined> {
    await this.clock.advance(60_000);
    const found = this.report.snapshot().scores.find((score) => score.name === name);
    return found === undefined ? undefined : [found.score, found.formula];
  }

  async recommendations(): Promise<readonly Recommendation[]> {
    await this.clock.advance(60_000);
    return this.report.snapshot().recommendations;
  }
}
