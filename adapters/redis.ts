/**
 * Redis behind Wireway: the second level of a cache, rate limits that many
 * processes share, and topics over streams.
 *
 * ```ts
 * import { cache, chain, http, rateLimit, serve, tcp, text, mux } from "@wireway/wireway";
 * import { redisRates, redisStore } from "@wireway/wireway/redis";
 *
 * // Without REDIS it all happens in this process.
 * const redis = { server: Deno.env.get("REDIS") };
 * const service = chain(
 *   (name: string) => `hello ${name}`,
 *   cache({ ttlMs: 60_000, store: redisStore(redis) }),
 *   rateLimit({ windows: [{ calls: 1000, perMs: 1000 }], store: redisRates(redis) }),
 * );
 * await serve(chain(tcp({ port: 9000 }), mux(), text()), service);
 * ```
 *
 * @module
 */

export type { SharedTopic, TopicCodec } from "./bridge/shared_topic.ts";
export type { RedisConnectionOptions, RedisServerOptions, RedisTlsOptions } from "./redis/redis_link.ts";
export { type RedisRates, redisRates, type RedisRatesOptions } from "./redis/redis_rates.ts";
export { type RedisStore, redisStore, type RedisStoreOptions } from "./redis/redis_store.ts";
export { redisTopic, type RedisTopicOptions } from "./redis/redis_topic.ts";
