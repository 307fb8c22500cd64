/**
 * A client process of a load test: opens connections and runs loops as its
 * parent says, and tells for each second what became of the calls.
 *
 * @module
 */

import { systemClock, TransportError } from "../../mod.ts";
import { type ArrivalPattern, gapsOf } from "./arrivals.ts";
import { heard, tell } from "./lines.ts";
import { closedLoop, type Loop, openLoop } from "./loops.ts";
import { Alarm } from "./pace.ts";
import { Spread } from "./spread.ts";
import { Tally, type TallySnapshot } from "./tally.ts";
import { type CallTransport, type Place, type TransportName, transportOf } from "./transports.ts";
import { type Usage, UsageMeter } from "./usage.ts";

/** A loop to run. */
export interface RunRequest {
  do: "run";
  /** Calls a second (open loop). */
  rate?: number;
  /** Calls at once (closed loop). */
  concurrency?: number;
  arrivals: ArrivalPattern;
  seed: number;
  maxInFlight: number;
  warmUpMs: number;
  durationMs: number;
  /** Tell of each second as it ends; else of all of them at the end, which disturbs the measurement less. */
  live: boolean;
}

/** What a client process is asked. */
export type ClientRequest =
  | {
    do: "dial";
    transport: TransportName;
    places: Place[];
    connections: number;
    size: number;
    timeoutMs: number;
    echo: boolean;
  }
  | RunRequest
  | { do: "stop" }
  | { do: "usage"; gc: boolean };

/** What a client process says. */
export interface ClientMessage {
  /** The connections are open. */
  dialled?: { connections: number; ms: number };
  /** What became of the calls in one second. */
  tick?: TallySnapshot;
  /** The loop is over; the seconds of which was not told as they ended, and what came behind the last one. */
  done?: { ticks: TallySnapshot[]; rest: TallySnapshot; measuredMs: number; open: number; reconnects: number };
  /** What the process uses. */
  usage?: Usage;
  /** What was asked for can't be done. */
  failed?: { code: string; message: string };
}

const tickMs = 1000;
/** Beyond the timeout of the calls themselves. */
const drainMarginMs = 1000;

class ClientProcess {
  readonly #meter = new UsageMeter();
  #spread: Spread | undefined;
  #timeoutMs = 0;
  #stop = new AbortController();
  #stoppedAt: number | undefined;

  /** Begins what is asked for; the answer is told. */
  take(request: ClientRequest): void {
    if (request.do === "stop") {
      this.#stoppedAt ??= systemClock.now();
      return this.#stop.abort();
    }
    if (request.do === "usage") return tell({ usage: this.#meter.read(request.gc) } satisfies ClientMessage);
    const work = request.do === "dial" ? this.#dial(request) : this.#run(request);
    work.catch((error) => {
      tell({ failed: { code: error.code ?? error.name, message: error.message } } satisfies ClientMessage);
    });
  }

  async #dial(request: ClientRequest & { do: "dial" }): Promise<void> {
    const { transport, places, connections, size, timeoutMs, echo } = request;
    const transports = transport === "memory"
      ? [await inMemory()]
      : places.map((place) => transportOf(transport, place));
    this.#timeoutMs = timeoutMs;
    this.#spread = new Spread(transports, new Uint8Array(size).fill(120), timeoutMs, echo);
    const startedAt = performance.now();
    await this.#spread.dial(connections);
    tell({ dialled: { connections: this.#spread.open, ms: performance.now() - startedAt } } satisfies ClientMessage);
  }

  async #run(request: RunRequest): Promise<void> {
    const spread = this.#spread!;
    const { capacity } = spread;
    if ((request.concurrency ?? 0) > capacity) {
      const message = `Cannot keep ${request.concurrency} calls in flight: the connections have room for ${capacity}`;
      throw new TransportError("too-many-calls", message);
    }
    const tally = new Tally();
    this.#stop = new AbortController();
    this.#stoppedAt = undefined;
    const countFrom = systemClock.now() + request.warmUpMs;
    const loop: Loop = {
      call: spread.call,
      tally,
      warmUpMs: request.warmUpMs,
      durationMs: request.durationMs,
      drainMs: this.#timeoutMs + drainMarginMs,
      clock: systemClock,
      signal: this.#stop.signal,
    };
    const ticks: TallySnapshot[] = [];
    const tick = (): void => {
      const snapshot = tally.take().snapshot();
      if (request.live) tell({ tick: snapshot } satisfies ClientMessage);
      else ticks.push(snapshot);
    };
    let ticking: ReturnType<typeof setInterval> | undefined;
    const begin = setTimeout(() => {
      this.#meter.read(false);
      ticking = setInterval(tick, tickMs);
    }, request.warmUpMs);
    try {
      if (request.concurrency !== undefined) {
        await closedLoop({ ...loop, concurrency: request.concurrency });
      } else {
        const gaps = gapsOf(request.arrivals, request.rate!, request.seed);
        const maxInFlight = Math.min(request.maxInFlight, capacity);
        using alarm = new Alarm();
        await openLoop({ ...loop, gaps, maxInFlight, pace: alarm.pace });
      }
    } finally {
      clearTimeout(begin);
      clearInterval(ticking);
    }
    const { open, reconnects } = spread;
    const stoppedAt = this.#stoppedAt ?? Infinity;
    const measuredMs = Math.max(0, Math.min(request.durationMs, stoppedAt - countFrom));
    tell({ done: { ticks, rest: tally.snapshot(), measuredMs, open, reconnects } } satisfies ClientMessage);
  }
}

/** Both ends are in this process then. */
async function inMemory(): Promise<CallTransport> {
  const transport = transportOf("memory", {});
  await transport.listen((request) => request);
  return transport;
}

if (import.meta.main) {
  Deno.addSignalListener("SIGINT", () => {});
  const client = new ClientProcess();
  for await (const request of heard<ClientRequest>()) client.take(request);
  Deno.exit(0);
}
