/**
 * natsTopic(): a topic that many processes share.
 *
 * @module
 */

import type { Message, TopicOptions } from "../../mod.ts";
import { duration, integer, invalidOption, label, readOptions } from "../../src/core/options.ts";
import { BridgedTopic, type SharedTopic, type TopicCodec } from "../bridge/shared_topic.ts";
import { type DurableSettings, startDurable } from "./durable_topic.ts";
import { localBroker } from "./local_broker.ts";
import { type BrokerOptions, plainSubject, readBroker } from "./nats_options.ts";
import { plainSource } from "./plain_topic.ts";
import { dialServer } from "./server_link.ts";

/**
 * How a topic is kept by JetStream.
 *
 * @example
 * ```ts
 * import { type DurableOptions, natsTopic } from "@wireway/wireway/nats";
 * const durable: DurableOptions = { maxMessages: 10_000, maxAgeMs: 3_600_000 };
 * await natsTopic({ servers: "127.0.0.1:4222", subject: "orders", durable });
 * ```
 */
export interface DurableOptions {
  /** The stream, made where there is none. @default {the subject, with _ for its dots} */
  stream?: string;
  /**
   * A name under which JetStream remembers what this process has read, so that
   * it goes on there when it starts again. One name for each process. Without
   * one it begins with the last messages, as many as `replay` keeps.
   */
  consumer?: string;
  /** How many messages a stream that is made here keeps. @default {100000} */
  maxMessages?: number;
  /** How many bytes it keeps. @default {67108864} 64 MiB */
  maxBytes?: number;
  /** How long it keeps them, in milliseconds. @default {86400000} a day */
  maxAgeMs?: number;
  /** How long a publish is tried, in milliseconds, before it fails. @default {10000} */
  publishTimeoutMs?: number;
  /** How many publishes may wait for their word at once. @default {1000} */
  maxPublishing?: number;
}

/**
 * Options of {@linkcode natsTopic}.
 *
 * @example
 * ```ts
 * import { natsTopic, type NatsTopicOptions } from "@wireway/wireway/nats";
 * const options: NatsTopicOptions<string> = { servers: "127.0.0.1:4222", subject: "news", replay: true };
 * await natsTopic(options);
 * ```
 */
export interface NatsTopicOptions<T, Encoded extends Record<string, Message> = Record<string, Uint8Array>>
  extends BrokerOptions, Omit<TopicOptions<T, Encoded>, "run" | "first"> {
  /** Where the messages go. No wildcards. */
  subject: string;
  /** How messages travel. @default {JSON} */
  codec?: TopicCodec<T>;
  /** Has JetStream keep the messages. @default {false} */
  durable?: boolean | DurableOptions;
}

/**
 * Makes a topic that the readers of all processes hear: those of WebSockets,
 * event streams and loops, as on a {@linkcode Topic}. Each process has one
 * connection, decodes a message once and encodes it once for each encoding. A
 * publisher's own readers get a message when it comes back from the broker, as
 * all others do.
 *
 * Plainly, a message reaches whoever is connected, at most once; those of one
 * process come in their order, those of several in whichever the broker has
 * them, which may differ from reader to reader. After a lost connection readers
 * are told of a gap whose size nobody knows. With `durable`
 * a publish resolves when JetStream has stored the message, is repeated under
 * the same id until then, and each process gets all messages once and in order,
 * across restarts of the broker. Messages then have the same ids in all
 * processes: with `replay` a reader who comes back to another machine goes on
 * where it was. A process that dies in the middle of a message gets it again
 * where it has a `consumer` name: at least once.
 *
 * Without `servers` all stays in this process, `durable` or not.
 *
 * Errors: `connect-failed`, also without JetStream; out of `publish()`:
 * `connection-lost`, `overloaded`, `message-too-large`, `closed`, and
 * `invalid-request` where JetStream refuses to store a message. The topic ends
 * with `connection-lost`, and says so in `finished`, where its stream is deleted.
 * `invalid-option`.
 *
 * @example
 * ```ts
 * import { natsTopic } from "@wireway/wireway/nats";
 * await using prices = await natsTopic<{ euros: number }>({ servers: "127.0.0.1:4222", subject: "prices", durable: true });
 * await prices.publish({ euros: 7 });
 * for await (const { euros } of prices) console.log(euros);
 * ```
 */
export async function natsTopic<T, Encoded extends Record<string, Message> = Record<string, Uint8Array>>(
  options: NatsTopicOptions<T, Encoded>,
): Promise<SharedTopic<T, Encoded>> {
  const { servers, connection, connectTimeoutMs, maxQueuedBytes, subject: place, codec, durable, ...topicOptions } =
    options;
  const broker = readBroker("natsTopic()", { servers, connection, connectTimeoutMs, maxQueuedBytes });
  const subject = plainSubject("natsTopic()", "subject", place);
  const keep = readDurable(durable, subject);
  if (broker.servers.length === 0 || keep === undefined) {
    const topic = new BridgedTopic<T, Encoded>(topicOptions as TopicOptions<T, Encoded>, codec);
    const link = broker.servers.length === 0
      ? localBroker().connect(broker.maxQueuedBytes)
      : await dialServer(broker, true);
    topic.feed(await plainSource(link, subject, topic));
    return topic;
  }
  const link = await dialServer(broker, true);
  try {
    const recent = topicOptions.replay ? topicOptions.maxBacklogMessages ?? defaultBacklog : 0;
    const { run, first, open } = await startDurable(link, subject, keep, recent);
    const topic = new BridgedTopic<T, Encoded>({ ...topicOptions, run, first } as TopicOptions<T, Encoded>, codec);
    topic.feed(await open(topic));
    return topic;
  } catch (error) {
    await link.close();
    throw error;
  }
}

/** That of a topic. */
const defaultBacklog = 1000;

function readDurable(durable: boolean | DurableOptions | undefined, subject: string): DurableSettings | undefined {
  if (durable === undefined || durable === false) return undefined;
  if (durable === true) return readDurable({}, subject);
  const { stream, consumer, ...limits } = readOptions("natsTopic() durable", durable, {
    stream: label(subject.replaceAll(".", "_")),
    consumer: label(undefined),
    maxMessages: integer(100_000, 1, 0x7fff_ffff),
    maxBytes: integer(64 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER),
    maxAgeMs: duration(86_400_000, 100),
    publishTimeoutMs: duration(10_000, 1),
    maxPublishing: integer(1000, 1, 0x3fff_ffff),
  });
  for (const [name, text] of Object.entries({ stream, consumer })) {
    if (text !== undefined && /[\s.*>/\\]/.test(text)) {
      throw invalidOption("natsTopic() durable", name, text, "a name without spaces, dots, slashes and wildcards");
    }
  }
  return { ...limits, stream: stream!, consumer };
}
