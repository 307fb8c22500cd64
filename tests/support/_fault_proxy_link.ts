/**
 * One connection through the fault proxy: a pump for each direction, which
 * looks at the proxy's faults before it forwards.
 *
 * @module
 */

import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** How a connection is cut: closed in order, or reset. */
export type Cut = "fin" | "reset";

/** `"up"` is from the client to the upstream, `"down"` the way back. */
export type Direction = "up" | "down";

/** Cuts connections once so many bytes went in one direction. */
export interface CutRule {
  /** Bytes that are forwarded before the cut. */
  bytes: number;
  /** How to cut. */
  how: Cut;
  /** How many connections are still to be cut. */
  times: number;
}

/** What is wrong with the network at this moment. */
export interface Faults {
  /** Present while nothing is forwarded; resolved when it is again. */
  paused?: PromiseWithResolvers<void>;
  /** The speed of each connection in each direction. */
  bytesPerSecond: number;
  /** How long each byte is under way. */
  latencyMs: number;
  /** Bytes that are still to be swallowed in each direction. */
  losing: Record<Direction, number>;
  /** When to cut connections by themselves. */
  rules: Partial<Record<Direction, CutRule>>;
}

/** Pieces of a throttled stream a second: enough to look steady. */
const PIECES_PER_SECOND = 50;

/** Time for a receiver to read what it was sent before a reset. */
const HAND_OVER_MS = 50;

/** A client's connection and the upstream connection it is joined to. */
export class Link {
  /** Resolves when nothing is forwarded any more, in either direction. */
  readonly ended: Promise<void>;
  /** Bytes forwarded in each direction. */
  readonly forwarded: Record<Direction, number> = { up: 0, down: 0 };
  /** How the link was cut, if it was. */
  cutBy: Cut | undefined;
  /** Whether nothing will ever be forwarded again. */
  frozen = false;

  #client: Socket;
  #upstream: Socket;
  #faults: Faults;
  #cut = new AbortController();
  #cutSignalled: Promise<void>;

  /** Joins two connections. */
  constructor(client: Socket, upstream: Socket, faults: Faults) {
    this.#client = client;
    this.#upstream = upstream;
    this.#faults = faults;
    this.#cutSignalled = new Promise((resolve) => this.#cut.signal.addEventListener("abort", () => resolve()));
    this.ended = Promise.all([
      this.#pump(client, upstream, "up"),
      this.#pump(upstream, client, "down"),
    ]).then(() => {});
  }

  /** Cuts both connections. A link that was cut in order can still be reset. */
  cut(how: Cut): void {
    if (this.cutBy === "reset" || this.cutBy === how) return;
    this.cutBy = how;
    this.#cut.abort();
    for (const socket of [this.#client, this.#upstream]) {
      if (how === "reset") socket.resetAndDestroy();
      else socket.end();
    }
  }

  async #pump(from: Socket, to: Socket, direction: Direction): Promise<void> {
    /** What is under way, in order. */
    let underWay = Promise.resolve();
    let pieces = 0;
    try {
      // Ending one direction must leave the other open.
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        if (this.cutBy) {
          // A closed socket answers the first byte after its FIN with a RST.
          from.resetAndDestroy();
          return;
        }
        const { latencyMs } = this.#faults;
        if (latencyMs === 0 && pieces === 0) {
          await this.#forward(chunk, to, direction);
          continue;
        }
        const arrival = this.#wait(latencyMs);
        pieces++;
        underWay = underWay.then(() => arrival).then(() => this.#forward(chunk, to, direction)).finally(() => pieces--);
        // It is looked at when the stream has ended; until then an error shows on the socket as well.
        underWay.catch(() => {});
      }
      await underWay;
      await this.#open();
      to.end();
    } catch {
      // What broke one side has to break the other.
      await this.#open();
      this.cut("reset");
    }
  }

  async #forward(
    chunk: Uint8Array,
    to: Socket,
    direction: Direction,
  ): Promise<void> {
    const { losing } = this.#faults;
    const lost = Math.min(losing[direction], chunk.length);
    losing[direction] -= lost;
    let rest = chunk.subarray(lost);
    while (rest.length > 0) {
      await this.#open();
      if (this.cutBy) return;
      const { bytesPerSecond, rules } = this.#faults;
      const rule = rules[direction];
      const left = rule ? rule.bytes - this.forwarded[direction] : Infinity;
      const size = Math.min(
        Math.max(1, Math.floor(bytesPerSecond / PIECES_PER_SECOND)),
        left,
        rest.length,
      );
      if (size > 0) {
        await written(to, rest.subarray(0, size));
        this.forwarded[direction] += size;
        rest = rest.subarray(size);
      }
      if (rule && size === left) return await this.#spend(rule, direction);
      if (bytesPerSecond < Infinity) await this.#wait(size / bytesPerSecond * 1000);
    }
  }

  async #spend(rule: CutRule, direction: Direction): Promise<void> {
    if (--rule.times <= 0 && this.#faults.rules[direction] === rule) delete this.#faults.rules[direction];
    // A reset throws away what the kernel has not handed over yet.
    if (rule.how === "reset") await this.#wait(HAND_OVER_MS);
    this.cut(rule.how);
  }

  /** Waits for a time, or until the link is cut. */
  async #wait(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#cut.signal }).catch(() => {});
  }

  /** Waits while the proxy is paused, and for ever where the link is frozen, unless it is cut. */
  async #open(): Promise<void> {
    while (this.#faults.paused && !this.cutBy) {
      await Promise.race([this.#faults.paused.promise, this.#cutSignalled]);
    }
    if (this.frozen && !this.cutBy) await this.#cutSignalled;
  }
}

function written(to: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    to.write(bytes, (error) => error ? reject(error) : resolve());
  });
}
