/**
 * What a topic and its readers can be given, and what they tell.
 *
 * @module
 */

import type { Message } from "../core/channel.ts";
import type { TransportError } from "../core/errors.ts";

/**
 * How messages are encoded for readers of one kind. A function alone does where
 * readers need not be told of a gap.
 *
 * @example
 * ```ts
 * import type { Encoding } from "@wireway/wireway";
 * const json: Encoding<{ euros: number }, string> = {
 *   encode: (price, id) => JSON.stringify({ id, ...price }),
 *   gap: (missed) => JSON.stringify({ missed }),
 * };
 * ```
 */
export interface Encoding<T, Encoded extends Message = Uint8Array> {
  /** A message as its readers get it. `id` is what a reader gives as `after` to go on behind it. */
  encode(message: T, id: string): Encoded;
  /** What readers get where messages are missing; `undefined` where nobody knows how many. */
  gap?(missed: number | undefined): Encoded;
}

/**
 * An {@linkcode Encoding}, or its `encode` alone.
 *
 * @example
 * ```ts
 * import type { EncodingOrFunction } from "@wireway/wireway";
 * const json: EncodingOrFunction<unknown, string> = (message) => JSON.stringify(message);
 * ```
 */
export type EncodingOrFunction<T, Encoded extends Message = Uint8Array> =
  | Encoding<T, Encoded>
  | ((message: T, id: string) => Encoded);

/**
 * Options of {@linkcode Topic}.
 *
 * @example
 * ```ts
 * import { Topic, type TopicOptions } from "@wireway/wireway";
 * const options: TopicOptions<string, { text: string }> = { encodings: { text: (message) => message }, replay: true };
 * new Topic(options);
 * ```
 */
export interface TopicOptions<T, Encoded extends Record<string, Message> = Record<string, Uint8Array>> {
  /** The encodings, by the names under which readers subscribe. Default: none, for a topic that is only iterated. */
  encodings?:
    & { readonly [Name in keyof Encoded]: EncodingOrFunction<T, Encoded[Name]> }
    // Says nothing new, but lets the compiler find T.
    & Readonly<Record<string, EncodingOrFunction<T, Message>>>;
  /**
   * Whether the backlog is kept for readers who come late or back. If not, it
   * is kept while a reader lags behind. @default {false}
   */
  replay?: boolean;
  /** How many messages the backlog holds: how far a reader may lag or go back. @default {1000} */
  maxBacklogMessages?: number;
  /**
   * How many bytes the backlog holds: of messages that are bytes or text, and of
   * what messages were encoded to. Other messages count 64. @default {1048576} 1 MiB
   */
  maxBacklogBytes?: number;
  /** How many readers there may be. @default {100000} */
  maxReaders?: number;
  /**
   * What the ids of messages begin with. The same in several processes whose
   * topics give the same numbers to the same messages: a reader of one then goes
   * on at another. Default: random, since each process begins to count anew.
   */
  run?: string;
  /** The number of the first message. @default {1} */
  first?: number;
}

/**
 * Options of an iteration over a {@linkcode Topic}.
 *
 * @example
 * ```ts
 * import { type IterateOptions, Topic } from "@wireway/wireway";
 * const options: IterateOptions = { recent: 10, overflow: "close" };
 * for await (const text of new Topic<string>({ replay: true }).messages(options)) console.log(text);
 * ```
 */
export interface IterateOptions {
  /**
   * The id of the last message that the reader has seen: it goes on behind it.
   * Where that is not kept any more, it is told of the gap and gets all that is
   * kept. Empty for a reader that has seen none.
   */
  after?: string;
  /** How many of the messages that are kept a new reader gets first; needs `replay`. @default {0} */
  recent?: number;
  /**
   * What happens to a reader that is too slow for the backlog: `drop-oldest`
   * loses what it has not got and goes on, `close` ends it with `overloaded`.
   * @default {"drop-oldest"}
   */
  overflow?: "drop-oldest" | "close";
}

/**
 * Options of `messages()` of a `Topic`.
 *
 * @example
 * ```ts
 * import { Topic, type TopicMessagesOptions } from "@wireway/wireway";
 * const options: TopicMessagesOptions = { signal: AbortSignal.timeout(60_000) };
 * for await (const price of new Topic<number>().messages(options)) console.log(price);
 * ```
 */
export interface TopicMessagesOptions extends IterateOptions {
  /**
   * Ends the loop when it aborts, also one that waits for a message. An async
   * generator that waits can't be left otherwise: give it the signal of its
   * call's context.
   */
  signal?: AbortSignal;
}

/**
 * Options of a subscription to a {@linkcode Topic}.
 *
 * @example
 * ```ts
 * import { type SubscribeOptions, Topic } from "@wireway/wireway";
 * const options: SubscribeOptions = { closed: (error) => console.log(error?.message ?? "over") };
 * const news = new Topic({ encodings: { text: (message: string) => message } });
 * news.subscribe("text", console.log, options);
 * ```
 */
export interface SubscribeOptions extends IterateOptions {
  /**
   * Called once when the subscription is over, with the error where it was not
   * ended by its owner or by the topic's close.
   */
  closed?: (error: TransportError | undefined) => void;
}

/**
 * A reader's subscription. Dispose of it when the reader goes away.
 *
 * @example
 * ```ts
 * import { Topic, type TopicSubscription } from "@wireway/wireway";
 * const news = new Topic({ encodings: { text: (message: string) => message } });
 * const subscription: TopicSubscription = news.subscribe("text", console.log);
 * subscription.close();
 * ```
 */
export interface TopicSubscription extends Disposable {
  /** Messages that this reader lost because it was slow. */
  readonly dropped: number;
  /** Whether it is behind: its sink has asked for time. */
  readonly isLagging: boolean;
  /** Ends it at once; what it has not got it does not get. Again does nothing. */
  close(): void;
}

/**
 * What a {@linkcode Topic} tells of itself.
 *
 * @example
 * ```ts
 * import { Topic, type TopicStats } from "@wireway/wireway";
 * const { readers, dropped }: TopicStats = new Topic<string>().stats();
 * ```
 */
export interface TopicStats {
  /** Readers now. */
  readonly readers: number;
  /** Those of them that are behind. */
  readonly lagging: number;
  /** Messages published. */
  readonly published: number;
  /** Messages that slow readers lost, each counted for each of them, also before a reader comes upon it. */
  readonly dropped: number;
  /** Readers that ended with an error: too slow, or their sink failed. */
  readonly failed: number;
  /** Messages in the backlog. */
  readonly backlogMessages: number;
  /** Their bytes, with 64 for each message. */
  readonly backlogBytes: number;
}
