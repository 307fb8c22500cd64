/**
 * redisTopic(): a topic that many processes share, over a Redis stream.
 *
 * @module
 */

import type { Message, TopicOptions } from "../../mod.ts";
import { duration, integer, invalidOption, label, readOptions } from "../../src/core/options.ts";
import {
  BridgedTopic,
  type SharedTopic,
  type TopicCodec,
  type TopicSource,
  type TopicTarget,
} from "../bridge/shared_topic.ts";
import { placeOf, RedisLink, type RedisServerOptions, rulesOfRedis } from "./redis_link.ts";
import { RedisStream } from "./redis_stream.ts";

/**
 * Options of {@linkcode redisTopic}.
 *
 * @example
 * ```ts
 * import { redisTopic, type RedisTopicOptions } from "@wireway/wireway/redis";
 * const options: RedisTopicOptions<string> = { server: "127.0.0.1:6379", name: "news", maxMessages: 1000 };
 * await redisTopic(options);
 * ```
 */
export interface RedisTopicOptions<T, Encoded extends Record<string, Message> = Record<string, Uint8Array>>
  extends RedisServerOptions, Omit<TopicOptions<T, Encoded>, "run" | "first"> {
  /** What the topic is called, in all processes that share it. */
  name: string;
  /** How messages travel. @default {JSON} */
  codec?: TopicCodec<T>;
  /** How many messages the stream keeps, roughly: Redis trims it in blocks. @default {100000} */
  maxMessages?: number;
  /** The largest message, in bytes. @default {1048576} 1 MiB */
  maxMessageBytes?: number;
  /** How long a publish is tried, in milliseconds, before it fails. @default {10000} */
  publishTimeoutMs?: number;
  /** How many publishes may wait for their word at once. @default {1000} */
  maxPublishing?: number;
}

/**
 * Makes a topic over a Redis stream, which the readers of all processes hear, as
 * on a {@linkcode Topic}. A publish resolves when the stream has the message and
 * is repeated under the same id until then; each process reads the stream on a
 * connection of its own and gets all messages once and in order, also after
 * Redis was away. What the stream has forgotten by then, readers are told of.
 * Messages have the same ids in all processes: with `replay` a reader who comes
 * back to another machine goes on where it was.
 *
 * Whether a message outlives Redis is up to Redis: with `appendonly yes` what was
 * acknowledged is there after a crash of the server, with `appendfsync always`
 * after one of the machine. Needs Redis 7. Without a `server` all stays in this
 * process.
 *
 * Errors: `connection-lost` where Redis can't be asked; out of `publish()` also
 * `overloaded`, `message-too-large`, `closed`. The topic ends with
 * `connection-lost`, and says so in `finished`, where Redis has lost its stream.
 * `invalid-option`.
 *
 * @example
 * ```ts
 * import { redisTopic } from "@wireway/wireway/redis";
 * await using prices = await redisTopic<{ euros: number }>({ server: "127.0.0.1:6379", name: "prices" });
 * await prices.publish({ euros: 7 });
 * for await (const { euros } of prices) console.log(euros);
 * ```
 */
export async function redisTopic<T, Encoded extends Record<string, Message> = Record<string, Uint8Array>>(
  options: RedisTopicOptions<T, Encoded>,
): Promise<SharedTopic<T, Encoded>> {
  const { encodings, replay, maxBacklogMessages, maxBacklogBytes, maxReaders, codec, ...own } = options;
  const topicOptions = { encodings, replay, maxBacklogMessages, maxBacklogBytes, maxReaders };
  const { server, connection, namespace, timeoutMs, name, ...settings } = readOptions("redisTopic()", own, {
    ...rulesOfRedis,
    name: label(""),
    maxMessages: integer(100_000, 1, 0x7fff_ffff),
    maxMessageBytes: integer(1024 * 1024, 1, 0x1fff_ffff),
    publishTimeoutMs: duration(10_000, 1),
    maxPublishing: integer(1000, 1, 0x3fff_ffff),
  });
  if (name === "") throw invalidOption("redisTopic()", "name", own.name, "a text that is not empty");
  if (server === undefined) {
    const topic = new BridgedTopic<T, Encoded>(topicOptions as TopicOptions<T, Encoded>, codec);
    topic.feed(joinLocal(`${namespace}:${name}`, topic));
    return topic;
  }
  const place = placeOf("redisTopic()", { server, connection, timeoutMs });
  const stream = new RedisStream(new RedisLink(place), () => new RedisLink({ ...place, blocking: true }), {
    ...settings,
    key: `{${namespace}:topic:${name}}`,
    name,
  });
  try {
    const { run, first } = await stream.begin(replay ? maxBacklogMessages ?? defaultBacklog : 0);
    const topic = new BridgedTopic<T, Encoded>({ ...topicOptions, run, first } as TopicOptions<T, Encoded>, codec);
    topic.feed(stream);
    await stream.open(topic);
    return topic;
  } catch (error) {
    await stream.close();
    throw error;
  }
}

/** That of a topic. */
const defaultBacklog = 1000;

let local: Map<string, Set<TopicTarget>> | undefined;

/** The topics of one name in this process. A message reaches them in a later turn, as from a server. */
function joinLocal(name: string, target: TopicTarget): TopicSource {
  local ??= new Map();
  const all = local.get(name) ?? new Set();
  local.set(name, all.add(target));
  return {
    async publish(bytes: Uint8Array): Promise<void> {
      await undefined;
      for (const one of all) one.deliver(bytes);
    },
    close(): Promise<void> {
      all.delete(target);
      if (all.size === 0 && local!.get(name) === all) local!.delete(name);
      return Promise.resolve();
    },
  };
}
