/**
 * The targets of the load tests: what was promised, what was measured, and
 * whether the one keeps to the other.
 *
 * @module
 */

import type { Tally } from "./tally.ts";

/** One line of the table. */
export interface Line {
  /** What it is about. */
  subject: string;
  /** What was promised. */
  target: string;
  /** What was measured. */
  measured: string;
  /** Whether it was met; undefined where a figure is only told. */
  met: boolean | undefined;
}

/** What is promised of every transport at 10 000 calls a second. */
export const busy = { rate: 10_000, p95Ms: 100, p99Ms: 200 };

/** What is promised at a tenth of the peak, in milliseconds. */
export const calmP99Ms = 1;

/** What is promised while many connections are open. */
export const many = { connections: 10_000, rate: 1000, p99Ms: 20 };

/** The share of calls that may fail. */
export const errorShare = 0.001;

/** By how much memory may grow in a sustained run. */
export const growthBytes = 50e6;

/** How much of the rate must have been answered: the rest is of the edges of the time that was measured. */
const answered = 0.99;

/** 10 000 calls a second, and how fast they were answered. */
export function busyLine(subject: string, tally: Tally, throughput: number): Line {
  const [p95, p99] = [tally.percentile(0.95), tally.percentile(0.99)];
  return {
    subject: `${subject} at ${amount(busy.rate)} calls/s`,
    target: `all answered, p95 < ${busy.p95Ms} ms, p99 < ${busy.p99Ms} ms`,
    measured: `${amount(throughput)}/s, p95 ${ms(p95)}, p99 ${ms(p99)}`,
    met: throughput >= answered * busy.rate && below(p95, busy.p95Ms) && below(p99, busy.p99Ms),
  };
}

/**
 * A tenth of the peak in several turns, and what bare sockets did in the turns
 * between. Judged is the turn in the middle: that another program, or the host
 * of a virtual machine, took the processor for some milliseconds in one turn
 * says nothing of the transport. The range of all turns stands beside it.
 */
export function calmLine(subject: string, rate: number, turns: Tally[], floor: Tally[]): Line {
  const p99 = percentilesOf(turns, 0.99);
  return {
    subject: `${subject} at a tenth of the peak (${amount(rate)} calls/s)`,
    target: `p99 < ${calmP99Ms} ms`,
    measured: `${middling(turns, p99)} (bare sockets: ${middling(floor, percentilesOf(floor, 0.99))})`,
    met: p99.length === turns.length && below(middleOf(p99), calmP99Ms),
  };
}

/** Many connections, all of which are called on. */
export function manyLine(subject: string, open: number, tally: Tally): Line {
  const p99 = tally.percentile(0.99);
  return {
    subject: `${subject} with ${amount(many.connections)} connections, ${amount(many.rate)} calls/s`,
    target: `all open, p99 < ${many.p99Ms} ms`,
    measured: `${amount(open)} open, p50 ${ms(tally.percentile(0.5))}, p99 ${ms(p99)}`,
    met: open === many.connections && below(p99, many.p99Ms),
  };
}

/** The errors of all calls at rates that were to be met. */
export function errorLine(all: Tally): Line {
  const codes = [...all.errors].map(([code, calls]) => `, ${code} ${amount(calls)}`).join("");
  return {
    subject: "errors over all of these calls",
    target: `< ${100 * errorShare} %`,
    measured: `${(100 * all.errorShare).toFixed(4)} % of ${amount(all.total)}${codes}`,
    met: all.total > 0 && all.errorShare < errorShare,
  };
}

/** The growth of one process. */
export function growthLine(subject: string, grown: number, low: number, high: number): Line {
  const mb = (bytes: number): string => Number.isFinite(bytes) ? `${(bytes / 1e6).toFixed(1)} MB` : "not known";
  return {
    subject,
    target: `memory grows by < ${growthBytes / 1e6} MB`,
    measured: `${mb(grown)} (95 %: ${mb(low)} to ${mb(high)})`,
    met: grown < growthBytes,
  };
}

/** The table. */
export function tableOf(lines: Line[]): string {
  const widths = (["subject", "target", "measured"] as const).map((key) =>
    Math.max(...lines.map((line) => line[key].length))
  );
  return lines.map(({ subject, target, measured, met }) => {
    const verdict = met === undefined ? "" : met ? "pass" : "SHORT";
    return [subject.padEnd(widths[0]), target.padEnd(widths[1]), measured.padEnd(widths[2]), verdict].join("  ")
      .trimEnd();
  }).join("\n");
}

/** Whether all that was promised was kept. */
export function allMet(lines: Line[]): boolean {
  return lines.every(({ met }) => met !== false);
}

/** A percentile in each turn in which calls were answered, in ascending order. */
function percentilesOf(turns: Tally[], fraction: number): number[] {
  return turns.map((turn) => turn.percentile(fraction)).filter((value) => value !== undefined).sort((a, b) => a - b);
}

function middleOf(ascending: number[]): number | undefined {
  return ascending[ascending.length >> 1];
}

/** The middle turn: p50 and p99, and the least and the greatest p99 of all turns. */
function middling(turns: Tally[], p99: number[]): string {
  const p50 = middleOf(percentilesOf(turns, 0.5));
  return `p50 ${ms(p50)}, p99 ${ms(middleOf(p99))}, ${ms(p99[0])} to ${ms(p99.at(-1))}`;
}

function below(value: number | undefined, limit: number): boolean {
  return value !== undefined && value < limit;
}

/** Milliseconds for people. */
export function ms(value: number | undefined): string {
  return value === undefined ? "none" : `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
}

/** A whole number for people. */
export function amount(value: number): string {
  return Math.round(value).toLocaleString("en");
}
