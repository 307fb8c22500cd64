/**
 * One reader of a topic.
 *
 * @module
 */

import type { Message } from "../core/channel.ts";
import { TransportError } from "../core/errors.ts";
import type { ReaderGroup } from "./topic_group.ts";
import type { TopicSubscription } from "./topic_options.ts";

/** What a reader needs of its topic. */
export interface ReaderTopic<T> {
  /** The number of the last message. */
  readonly last: number;
  /** Whether it publishes no more: readers end where they have caught up. */
  readonly isClosed: boolean;
  /** The number of the oldest message that is kept. */
  readonly firstKept: number;
  /** How many messages are missing from this one to the oldest that is kept; undefined where nobody knows. */
  missedFrom(number: number): number | undefined;
  /** A message that is kept, as this group of readers gets it. */
  read(group: ReaderGroup<T>, number: number): Message;
  /** A reader has begun to lag behind, or has caught up. */
  lags(reader: Reader<T>, lagging: boolean): void;
  /** A reader has lost messages. */
  dropped(count: number): void;
  /** A reader has gone. */
  gone(reader: Reader<T>, error: TransportError | undefined): void;
}

/** Takes what is published, encoded. */
export type Sink = (encoded: Message) => void | Promise<void>;

/** Where a reader stands that gets nothing from a publish: it is busy, or gone. */
const notReady = -1;

/**
 * A reader: a place among the numbered messages. It has no queue of its own:
 * while it is busy it stands still, and afterwards it reads on from the topic's
 * backlog.
 */
export class Reader<T> implements TopicSubscription {
  /** The message that it waits for, where it is ready. A publish looks at this and nothing else. */
  ready = notReady;
  /** The message that it gets next, where it is not ready. */
  cursor = 0;
  /** Where it stands in its group. */
  position = -1;
  isGone = false;
  isLagging = false;
  readonly group: ReaderGroup<T>;
  /** Whether losing messages ends it. */
  readonly isStrict: boolean;
  sink: Sink;
  /** Messages that it lost and knows of. */
  #dropped = 0;
  /** Whether its sink has asked for time. */
  #isWaiting = false;
  readonly #topic: ReaderTopic<T>;
  #closed: ((error: TransportError | undefined) => void) | undefined;
  #resume: (() => void) | undefined = undefined;
  #fail: ((error: unknown) => void) | undefined = undefined;

  constructor(
    topic: ReaderTopic<T>,
    group: ReaderGroup<T>,
    sink: Sink,
    isStrict: boolean,
    closed: ((error: TransportError | undefined) => void) | undefined,
  ) {
    this.#topic = topic;
    this.group = group;
    this.sink = sink;
    this.isStrict = isStrict;
    this.#closed = closed;
  }

  /** Messages that it lost. */
  get dropped(): number {
    return this.#dropped + this.unseen;
  }

  /** Messages that it lost and has yet to come upon: nobody tells it as they go. */
  get unseen(): number {
    return this.isLagging ? Math.max(0, this.#topic.firstKept - this.cursor) : 0;
  }

  /** Begins with this message, after a notice that `missed` messages are missing, if they are. */
  start(cursor: number, gap: boolean, missed: number | undefined): void {
    this.cursor = cursor;
    this.#lag(true);
    if (!gap || this.#tell(missed)) this.#readOn();
  }

  /** It goes on with this message; `count` before it are lost, or as many as `missed` says. */
  skip(cursor: number, count: number, missed: number | undefined): void {
    this.ready = notReady;
    this.#drop(count);
    this.start(cursor, true, missed);
  }

  /** It got a message and asks for time. Called when `ready` is the next message already. */
  wait(until: Promise<void>): void {
    // A function without a result is often given one that returns something.
    if (this.isGone || typeof until?.then !== "function") return;
    this.#isWaiting = true;
    if (this.ready !== notReady) {
      this.cursor = this.ready;
      this.ready = notReady;
      this.#lag(true);
    }
    until.then(this.#resume ??= () => this.#goOn(), this.#fail ??= (error) => this.fail(error));
  }

  /** Its sink has failed. */
  fail(error: unknown): void {
    this.end(TransportError.from(error, "connection-lost"));
  }

  /** It has lost messages, and must not. */
  lose(missed: number): void {
    if (!this.isLagging) this.#drop(missed);
    this.end(tooSlow(missed));
  }

  close(): void {
    this.end(undefined);
  }

  [Symbol.dispose](): void {
    this.end(undefined);
  }

  /** It gets nothing any more. */
  end(error: TransportError | undefined): void {
    if (this.isGone) return;
    this.isGone = true;
    this.ready = notReady;
    this.#drop(this.unseen);
    this.#lag(false);
    // Whoever keeps the subscription shall not keep what it led to.
    this.sink = ignore;
    this.#topic.gone(this, error);
    const closed = this.#closed;
    this.#closed = undefined;
    try {
      closed?.(error);
    } catch {
      // A listener's own fault is not the topic's.
    }
  }

  #goOn(): void {
    this.#isWaiting = false;
    if (!this.isGone) this.#readOn();
  }

  /** Reads what is kept, until it is busy again or has caught up. */
  #readOn(): void {
    const topic = this.#topic;
    while (this.cursor <= topic.last) {
      const lost = topic.firstKept - this.cursor;
      if (lost > 0) {
        const missed = topic.missedFrom(this.cursor);
        this.#drop(lost);
        this.cursor = topic.firstKept;
        if (!this.#tell(missed)) return;
      } else if (!this.#readOne()) {
        return;
      }
    }
    if (topic.isClosed) return this.end(undefined);
    this.ready = this.cursor;
    this.#lag(false);
  }

  /** Whether it goes on. */
  #readOne(): boolean {
    try {
      return this.#give(this.#topic.read(this.group, this.cursor++));
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  /** Says that messages are missing. Whether it goes on. */
  #tell(missed: number | undefined): boolean {
    try {
      const gap = this.group.gap(missed);
      return gap === undefined || this.#give(gap);
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  #give(encoded: Message): boolean {
    const until = this.sink(encoded);
    if (until !== undefined) this.wait(until);
    return !this.isGone && !this.#isWaiting;
  }

  #drop(count: number): void {
    this.#dropped += count;
    this.#topic.dropped(count);
  }

  #lag(lagging: boolean): void {
    if (this.isLagging === lagging) return;
    this.isLagging = lagging;
    this.#topic.lags(this, lagging);
  }
}

function ignore(): void {}

function tooSlow(missed: number): TransportError {
  return new TransportError(
    "overloaded",
    `Reader of topic ended: it is too slow and has lost ${missed} message${missed === 1 ? "" : "s"}`,
    { details: { missed } },
  );
}
