/**
 * redisStore(): the second level of a cache, shared by many processes.
 *
 * @module
 */

import { type CacheStore, memoryStore, type StoredReply, TransportError } from "../../mod.ts";
import { integer, readOptions } from "../../src/core/options.ts";
import { placeOf, RedisLink, type RedisServerOptions, rulesOfRedis } from "./redis_link.ts";

/**
 * Options of {@linkcode redisStore}.
 *
 * @example
 * ```ts
 * import { redisStore, type RedisStoreOptions } from "@wireway/wireway/redis";
 * const options: RedisStoreOptions = { server: "127.0.0.1:6379", namespace: "prices", maxReplyBytes: 65_536 };
 * redisStore(options);
 * ```
 */
export interface RedisStoreOptions extends RedisServerOptions {
  /** The largest reply that is stored, in bytes. @default {1048576} 1 MiB */
  maxReplyBytes?: number;
}

/**
 * A {@linkcode CacheStore} with an end.
 *
 * @example
 * ```ts
 * import { redisStore, type RedisStore } from "@wireway/wireway/redis";
 * await using store: RedisStore = redisStore({ server: "127.0.0.1:6379" });
 * await store.delete("an old key");
 * ```
 */
export interface RedisStore extends CacheStore, AsyncDisposable {
  /** Ends the connection. */
  close(): Promise<void>;
}

/** How long a reply outlives its times, for clocks that differ, in milliseconds. */
const marginMs = 1000;

/** How many keys are taken at once where many are deleted. */
const batch = 500;

/** Writes a reply, and lists it under its tags for as long as the longest living of them. */
const setScript = `
local ttl = tonumber(ARGV[2])
if ttl < 0 then redis.call('SET', KEYS[1], ARGV[1]) else redis.call('SET', KEYS[1], ARGV[1], 'PX', ttl) end
for i = 2, #KEYS do
  local left = redis.call('PTTL', KEYS[i])
  redis.call('SADD', KEYS[i], KEYS[1])
  if ttl < 0 then redis.call('PERSIST', KEYS[i])
  elseif left == -2 or (left >= 0 and left < ttl) then redis.call('PEXPIRE', KEYS[i], ttl) end
end`;

/**
 * Keeps replies in Redis, for {@linkcode cache} and {@linkcode httpCache}: what
 * one process has loaded, all have. Redis forgets each by itself when its time
 * is over; how much it holds in all is its own `maxmemory`, with a policy that
 * evicts.
 *
 * A reply and its place under its tags are written in one step. Deleting a tag
 * costs as much as it has replies; deleting a prefix looks through all keys of
 * the database, in small steps. All keys of a namespace are in one slot of a
 * cluster.
 *
 * While Redis is away a cache misses, says `cache-failed` and goes on; its
 * invalidations reject, for the reply would come back. Nothing waits for Redis
 * longer than `timeoutMs`. Without a `server` it is {@linkcode memoryStore}.
 *
 * Errors: `connection-lost`, `message-too-large`; `invalid-option`.
 *
 * @example
 * ```ts
 * import { cache, chain, http, reconnect } from "@wireway/wireway";
 * import { redisStore } from "@wireway/wireway/redis";
 * const store = redisStore({ server: "127.0.0.1:6379" });
 * const call = chain((name: string) => `hello ${name}`, cache({ ttlMs: 60_000, store }));
 * await call("ann");
 * ```
 */
export function redisStore(options: RedisStoreOptions = {}): RedisStore {
  const { server, namespace, maxReplyBytes, ...rest } = readOptions("redisStore()", options, {
    ...rulesOfRedis,
    maxReplyBytes: integer(1024 * 1024, 1, 0x1fff_ffff),
  });
  if (server === undefined) return { ...memoryStore(), close: nothing, [Symbol.asyncDispose]: nothing };
  const link = new RedisLink(placeOf("redisStore()", { ...rest, server }));
  const replyPrefix = `{${namespace}}:reply:`;
  const tagPrefix = `{${namespace}}:tag:`;
  return {
    async get(key: string): Promise<StoredReply | undefined> {
      const bytes = await link.run((client) => client.getBuffer(replyPrefix + key));
      return bytes === null ? undefined : decodeReply(bytes);
    },

    async set(key: string, reply: StoredReply): Promise<void> {
      if (reply.bytes.length > maxReplyBytes) {
        const why = `Cannot store reply: it has ${reply.bytes.length} bytes, ${maxReplyBytes} are allowed`;
        throw new TransportError("message-too-large", why);
      }
      const lastingMs = reply.freshMs + Math.max(reply.staleMs, reply.errorMs) + marginMs;
      const ttl = Number.isFinite(lastingMs) ? Math.ceil(lastingMs) : -1;
      const keys = [replyPrefix + key, ...reply.tags.map((tag) => tagPrefix + tag)];
      const value = encodeReply(reply);
      await link.run((client) => client.eval(setScript, keys.length, ...keys, value, ttl));
    },

    async delete(key: string): Promise<void> {
      await link.run((client) => client.del(replyPrefix + key));
    },

    deleteTag: (tag: string): Promise<void> =>
      link.run(async (client) => {
        const tagKey = tagPrefix + tag;
        let cursor = "0";
        do {
          const [next, keys] = await client.sscan(tagKey, cursor, "COUNT", batch);
          cursor = next;
          // What is listed from now on was stored after this began.
          if (keys.length > 0) await Promise.all([client.unlink(...keys), client.srem(tagKey, ...keys)]);
        } while (cursor !== "0");
      }),

    deletePrefix: (prefix: string): Promise<void> =>
      link.run(async (client) => {
        const pattern = `${literally(replyPrefix + prefix)}*`;
        let cursor = "0";
        do {
          const [next, keys] = await client.scan(cursor, "MATCH", pattern, "COUNT", batch);
          cursor = next;
          if (keys.length > 0) await client.unlink(...keys);
        } while (cursor !== "0");
      }),

    close: () => link.close(),
    [Symbol.asyncDispose]: () => link.close(),
  };
}

function nothing(): Promise<void> {
  return Promise.resolve();
}

/** A text in a pattern that stands for itself. */
function literally(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, "\\$&");
}

/** A line with all but the bytes, then the bytes. */
function encodeReply({ bytes, tags, ...times }: StoredReply): Buffer {
  const { storedAt, freshMs, staleMs, errorMs } = times;
  // JSON knows no Infinity.
  const head = JSON.stringify([[storedAt, freshMs, staleMs, errorMs].map(String), tags]);
  return Buffer.concat([Buffer.from(`${head}\n`), bytes]);
}

function decodeReply(value: Uint8Array): StoredReply {
  const end = value.indexOf(newline);
  const [times, tags] = JSON.parse(new TextDecoder().decode(value.subarray(0, end)));
  const [storedAt, freshMs, staleMs, errorMs] = times.map(Number);
  return { bytes: new Uint8Array(value.subarray(end + 1)), storedAt, freshMs, staleMs, errorMs, tags };
}

const newline = 10;
