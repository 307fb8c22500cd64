/**
 * Measures while the memory of the processes is sampled.
 *
 * @module
 */

import type { Measured, Rig, Step } from "./rig.ts";
import { type Growth, growthOf, type Sample, samplingSeconds } from "./soak.ts";
import type { Tally } from "./tally.ts";
import type { Usage } from "./usage.ts";

/** A long run, and how memory went meanwhile. */
export interface Watched {
  measured: Measured;
  growth: { client: Growth; server?: Growth };
}

/** The first part of a run, in which tables grow to their size, is not sampled: a share of it. */
const settlingShare = 0.1;

/**
 * Measures one step, and samples memory after its first tenth. Each collection
 * stops a process for some milliseconds. The seconds are told as they end
 * though nobody hears: a client that kept them would grow by them.
 */
export async function watched(
  rig: Rig,
  step: Step,
  onTick: (second: number, tally: Tally) => void = () => {},
): Promise<Watched> {
  const client: Sample[] = [];
  const server: Sample[] = [];
  const startedAt = performance.now();
  const settledAt = 1000 * (step.warmUp + settlingShare * step.seconds);
  let sampling = Promise.resolve();
  const sample = async (): Promise<void> => {
    const usage = await rig.usage(true);
    const at = (performance.now() - startedAt) / 1000;
    const of = ({ rssBytes, heapBytes }: Usage): Sample => ({ at, rssBytes, heapBytes });
    client.push(of(usage.client));
    if (usage.server !== undefined) server.push(of(usage.server));
  };
  const timer = setInterval(() => {
    if (performance.now() - startedAt < settledAt) return;
    sampling = sampling.then(sample);
  }, 1000 * samplingSeconds(step.seconds));
  try {
    const measured = await rig.measure(step, onTick);
    clearInterval(timer);
    await sampling;
    // While calls are still under way a collection finds less; one sample more, when all is quiet, is the end.
    await sample();
    const growth = { client: growthOf(client), server: server.length > 0 ? growthOf(server) : undefined };
    return { measured, growth };
  } finally {
    clearInterval(timer);
  }
}
