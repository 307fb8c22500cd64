/**
 * The outcome of a comparison as aligned plain text.
 *
 * @module
 */

import type { Figure, Outcome } from "../harness.ts";

const HEADING = [
  "min",
  "median",
  "max",
  "÷floor min",
  "median",
  "max",
];

/** A table of one figure: the first outcome is the floor. */
export function table(figure: Figure, outcomes: Outcome[]): string {
  const floor = outcomes[0].rounds;
  const rows = outcomes.map((outcome) => {
    const values = outcome.rounds.map((round) => round[figure.key]);
    if (outcome.failure !== undefined) return [outcome.name, outcome.failure];
    if (values.some((value) => value === undefined)) {
      return [outcome.name, "not measured"];
    }
    // Neighbours in time share the machine's mood, so they are compared.
    const ratios = values.flatMap((value, round) =>
      floor[round] === undefined ? [] : [value / floor[round][figure.key]]
    );
    return [
      outcome.name,
      ...spread(values).map(amount),
      ...spread(ratios).map((ratio) => ratio.toFixed(2)),
    ];
  });
  return align([[figure.label, ...HEADING], ...rows]);
}

/** The least, the middle and the greatest value. */
export function spread(values: number[]): number[] {
  if (values.length === 0) return [];
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  return [sorted[0], median, sorted[sorted.length - 1]];
}

function amount(value: number): string {
  const digits = value < 1000 ? 1 : 0;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Names to the left, numbers to the right, words as they come. */
export function align(rows: string[][]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      if (row.length === 2 && column === 1) return;
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join("  ")
  ).join("\n");
}
