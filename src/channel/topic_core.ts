/**
 * What a topic does.
 *
 * @module
 */

import type { Message } from "../core/channel.ts";
import { TransportError } from "../core/errors.ts";
import { Backlog } from "./topic_backlog.ts";
import type { ReaderGroup } from "./topic_group.ts";
import type { SubscribeOptions, TopicStats } from "./topic_options.ts";
import { Reader, type ReaderTopic, type Sink } from "./topic_reader.ts";

/** The settings that a topic works by. */
export interface TopicSettings {
  readonly replay: boolean;
  readonly maxBacklogMessages: number;
  readonly maxBacklogBytes: number;
  readonly maxReaders: number;
  readonly run: string | undefined;
  readonly first: number;
}

/** A message on its way, with its encodings by their numbers. */
interface Published<T> {
  readonly message: T;
  readonly encoded: (Message | undefined)[];
}

/** Numbers the messages, keeps those that somebody still needs, and hands them to the groups of readers. */
export class TopicCore<T> implements ReaderTopic<T> {
  /** The number of the last message that went out. */
  last: number;
  isClosed = false;
  readonly #settings: TopicSettings;
  readonly #groups: readonly ReaderGroup<T>[];
  readonly #backlog: Backlog<T>;
  /** What tells the ids of one run from those of another. */
  #run: string | undefined;
  /** Messages that are going out, more than one where readers publish; none between publishes. */
  #outgoing: Published<T>[] = [];
  /** The number of the last message that was published, and may still have to go out. */
  #numbered: number;
  #published = 0;
  /** Readers that left in the middle of a publish. */
  #departed: Reader<T>[] = [];
  #readers = 0;
  #lagging = 0;
  /** Readers that lag and must lose nothing, and from where on the first of them still needs messages, at the least. */
  #strict = 0;
  #strictFrom = Infinity;
  #dropped = 0;
  #failed = 0;
  /** The last number that stands for nobody knows how many messages. */
  #unknownUntil = -Infinity;

  /** The last group is that of the readers that take messages as they are. */
  constructor(settings: TopicSettings, groups: readonly ReaderGroup<T>[]) {
    this.#settings = settings;
    this.#groups = groups;
    this.#backlog = new Backlog(groups.length - 1, settings.maxBacklogMessages, settings.maxBacklogBytes);
    this.#run = settings.run;
    this.last = this.#numbered = settings.first - 1;
    this.#backlog.clear(settings.first);
  }

  publish(message: T): void {
    if (this.isClosed) throw new TransportError("closed", "Cannot publish: the topic is closed");
    const outgoing = this.#outgoing;
    if (outgoing.length > this.#settings.maxBacklogMessages) {
      throw new TransportError(
        "overloaded",
        `Cannot publish: readers have published ${outgoing.length - 1} messages in the middle of one`,
      );
    }
    const id = this.#idOf(this.#numbered + 1);
    const encoded: (Message | undefined)[] = [];
    for (const group of this.#groups) {
      // With replay one encoding is made in any case: the size of what is kept must be known.
      const needed = group.readers.length > 0 || (this.#settings.replay && group.index === 0);
      encoded.push(needed ? group.encode(message, id) : undefined);
    }
    this.#numbered++;
    this.#published++;
    if (outgoing.push({ message, encoded }) > 1) return;
    // Readers that publish make this longer as it goes.
    for (let i = 0; i < outgoing.length; i++) this.#deliver(outgoing[i]);
    this.#outgoing = [];
    if (this.#departed.length > 0) {
      for (const reader of this.#departed) reader.group.remove(reader);
      this.#departed = [];
    }
    if (this.isClosed) this.#endReady();
  }

  skip(count: number, missed: number | undefined): void {
    if (this.isClosed) throw new TransportError("closed", "Cannot skip: the topic is closed");
    if (this.#outgoing.length > 0) {
      throw new TransportError("unsupported", "Cannot skip: a message is going out, and this came from a reader of it");
    }
    this.#numbered = this.last += count;
    if (missed === undefined) this.#unknownUntil = this.last;
    // Behind a gap nobody can go back before it: those who lag are told as they read on.
    this.#backlog.clear(this.last + 1);
    this.#endTooSlow();
    for (const { readers } of this.#groups) {
      for (const reader of [...readers]) {
        if (reader.isLagging) continue;
        if (reader.isStrict) reader.lose(count);
        else reader.skip(this.last + 1, count, missed);
      }
    }
  }

  subscribe(
    group: ReaderGroup<T>,
    sink: Sink,
    options: Required<Omit<SubscribeOptions, "closed">> & SubscribeOptions,
  ): Reader<T> {
    if (this.isClosed) throw new TransportError("closed", "Cannot subscribe: the topic is closed");
    if (this.#readers >= this.#settings.maxReaders) {
      throw new TransportError("overloaded", `Cannot subscribe: the topic has ${this.#readers} readers, its limit`);
    }
    const reader = new Reader(this, group, sink, options.overflow === "close", options.closed);
    this.#readers++;
    group.add(reader);
    const { first } = this.#backlog;
    if (options.after === "") {
      const recent = this.#settings.replay ? options.recent : 0;
      reader.start(Math.max(first, this.last + 1 - recent), false, 0);
    } else {
      const from = this.#placeAfter(options.after);
      if (from === undefined) reader.start(this.#settings.replay ? first : this.last + 1, true, undefined);
      else reader.start(Math.max(first, from), from < first, this.missedFrom(from));
    }
    return reader;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    // What is going out goes out to all.
    if (this.#outgoing.length === 0) this.#endReady();
  }

  stats(): TopicStats {
    return {
      readers: this.#readers,
      lagging: this.#lagging,
      published: this.#published,
      dropped: this.#dropped + this.#unseen(),
      failed: this.#failed,
      backlogMessages: this.#backlog.size,
      backlogBytes: this.#backlog.bytes,
    };
  }

  get firstKept(): number {
    return this.#backlog.first;
  }

  missedFrom(number: number): number | undefined {
    return number <= this.#unknownUntil ? undefined : this.firstKept - number;
  }

  read(group: ReaderGroup<T>, number: number): Message {
    const kept = this.#backlog.get(number);
    const known = kept.encoded[group.index];
    if (known !== undefined) return known;
    const encoded = group.encode(kept.message, this.#idOf(number));
    this.#backlog.grow(kept, group.index, encoded);
    this.#endTooSlow();
    return encoded;
  }

  lags(reader: Reader<T>, lagging: boolean): void {
    const by = lagging ? 1 : -1;
    this.#lagging += by;
    if (reader.isStrict) {
      this.#strict += by;
      this.#strictFrom = this.#strict === 0 ? Infinity : Math.min(this.#strictFrom, reader.cursor);
    }
    if (this.#lagging === 0 && !this.#settings.replay) this.#backlog.clear(this.last + 1);
  }

  dropped(count: number): void {
    this.#dropped += count;
  }

  gone(reader: Reader<T>, error: TransportError | undefined): void {
    this.#readers--;
    if (error !== undefined) this.#failed++;
    // A group must not be changed while a message goes through it.
    if (this.#outgoing.length > 0) this.#departed.push(reader);
    else reader.group.remove(reader);
  }

  #deliver({ message, encoded }: Published<T>): void {
    const number = ++this.last;
    if (this.#settings.replay || this.#lagging > 0) {
      this.#backlog.add(message, encoded);
      this.#endTooSlow();
    } else {
      this.#backlog.first = number + 1;
    }
    for (const group of this.#groups) {
      if (group.readers.length === 0) continue;
      try {
        group.deliver(number, encoded[group.index] ??= group.encode(message, this.#idOf(number)));
      } catch (error) {
        // A group that got its first reader after this message was published, by a reader, and can't be encoded for.
        group.fail(error);
      }
    }
  }

  /** Messages that readers have lost who have not come upon that. Nothing is counted for them as messages go. */
  #unseen(): number {
    if (this.#lagging === 0) return 0;
    return this.#groups.reduce((sum, { readers }) => readers.reduce((sum, { unseen }) => sum + unseen, sum), 0);
  }

  /** Ends the readers that have lost messages and must not. */
  #endTooSlow(): void {
    const { first } = this.#backlog;
    if (first <= this.#strictFrom) return;
    this.#strictFrom = Infinity;
    for (const { readers } of this.#groups) {
      for (const reader of [...readers]) {
        if (!reader.isStrict || !reader.isLagging) continue;
        if (reader.cursor < first) reader.lose(first - reader.cursor);
        else this.#strictFrom = Math.min(this.#strictFrom, reader.cursor);
      }
    }
  }

  /** Ends the readers that have got all there is. The others end when they have. */
  #endReady(): void {
    for (const { readers } of this.#groups) {
      for (const reader of [...readers]) if (!reader.isLagging) reader.end(undefined);
    }
  }

  /** The number behind the message with this id; none, where it is not one of this topic's. */
  #placeAfter(id: string): number | undefined {
    const run = this.#idOf(0).slice(0, -1);
    const number = id.slice(run.length);
    if (!id.startsWith(run) || !/^[0-9]{1,15}$/.test(number)) return undefined;
    return Number(number) <= this.last ? Number(number) + 1 : undefined;
  }

  #idOf(number: number): string {
    // Made when it is needed: on the edge, not every module may at load.
    this.#run ??= Math.floor(Math.random() * 2 ** 40).toString(36);
    return `${this.#run}-${number}`;
  }
}
