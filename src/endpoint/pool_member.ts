/**
 * One connection of a pool, and what the pool knows about it.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import type { CloseOptions, SessionState } from "../core/session.ts";
import { CallRecord } from "./call_record.ts";
import type { ConnectionPoolSettings } from "./pool_options.ts";
import type { Candidate } from "./strategy.ts";

/** What can be pooled: a session, or a resource that stands for itself. */
export interface Poolable {
  /** Whether it takes work. */
  readonly state: SessionState;
  /** Pieces of work that it carries now. */
  readonly load: number;
  /** How many it takes at once. */
  readonly capacity: number;
  /** Resolves when it is over. */
  readonly finished: Promise<unknown>;
  /** To be called when its load or state changes. */
  onChange: (() => void) | undefined;
  /** Asks whether it is alive. */
  ping(): Promise<unknown>;
  /** Lets it finish what it carries, and ends it. */
  close(options?: CloseOptions): Promise<void>;
  /** Ends it at once. */
  abort(reason: TransportError): void;
}

/** The share of a lifetime that is drawn at random, so that connections opened together are not replaced together. */
const lifetimeJitter = 0.2;

/** With so little weight, the others come first until each of them carries a hundred. */
const doubtedWeight = 0.01;

/** See the module. */
export class PoolMember<P extends Poolable> implements Candidate {
  readonly poolable: P;
  readonly since: number;
  /** When it is to be replaced. */
  readonly retireAt: number;
  readonly record: CallRecord = new CallRecord();
  /** How often it was chosen; compared from look to look, since reading the clock at each call would cost more. */
  uses = 0;
  usesSeen = 0;
  /** For how long looks have found it unused, in milliseconds. */
  quietMs = 0;
  /** Whether it has been unused for so long that it must be asked before it is used. */
  stale = false;
  /** Whether it is being asked. */
  checking = false;
  /** Whether a piece of work ran out of time on it, and it has not answered since. */
  doubted = false;
  /** Looks at how a piece of work failed. One for all, so that none needs its own. */
  readonly onError: (error: unknown) => void;

  constructor(poolable: P, settings: ConnectionPoolSettings, onDoubt: (member: PoolMember<P>) => void) {
    const { clock, maxLifetimeMs, random } = settings;
    this.poolable = poolable;
    this.since = clock.now();
    this.retireAt = this.since + maxLifetimeMs * (1 - lifetimeJitter * random());
    this.onError = (error) => {
      if (this.doubted || !(error instanceof TransportError) || error.remote) return;
      if (error.code === "deadline-exceeded" && error.processed !== "no") onDoubt(this);
    };
  }

  /** What is in doubt is chosen last. */
  get weight(): number {
    return this.doubted ? doubtedWeight : 1;
  }

  get load(): number {
    return this.poolable.load;
  }

  get available(): boolean {
    const { poolable } = this;
    return !this.stale && poolable.state === "open" && poolable.load < poolable.capacity;
  }

  /** Looks whether it was used since the last look, so many milliseconds ago. */
  look(sinceMs: number): void {
    const { load } = this.poolable;
    this.quietMs = this.uses === this.usesSeen && load === 0 ? this.quietMs + sinceMs : 0;
    // One that carries something now is one that was used since, when it is looked at next.
    this.usesSeen = load > 0 ? -1 : this.uses;
  }
}
