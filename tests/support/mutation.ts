/**
 * The loop of the tests that try inputs damaged at random: `WIREWAY_FUZZ_INPUTS`
 * says how many, `WIREWAY_FUZZ_SEED` which. A failure names the seed of its
 * input.
 *
 * @module
 */

import { strict as assert } from "node:assert";

/** How many inputs are tried. */
export const fuzzInputs: number = Number(Deno.env.get("WIREWAY_FUZZ_INPUTS") ?? 20_000);

/** The seed of the first input: the others follow. */
export const firstSeed: number = Number(Deno.env.get("WIREWAY_FUZZ_SEED") ?? 1);

/** What is tried. */
export interface Trial<Verdict extends string> {
  /** How many inputs. */
  readonly inputs?: number;
  /** What may come of one. */
  readonly verdicts: readonly Verdict[];
  /** The share of the inputs that each verdict must come of: the trial itself must try all there is to try. */
  readonly share: number;
}

/** From so many inputs on, chance does not change the shares. */
const enough = 1000;

/** Tries one input after the other. */
export async function trySeeds<Verdict extends string>(
  { inputs = fuzzInputs, verdicts, share }: Trial<Verdict>,
  tryOne: (seed: number) => Verdict | Promise<Verdict>,
): Promise<void> {
  const times = new Map<Verdict, number>(verdicts.map((verdict) => [verdict, 0]));
  for (let seed = firstSeed; seed < firstSeed + inputs; seed++) {
    try {
      let verdict = tryOne(seed);
      if (verdict instanceof Promise) verdict = await verdict;
      times.set(verdict, times.get(verdict)! + 1);
    } catch (error) {
      throw new Error(`Broken by the input of WIREWAY_FUZZ_SEED=${seed} WIREWAY_FUZZ_INPUTS=1`, { cause: error });
    }
  }
  if (inputs < enough) return;
  for (const [verdict, count] of times) assert.ok(count > inputs * share, `only ${count} were ${verdict}`);
}
