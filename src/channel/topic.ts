/**
 * Topic: publishes messages to thousands of readers of any transport.
 *
 * @module
 */

import type { Message } from "../core/channel.ts";
import { flag, given, integer, invalidOption, label, oneOf, readOptions } from "../core/options.ts";
import { TopicCore } from "./topic_core.ts";
import { ReaderGroup } from "./topic_group.ts";
import { TopicIterator } from "./topic_iterator.ts";
import type {
  SubscribeOptions,
  TopicMessagesOptions,
  TopicOptions,
  TopicStats,
  TopicSubscription,
} from "./topic_options.ts";
import type { Sink } from "./topic_reader.ts";

export type {
  Encoding,
  EncodingOrFunction,
  IterateOptions,
  SubscribeOptions,
  TopicMessagesOptions,
  TopicOptions,
  TopicStats,
  TopicSubscription,
} from "./topic_options.ts";

/**
 * Fans messages out to readers: event streams, WebSockets, channels, loops.
 * Each message is encoded once for each encoding, and all readers of an
 * encoding get the same bytes.
 *
 * A reader that is slow (its sink returned a promise) has no queue of its own:
 * it reads on later from the topic's backlog, which holds what the slowest one
 * has yet to get, up to a limit in messages and bytes. Past that a reader loses
 * messages by its own policy: it goes on behind the gap, told of it where its
 * encoding has a way to say so, or it is ended. With `replay` the backlog is
 * always kept, and readers who come late or back get what they missed.
 *
 * Messages reach each reader in the order of their publishing, also those that
 * are published by a reader in the middle of another one. A sink that fails
 * ends its own subscription and nobody else's.
 *
 * Errors: `closed` after the end; `overloaded` past `maxReaders`, and for
 * readers that publish in circles; `invalid-option`; out of `publish()`, what
 * an encoding throws, and nobody gets that message.
 *
 * @example
 * ```ts
 * import { eventEncoding, eventStream, Topic } from "@wireway/wireway";
 * const encodings = { events: eventEncoding((text: string) => ({ data: text })), plain: (text: string) => text };
 * const news = new Topic({ encodings, replay: true });
 *
 * // An event stream, which resumes when its reader comes back:
 * const handler = (request: Request): Response =>
 *   eventStream(request, (events) =>
 *     news.subscribe("events", events.send, { after: events.lastEventId, closed: events.close }));
 *
 * // Anything that takes messages:
 * using subscription = news.subscribe("plain", (text) => console.log(text), { recent: 10 });
 * news.publish("hello");
 * ```
 */
export class Topic<T, Encoded extends Record<string, Message> = Record<string, Uint8Array>>
  implements AsyncIterable<T>, Disposable {
  readonly #core: TopicCore<T>;
  readonly #groups: ReadonlyMap<string, ReaderGroup<T>>;
  /** The readers that take the messages as they are. */
  readonly #plain: ReaderGroup<T>;

  /** Makes a topic without readers. */
  constructor(options: TopicOptions<T, Encoded> = {}) {
    const { encodings, ...settings } = readOptions("Topic", options, {
      encodings: given<object>({}, "an object"),
      replay: flag(false),
      maxBacklogMessages: integer(1000, 1, 0x3fff_ffff),
      maxBacklogBytes: integer(1024 * 1024, 1, 0x7fff_ffff),
      maxReaders: integer(100_000, 1, 0x3fff_ffff),
      run: label(undefined),
      first: integer(1, 1, Number.MAX_SAFE_INTEGER),
    });
    this.#groups = new Map(
      Object.entries(encodings).map(([name, encoding], i) => [name, new ReaderGroup<T>(i, encoding)]),
    );
    this.#plain = new ReaderGroup<T>(this.#groups.size);
    this.#core = new TopicCore(settings, [...this.#groups.values(), this.#plain]);
  }

  /**
   * Sends a message to all readers: those that are ready have got it when this
   * returns. It costs a few nanoseconds for each of them.
   */
  publish(message: T): void {
    this.#core.publish(message);
  }

  /**
   * Leaves out the numbers of `count` messages, which were lost before they came
   * here, and tells all readers of the gap. `known` says whether so many were
   * missed; if not, readers are told that nobody knows how many. What was kept
   * from before is kept no longer. For bridges that get their messages from
   * elsewhere.
   */
  skip(count: number, known = true): void {
    if (!Number.isSafeInteger(count) || count < 1) {
      throw invalidOption("skip()", "count", count, "an integer from 1");
    }
    this.#core.skip(count, known ? count : undefined);
  }

  /**
   * Has `sink` called with each message from now on, in one of the topic's
   * encodings. The bytes are shared by all readers: do not change them. A sink
   * that returns a promise gets nothing more before that has settled; one that
   * throws or rejects ends its subscription. What a late reader gets of the
   * backlog it gets from the moment of the call on.
   */
  subscribe<Name extends keyof Encoded & string>(
    encoding: Name,
    sink: (encoded: Encoded[Name]) => void | Promise<void>,
    options: SubscribeOptions = {},
  ): TopicSubscription {
    const group = this.#groups.get(encoding);
    if (group === undefined) {
      throw invalidOption("subscribe()", "encoding", encoding, `one of ${[...this.#groups.keys()].join(", ")}`);
    }
    return this.#core.subscribe(group, sink as Sink, readOptions("subscribe()", options, subscribeRules));
  }

  /**
   * Iterates over the messages from now on. The subscription begins at once and
   * ends with the loop. What is published while the loop is busy waits in the
   * backlog.
   */
  messages({ signal, ...options }: TopicMessagesOptions = {}): AsyncIterableIterator<T> {
    const read = readOptions("subscribe()", options, subscribeRules);
    const leave = (): void => void iterator.return();
    const iterator = new TopicIterator<T>((sink, closed) =>
      this.#core.subscribe(this.#plain, sink as unknown as Sink, {
        ...read,
        closed(error) {
          signal?.removeEventListener("abort", leave);
          closed(error);
        },
      })
    );
    signal?.addEventListener("abort", leave, { once: true });
    if (signal?.aborted) leave();
    return iterator;
  }

  /** The same as {@linkcode messages} without options. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this.messages();
  }

  /** What the topic tells of itself. */
  stats(): TopicStats {
    return this.#core.stats();
  }

  /** Ends the topic: takes nothing new, and ends each reader when it has got what was published. */
  close(): void {
    this.#core.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.#core.close();
  }
}

/** Made once: there is a call for each reader. */
const subscribeRules = {
  after: { allowed: "a text", fallback: "", accepts: (value: unknown) => typeof value === "string" },
  recent: integer(0, 0, 0x3fff_ffff),
  overflow: oneOf("drop-oldest", ["drop-oldest", "close"]),
  closed: given<SubscribeOptions["closed"]>(undefined, "a function"),
};
