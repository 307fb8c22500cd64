/**
 * What the process and the network did between two looks at them.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import { given, readOptions } from "../core/options.ts";
import { type ProcessUsage, processUsage } from "./host_process.ts";
import { type TcpCounters, tcpCounters } from "./host_tcp.ts";

/**
 * Options of {@linkcode HostMeter}.
 *
 * @example
 * ```ts
 * import { HostMeter, type HostMeterOptions } from "@wireway/wireway";
 * const options: HostMeterOptions = { tcp: () => undefined };
 * new HostMeter(options);
 * ```
 */
export interface HostMeterOptions {
  /** Measures the time between looks. @default {systemClock} */
  clock?: Clock;
  /** Reads what the process uses. @default {processUsage} */
  process?: () => ProcessUsage;
  /** Reads what TCP has counted. @default {tcpCounters} */
  tcp?: () => TcpCounters | undefined;
}

/**
 * What a {@linkcode HostMeter} saw. What the platform can't tell is undefined,
 * and so is what needs an earlier look to compare with.
 *
 * @example
 * ```ts
 * import type { HostFigures } from "@wireway/wireway";
 * const isBusy = ({ cpuShare }: HostFigures): boolean => cpuShare !== undefined && cpuShare > 0.8;
 * ```
 */
export interface HostFigures extends ProcessUsage {
  /** Processors that worked for this process since the last look: 1 is one processor all the time. */
  readonly cpuShare: number | undefined;
  /** Which share of the segments that the system sent since the last look were repeated, from 0 to 1. */
  readonly retransmittedShare: number | undefined;
  /** The counters of the system's TCP. */
  readonly tcp: TcpCounters | undefined;
}

/**
 * Looks at the process and at the system's TCP, and says what happened since
 * the last look. There is no timer: it looks when it is asked.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { HostMeter } from "@wireway/wireway";
 * const meter = new HostMeter();
 * const { residentBytes, cpuShare, retransmittedShare } = meter.read();
 * console.log(residentBytes, cpuShare ?? "not known", retransmittedShare ?? "not known");
 * ```
 */
export class HostMeter {
  readonly #clock: Clock;
  readonly #process: () => ProcessUsage;
  readonly #tcp: () => TcpCounters | undefined;
  #at: number;
  #cpuMs: number | undefined;
  #counters: TcpCounters | undefined;

  /** Takes a first look. */
  constructor(options: HostMeterOptions = {}) {
    const { clock, process, tcp } = readOptions("HostMeter", options, {
      clock: given<Clock>(systemClock, "an object"),
      process: given<() => ProcessUsage>(processUsage, "a function"),
      tcp: given<() => TcpCounters | undefined>(tcpCounters, "a function"),
    });
    this.#clock = clock;
    this.#process = process;
    this.#tcp = tcp;
    this.#at = clock.now();
    this.#cpuMs = process().cpuMs;
    this.#counters = tcp();
  }

  /** What it is now, and what happened since the last look. */
  read(): HostFigures {
    const [now, usage, tcp] = [this.#clock.now(), this.#process(), this.#tcp()];
    const cpuShare = share(growth(this.#cpuMs, usage.cpuMs), now - this.#at);
    const repeated = growth(this.#counters?.segmentsRetransmitted, tcp?.segmentsRetransmitted);
    const sent = growth(this.#counters?.segmentsOut, tcp?.segmentsOut);
    // The system counts a repeated segment apart from those sent.
    const retransmittedShare = sent === undefined ? undefined : share(repeated, sent + (repeated ?? 0));
    this.#at = now;
    this.#cpuMs = usage.cpuMs;
    this.#counters = tcp;
    return { ...usage, cpuShare, retransmittedShare, tcp };
  }
}

/** How much a counter has grown; undefined where it is not there, or was set back. */
function growth(before: number | undefined, now: number | undefined): number | undefined {
  return before === undefined || now === undefined || now < before ? undefined : now - before;
}

function share(part: number | undefined, whole: number): number | undefined {
  return part === undefined || whole <= 0 ? undefined : part / whole;
}
