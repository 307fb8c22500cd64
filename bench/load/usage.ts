/**
 * What a process of a load test uses, as it tells its parent.
 *
 * @module
 */

import { HostMeter } from "../../mod.ts";

/** What a process uses. */
export interface Usage {
  /** Memory in RAM, in bytes. */
  rssBytes: number;
  /** Memory of JavaScript's objects, in bytes. */
  heapBytes: number;
  /** Processors that worked for it since the last look: 1 is one all the time. */
  cpuShare: number;
}

/** Reads the usage of this process, each time since the last. */
export class UsageMeter {
  readonly #meter = new HostMeter();

  /** What is used now; with `afterGc`, after the garbage was collected where the process may do that. */
  read(afterGc: boolean): Usage {
    if (afterGc) (globalThis as { gc?: () => void }).gc?.();
    const { residentBytes = 0, heapUsedBytes = 0, cpuShare = 0 } = this.#meter.read();
    return { rssBytes: residentBytes, heapBytes: heapUsedBytes, cpuShare };
  }
}
