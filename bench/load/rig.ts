/**
 * A load test that is set up: a server process, client processes and their
 * connections, on which measurements are made one after the other.
 *
 * @module
 */

import type { ArrivalPattern } from "./arrivals.ts";
import type { ClientMessage, ClientRequest } from "./client.ts";
import { serverOf, type ServerProcess, Talker } from "./processes.ts";
import { Tally, type TallySnapshot } from "./tally.ts";
import type { Place, TransportName } from "./transports.ts";
import type { Usage } from "./usage.ts";

/** What is set up. */
export interface RigOptions {
  /** The transport. */
  transport: TransportName;
  /** A server that runs already; without one a process of our own is started. */
  server?: Place;
  /** Connections in all. */
  connections: number;
  /** Client processes. */
  clients: number;
  /** Addresses of the loopback that our own server listens on. */
  addresses: number;
  /** Bytes of a request. */
  size: number;
  /** Time that a call may take, in milliseconds. */
  timeoutMs: number;
  /** Calls in flight at once at the most, in an open loop. */
  maxInFlight: number;
  /** How the calls of an open loop come. */
  arrivals: ArrivalPattern;
  /** The seed of random arrivals. */
  seed: number;
}

/** One measurement: a rate, or else a concurrency. */
export interface Step {
  /** Calls a second. */
  rate?: number;
  /** Calls at once. */
  concurrency?: number;
  /** Seconds before anything is counted. */
  warmUp: number;
  /** Seconds that are measured. */
  seconds: number;
}

/** What was measured. */
export interface Measured {
  /** What became of the calls, in each second. */
  ticks: Tally[];
  /** All of it. */
  total: Tally;
  /** How long was measured, in seconds: less than was asked for where it was interrupted. */
  seconds: number;
  /** Calls answered in a second. */
  throughput: number;
  /** Connections that were open at the end. */
  open: number;
  /** Connections that were lost and opened again. */
  reconnects: number;
  /** What all client processes used together. */
  client: Usage;
  /** What the server used, where it is our own process. */
  server?: Usage;
}

type Client = Talker<ClientRequest, ClientMessage>;

/** Processes with connections between them. */
export class Rig implements AsyncDisposable {
  /** How long it took to open the connections, in milliseconds. */
  dialMs = 0;
  #stopped = false;
  readonly #options: RigOptions;
  readonly #clients: Client[] = [];
  #server: ServerProcess | undefined;
  #folder: string | undefined;

  private constructor(options: RigOptions) {
    this.#options = options;
  }

  /** Starts the processes and opens the connections. */
  static async open(options: RigOptions): Promise<Rig> {
    const rig = new Rig(options);
    try {
      await rig.#dial(await rig.#places());
    } catch (error) {
      await rig.close();
      throw error;
    }
    return rig;
  }

  /** Whether {@linkcode stop} was called. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Measures; `onTick` hears of each second as it ends. To tell of it takes the
   * processor from those who are measured: where nobody hears it is done at the end.
   */
  async measure(step: Step, onTick?: (second: number, tally: Tally) => void): Promise<Measured> {
    const ticks: Tally[] = [];
    const add = (second: number, tick: TallySnapshot): void => (ticks[second] ??= new Tally()).merge(Tally.from(tick));
    const told: number[] = [];
    const hearing = this.#clients.map((client) => {
      let second = 0;
      return client.hear(({ tick }) => {
        if (tick === undefined) return;
        const at = second++;
        add(at, tick);
        told[at] = (told[at] ?? 0) + 1;
        if (told[at] === this.#clients.length) onTick?.(at + 1, ticks[at]);
      });
    });
    const begin = setTimeout(() => void this.#usageOfServer(false), step.warmUp * 1000);
    try {
      const ends = await Promise.all(
        this.#clients.map((client, index) => this.#run(client, index, step, onTick !== undefined)),
      );
      for (const end of ends) end.ticks.forEach((tick, second) => add(second, tick));
      const rest = new Tally();
      for (const end of ends) rest.merge(Tally.from(end.rest));
      const seconds = Math.max(...ends.map(({ measuredMs }) => measuredMs)) / 1000;
      // What ends behind the last second belongs to that: as a second of its own it would look like a lull.
      if (ticks.length > 0 && ticks.length >= seconds) ticks.at(-1)!.merge(rest);
      else if (rest.total > 0) ticks.push(rest);
      const total = new Tally();
      for (const tick of ticks) total.merge(tick);
      const sum = (key: "open" | "reconnects"): number => ends.reduce((sum, end) => sum + end[key], 0);
      const usage = await this.usage(false);
      const throughput = seconds > 0 ? total.ok / seconds : 0;
      return { ticks, total, seconds, throughput, open: sum("open"), reconnects: sum("reconnects"), ...usage };
    } finally {
      clearTimeout(begin);
      for (const end of hearing) end();
    }
  }

  /** What the processes use since the last look, with `gc` after the garbage was collected. */
  async usage(gc: boolean): Promise<{ client: Usage; server?: Usage }> {
    const [server, ...clients] = await Promise.all([
      this.#usageOfServer(gc),
      ...this.#clients.map((client) => ask(client, { do: "usage", gc }, ({ usage }) => usage)),
    ]);
    const client = (clients as Usage[]).reduce((sum, { rssBytes, heapBytes, cpuShare }) => ({
      rssBytes: sum.rssBytes + rssBytes,
      heapBytes: sum.heapBytes + heapBytes,
      cpuShare: sum.cpuShare + cpuShare,
    }));
    return { client, server };
  }

  /** Calls that our own server was given; undefined where it is not ours. */
  callsOfServer(): Promise<number | undefined> {
    if (this.#server === undefined) return Promise.resolve(undefined);
    return ask(this.#server, { do: "usage", gc: false }, ({ calls }) => calls);
  }

  /** Ends a measurement early: it gives what it has. */
  stop(): void {
    this.#stopped = true;
    for (const client of this.#clients) void client.send({ do: "stop" });
  }

  /** Ends the processes. */
  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()));
    await this.#server?.stop();
    if (this.#folder !== undefined) await Deno.remove(this.#folder, { recursive: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #places(): Promise<Place[]> {
    const { transport, server, addresses } = this.#options;
    if (transport === "memory") return [];
    // Each connection starts a server of its own.
    if (transport === "stdio") return [{}];
    if (server !== undefined) return [server];
    let detail = String(addresses);
    if (transport === "unix") {
      this.#folder = await Deno.makeTempDir({ prefix: "wireway_load_" });
      detail = `${this.#folder}/socket`;
    }
    const started = await serverOf(transport, detail);
    this.#server = started.server;
    return started.places;
  }

  async #dial(places: Place[]): Promise<void> {
    const { transport, connections, clients, size, timeoutMs, server } = this.#options;
    for (let i = 0; i < clients; i++) this.#clients.push(new Talker("client.ts"));
    const dialled = await Promise.all(this.#clients.map((client, index) => {
      const share = shareOf(connections, clients, index);
      const echo = server === undefined;
      return ask(
        client,
        { do: "dial", transport, places, connections: share, size, timeoutMs, echo },
        ({ dialled }) => dialled,
      );
    }));
    this.dialMs = Math.max(...dialled.map(({ ms }) => ms));
  }

  #run(client: Client, index: number, { rate, concurrency, warmUp, seconds }: Step, live: boolean) {
    const { clients, arrivals, seed, maxInFlight } = this.#options;
    const request: ClientRequest = {
      do: "run",
      rate: rate === undefined ? undefined : rate / clients,
      concurrency: concurrency === undefined ? undefined : shareOf(concurrency, clients, index),
      arrivals,
      seed: seed + index,
      maxInFlight: shareOf(maxInFlight, clients, index),
      warmUpMs: warmUp * 1000,
      durationMs: seconds * 1000,
      live,
    };
    return ask(client, request, ({ done }) => done);
  }

  #usageOfServer(gc: boolean): Promise<Usage | undefined> {
    if (this.#server === undefined) return Promise.resolve(undefined);
    return ask(this.#server, { do: "usage", gc }, ({ usage }) => usage);
  }
}

/** The share of one of `parts` of a whole number. */
export function shareOf(whole: number, parts: number, index: number): number {
  return Math.floor(whole / parts) + (index < whole % parts ? 1 : 0);
}

function ask<Request extends object, Message, T>(
  talker: Talker<Request, Message>,
  request: Request,
  pick: (message: Message) => T | undefined,
): Promise<T> {
  const answer = talker.wait(pick);
  void talker.send(request);
  return answer;
}
