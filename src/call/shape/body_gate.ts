/**
 * Where pieces of bodies wait for their turn to go.
 *
 * Each body has one piece here at a time, and comes back with the next one when
 * that has gone. So a class may be empty for a moment without having given way:
 * its turn is reckoned in virtual time, by start-time fair queueing (P. Goyal,
 * H. M. Vin, H. Cheng, 1996), and not by rounds.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";
import { ByteMeter } from "../../util/byte_meter.ts";
import { TokenBucket } from "../../util/token_bucket.ts";
import { type Waiter, WaiterLine } from "../../util/waiters.ts";

/** What a gate goes by. */
export interface BodyGateSettings {
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
  /** The shares of the priorities 1 to 7. */
  readonly weights: readonly number[];
  readonly clock: Clock;
}

/** A body, and the one piece of it that waits. */
export class BodyTurn implements Waiter {
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  waiting = false;
  /** How large the piece is. */
  bytes = 0;
  /** The virtual time from which on it may go. */
  startsAt = 0;
  /** Its turn has come, or it has left. */
  go: () => void = () => {};
  readonly priority: number;

  constructor(priority: number) {
    this.priority = priority;
  }
}

const priorities = 8;

/** Lets pieces through at a rate, those of priority 0 before all others, the rest by their weights. */
export class BodyGate implements DeadlineEntry {
  dueAt = Infinity;
  position = -1;
  readonly holds = true;
  /** How many bodies wait here. */
  waiting = 0;
  readonly meter = new ByteMeter();
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  readonly #lines: readonly WaiterLine<BodyTurn>[];
  readonly #weights: readonly number[];
  /** The virtual time, and when, by it, each class has had its share. */
  #virtualNow = 0;
  readonly #servedUntil: number[] = new Array(priorities).fill(0);

  constructor({ bytesPerSecond, burstBytes, weights, clock }: BodyGateSettings) {
    this.#clock = clock;
    this.#bucket = new TokenBucket(bytesPerSecond, burstBytes, clock.now());
    this.#lines = Array.from({ length: priorities }, () => new WaiterLine<BodyTurn>());
    this.#weights = [Infinity, ...weights];
  }

  /** Resolves when a piece of this body may go; undefined where it may at once. */
  pass(turn: BodyTurn, bytes: number): Promise<void> | undefined {
    const now = this.#clock.now();
    if (this.waiting === 0 && this.#bucket.waitMs(now) === 0) {
      this.#take(bytes, now);
      return undefined;
    }
    turn.bytes = bytes;
    turn.startsAt = Math.max(this.#virtualNow, this.#servedUntil[turn.priority]);
    this.#servedUntil[turn.priority] = turn.startsAt + bytes / this.#weights[turn.priority];
    const gone = new Promise<void>((resolve) => turn.go = resolve);
    this.#lines[turn.priority].join(turn);
    this.waiting++;
    this.#pump(now);
    return gone;
  }

  /** A body waits no more. */
  leave(turn: BodyTurn): void {
    if (!turn.waiting) return;
    this.#lines[turn.priority].leave(turn);
    this.waiting--;
    turn.go();
    if (this.waiting > 0) return;
    const deadlines = deadlinesOf(this.#clock);
    deadlines.remove(this);
    deadlines.trim();
  }

  expire(): void {
    this.#pump(this.#clock.now());
  }

  #pump(now: number): void {
    while (this.waiting > 0) {
      const waitMs = this.#bucket.waitMs(now);
      if (waitMs > 0) {
        if (this.position >= 0) return;
        this.dueAt = now + waitMs;
        return deadlinesOf(this.#clock).add(this);
      }
      const turn = this.#next();
      this.#lines[turn.priority].leave(turn);
      this.waiting--;
      this.#take(turn.bytes, now);
      turn.go();
    }
  }

  /** The first of priority 0, else the one that may go since the longest. To be called while one waits. */
  #next(): BodyTurn {
    const firsts = this.#lines.flatMap(({ first }) => first ?? []);
    if (firsts[0].priority === 0) return firsts[0];
    const turn = firsts.reduce((least, one) => one.startsAt < least.startsAt ? one : least);
    this.#virtualNow = turn.startsAt;
    return turn;
  }

  #take(bytes: number, now: number): void {
    this.#bucket.take(bytes);
    this.meter.add(bytes, now);
  }
}
