/**
 * A server in arithmetic: so many workers, a queue in front of them, and a
 * client that keeps as many calls in flight as its limit allows.
 *
 * @module
 */

import { LimitWindow } from "../../src/util/limit_window.ts";
import type { LimitAlgorithm } from "../../src/util/limit_algorithm.ts";
import { Random } from "../support/random.ts";

/** What the server can do. */
export interface ServerModel {
  /** Calls that it works on at once. */
  capacity: number;
  /** How long one takes, in milliseconds. */
  serviceMs: number;
  /** Calls that it lets wait; it refuses the others at once. */
  maxQueue: number;
  /** How much longer or shorter a call may take, as a share; half of it is exponential where above 1. */
  noise: number;
  /** Calls that are wanted at once: the most that the client has in flight. */
  wanted: number;
}

interface Flight {
  startedAt: number;
  endsAt: number;
  refused: boolean;
}

/** What a run was like. */
export interface Run {
  /** The mean of the limit. */
  limit: number;
  least: number;
  most: number;
  /** Calls answered, a second. */
  throughput: number;
  /** Their mean latency, in milliseconds. */
  latencyMs: number;
}

/** Runs one limit against one server, in stages. */
export class Simulation {
  readonly window: LimitWindow;
  readonly server: ServerModel;
  #now = 0;
  readonly #flights: Flight[] = [];
  readonly #workers: number[] = [];
  readonly #random: Random;

  constructor(algorithm: LimitAlgorithm, server: Partial<ServerModel> = {}, seed = 1) {
    this.window = new LimitWindow(algorithm, { initial: 20, min: 4, max: 1000 });
    this.server = { capacity: 40, serviceMs: 20, maxQueue: Infinity, noise: 0.1, wanted: 1000, ...server };
    this.#random = new Random(seed);
  }

  /** Goes on for so long. */
  run(ms: number): Run {
    const end = this.#now + ms;
    let answered = 0, latency = 0, weighted = 0, least = Infinity, most = 0;
    while (this.#now < end) {
      const limit = Math.floor(this.window.limit);
      while (this.#flights.length < Math.min(limit, this.server.wanted)) this.#send();
      const next = this.#takeNext();
      weighted += limit * (next.endsAt - this.#now);
      this.#now = next.endsAt;
      if (next.refused) {
        this.window.dropped(next.startedAt, this.#now);
      } else {
        answered++;
        latency += this.#now - next.startedAt;
        this.window.succeeded(next.startedAt, this.#now, this.#flights.length + 1);
      }
      least = Math.min(least, limit);
      most = Math.max(most, limit);
    }
    return { limit: weighted / ms, least, most, throughput: answered * 1000 / ms, latencyMs: latency / answered };
  }

  #send(): void {
    const { capacity, maxQueue } = this.server;
    const now = this.#now;
    const busy = this.#workers.filter((freeAt) => freeAt > now).sort((a, b) => a - b);
    if (busy.length >= capacity + maxQueue) {
      this.#flights.push({ startedAt: now, endsAt: now + 1, refused: true });
      return;
    }
    const beginsAt = busy.length < capacity ? now : busy[busy.length - capacity];
    const endsAt = beginsAt + this.#serviceMs();
    this.#workers.length = 0;
    this.#workers.push(...busy, endsAt);
    this.#flights.push({ startedAt: now, endsAt, refused: false });
  }

  #serviceMs(): number {
    const { serviceMs, noise } = this.server;
    const unit = (this.#random.below(1_000_000) + 0.5) / 1_000_000;
    // From a steady time (0) to one that is exponential (1).
    return serviceMs * (1 - noise + noise * -Math.log(unit));
  }

  #takeNext(): Flight {
    let index = 0;
    for (let i = 1; i < this.#flights.length; i++) {
      if (this.#flights[i].endsAt < this.#flights[index].endsAt) index = i;
    }
    const next = this.#flights[index];
    const last = this.#flights.pop()!;
    if (last !== next) this.#flights[index] = last;
    return next;
  }
}
