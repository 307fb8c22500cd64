/**
 * A topic whose messages reach the readers of many processes.
 *
 * @module
 */

import {
  type IterateOptions,
  type Message,
  type SubscribeOptions,
  Topic,
  type TopicOptions,
  type TopicStats,
  type TopicSubscription,
  TransportError,
} from "../../mod.ts";

/**
 * How messages travel between processes.
 *
 * @example
 * ```ts
 * import type { TopicCodec } from "@wireway/wireway/nats";
 * const text: TopicCodec<string> = {
 *   encode: (message) => new TextEncoder().encode(message),
 *   decode: (bytes) => new TextDecoder().decode(bytes),
 * };
 * ```
 */
export interface TopicCodec<T> {
  /** Makes bytes of a message. */
  encode(message: T): Uint8Array;
  /** Makes a message of bytes. What it throws, readers hear of as a gap. */
  decode(bytes: Uint8Array): T;
}

/** Where the messages of a topic come from, and go to. */
export interface TopicSource {
  /** Hands a message over. */
  publish(bytes: Uint8Array): Promise<void>;
  /** Ends. */
  close(): Promise<void>;
}

/** What a source hands its messages to. */
export interface TopicTarget {
  /** A message has come. */
  deliver(bytes: Uint8Array): void;
  /** So many messages have been missed; `undefined` where nobody knows how many. */
  missed(count: number | undefined): void;
  /** There is no going on. */
  failed(error: TransportError): void;
}

/**
 * A topic whose messages reach the readers of many processes: what is published
 * here goes to the broker, and from there to the readers of all processes, this
 * one's too. All see them in the broker's order, and each process encodes a
 * message once for all its readers. Reading is that of {@linkcode Topic}.
 *
 * @example
 * ```ts
 * import { eventEncoding, eventStream } from "@wireway/wireway";
 * import { natsTopic, type SharedTopic } from "@wireway/wireway/nats";
 * const encodings = { events: eventEncoding((text: string) => ({ data: text })) };
 * const news: SharedTopic<string, { events: Uint8Array }> = await natsTopic({ subject: "news", encodings });
 * const handler = (request: Request): Response =>
 *   eventStream(request, (events) =>
 *     news.subscribe("events", events.send, { after: events.lastEventId, closed: events.close }));
 * await news.publish("hello, wherever you are");
 * ```
 */
export interface SharedTopic<T, Encoded extends Record<string, Message> = Record<string, Uint8Array>>
  extends AsyncIterable<T>, AsyncDisposable {
  /** Resolves when the topic is over, with the error where it was not closed. Never rejects. */
  readonly finished: Promise<TransportError | undefined>;
  /**
   * Publishes to the readers of all processes. Resolves when the broker has it:
   * stored, where that was asked for. Rejects where that is not sure.
   */
  publish(message: T): Promise<void>;
  /** As {@linkcode Topic.subscribe}. */
  subscribe<Name extends keyof Encoded & string>(
    encoding: Name,
    sink: (encoded: Encoded[Name]) => void | Promise<void>,
    options?: SubscribeOptions,
  ): TopicSubscription;
  /** As {@linkcode Topic.messages}. */
  messages(options?: IterateOptions): AsyncIterableIterator<T>;
  /** What the topic in this process tells of itself. */
  stats(): TopicStats;
  /** Ends it in this process: readers end when they have got what has come here. The broker keeps what it keeps. */
  close(): Promise<void>;
}

/** A topic of this process that is fed by a source, and publishes to it. */
export class BridgedTopic<T, Encoded extends Record<string, Message> = Record<string, Uint8Array>>
  implements SharedTopic<T, Encoded>, TopicTarget {
  readonly finished: Promise<TransportError | undefined>;
  readonly #topic: Topic<T, Encoded>;
  readonly #codec: TopicCodec<T>;
  readonly #finished = Promise.withResolvers<TransportError | undefined>();
  #source: TopicSource | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  constructor(options: TopicOptions<T, Encoded>, codec: TopicCodec<T> = jsonCodec()) {
    this.#topic = new Topic(options);
    this.#codec = codec;
    this.finished = this.#finished.promise;
  }

  /** Says where the messages come from. */
  feed(source: TopicSource): void {
    this.#source = source;
  }

  publish(message: T): Promise<void> {
    if (this.#closing !== undefined || this.#source === undefined) {
      return Promise.reject(new TransportError("closed", "Cannot publish: the topic is closed"));
    }
    let bytes: Uint8Array;
    try {
      bytes = this.#codec.encode(message);
    } catch (error) {
      return Promise.reject(TransportError.from(error, "invalid-request", { processed: "no" }));
    }
    return this.#source.publish(bytes);
  }

  subscribe<Name extends keyof Encoded & string>(
    encoding: Name,
    sink: (encoded: Encoded[Name]) => void | Promise<void>,
    options?: SubscribeOptions,
  ): TopicSubscription {
    return this.#topic.subscribe(encoding, sink, options);
  }

  messages(options?: IterateOptions): AsyncIterableIterator<T> {
    return this.#topic.messages(options);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this.#topic.messages();
  }

  stats(): TopicStats {
    return this.#topic.stats();
  }

  close(): Promise<void> {
    return this.#closing ??= this.#end(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  deliver(bytes: Uint8Array): void {
    if (this.#closing !== undefined) return;
    try {
      this.#topic.publish(this.#codec.decode(bytes));
    } catch {
      // Not to be decoded here, or encoded for readers: they miss this one.
      this.missed(1);
    }
  }

  missed(count: number | undefined): void {
    if (this.#closing === undefined) this.#topic.skip(count ?? 1, count !== undefined);
  }

  failed(error: TransportError): void {
    this.#closing ??= this.#end(error);
    // Whoever closes it hears of it; that nobody does is no reason to end the program.
    this.#closing.catch(() => {});
  }

  async #end(error: TransportError | undefined): Promise<void> {
    this.#topic.close();
    try {
      await this.#source?.close();
    } finally {
      this.#finished.resolve(error);
    }
  }
}

function jsonCodec<T>(): TopicCodec<T> {
  return {
    encode(message): Uint8Array {
      const text: string | undefined = JSON.stringify(message);
      if (text === undefined) throw new TypeError(`Cannot publish: JSON has no ${typeof message}`);
      return new TextEncoder().encode(text);
    },
    decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
  };
}
