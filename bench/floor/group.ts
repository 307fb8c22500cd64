/**
 * Benches of one hot function, each beside the same work done by hand.
 *
 * The name of a bench ends with what one of its iterations is, which is where
 * `bench/main.ts` learns how many calls it stands for.
 *
 * @module
 */

/** What is measured: one iteration, as often as it takes. */
export type Iteration = () => unknown;

/** Keeps results reachable: what nobody can see the compiler does not make. */
export const kept: { value: unknown } = { value: undefined };

/** What the name of a bench says. */
export interface BenchName {
  /** The name without what an iteration is. */
  name: string;
  /** How many calls, frames or messages one iteration is. */
  count: number;
  /** Which of them, in the singular. */
  unit: string;
}

/**
 * Benches that are compared with one floor.
 *
 * Each is to have a loop of its own: in a shared one the compiler would see
 * the mixture of all that it was given, and call none of it directly.
 */
export class Group {
  readonly #group: string;
  readonly #iteration: string;

  /** Names the group and says that one iteration is `count` times `unit`. */
  constructor(group: string, count: number, unit: string) {
    this.#group = group;
    this.#iteration = `[${count} × ${unit}]`;
  }

  /** The work by hand: what the others are compared with. */
  floor(name: string, run: Iteration): void {
    this.#add(name, run, true);
  }

  /** The framework's way, or another one for information. */
  bench(name: string, run: Iteration): void {
    this.#add(name, run, false);
  }

  #add(name: string, run: Iteration, baseline: boolean): void {
    Deno.bench({
      name: `${name} ${this.#iteration}`,
      group: this.#group,
      baseline,
      fn: async () => void await run(),
    });
  }
}

/** Takes the name of a bench apart. */
export function readName(text: string): BenchName {
  const match = /^(.*) \[(\d+) × (.+)\]$/.exec(text);
  if (match === null) return { name: text, count: 1, unit: "iteration" };
  return { name: match[1], count: Number(match[2]), unit: match[3] };
}
