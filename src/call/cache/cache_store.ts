/**
 * A second level behind a cache: where replies live on beyond this process.
 *
 * @module
 */

/**
 * A reply as a {@linkcode CacheStore} keeps it.
 *
 * @example
 * ```ts
 * import type { StoredReply } from "@wireway/wireway";
 * const reply: StoredReply = {
 *   bytes: new TextEncoder().encode("hello"),
 *   storedAt: Date.now(),
 *   freshMs: 60_000,
 *   staleMs: 0,
 *   errorMs: 300_000,
 *   tags: ["greetings"],
 * };
 * ```
 */
export interface StoredReply {
  /** The reply, encoded. */
  readonly bytes: Uint8Array;
  /** When it was stored, in milliseconds since 1970. */
  readonly storedAt: number;
  /** How long from then it is fresh, in milliseconds. */
  readonly freshMs: number;
  /** How long after that it may be given while a new one is fetched, in milliseconds. */
  readonly staleMs: number;
  /** How long after it was fresh it may be given where a new one can't be had, in milliseconds. */
  readonly errorMs: number;
  /** What it can be invalidated by. */
  readonly tags: readonly string[];
}

/**
 * A second level of a cache. What it throws breaks no call: the reply is then
 * fetched as if it were not there.
 *
 * A store may forget whatever it likes. It must not give back a reply that was
 * deleted before; the times of a reply are the cache's to look at.
 *
 * @example A store that says what it does
 * ```ts
 * import type { CacheStore } from "@wireway/wireway";
 * function telling(inner: CacheStore): CacheStore {
 *   return {
 *     get: (key) => inner.get(key),
 *     set: (key, reply) => (console.log("set", key), inner.set(key, reply)),
 *     delete: (key) => inner.delete(key),
 *     deleteTag: (tag) => inner.deleteTag(tag),
 *     deletePrefix: (prefix) => inner.deletePrefix(prefix),
 *   };
 * }
 * ```
 */
export interface CacheStore {
  /** Finds a reply. */
  get(key: string): Promise<StoredReply | undefined>;
  /** Keeps a reply, in the place of one of that key. */
  set(key: string, reply: StoredReply): Promise<void>;
  /** Forgets the reply of a key. */
  delete(key: string): Promise<void>;
  /** Forgets all replies with a tag. */
  deleteTag(tag: string): Promise<void>;
  /** Forgets all replies whose keys begin with `prefix`; all there are for the empty one. */
  deletePrefix(prefix: string): Promise<void>;
}

/**
 * How replies become the bytes of a {@linkcode CacheStore} and back. What a
 * codec throws breaks no call.
 *
 * @example
 * ```ts
 * import { cache, type CacheCodec, memoryStore } from "@wireway/wireway";
 * const json: CacheCodec<{ name: string }> = {
 *   encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
 *   decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
 * };
 * cache<string, { name: string }>({ ttlMs: 1000, store: memoryStore(), codec: json });
 * ```
 */
export interface CacheCodec<Res> {
  /** Makes bytes of a reply. */
  encode(reply: Res): Uint8Array;
  /** Makes a reply of bytes. */
  decode(bytes: Uint8Array): Res;
}

/** The codec for replies that are text or bytes already: a byte that says which, then the reply. */
export const valueCodec: CacheCodec<unknown> = {
  encode(reply: unknown): Uint8Array {
    if (typeof reply !== "string" && !(reply instanceof Uint8Array)) {
      throw new TypeError(`Cannot encode a reply of type ${typeof reply}: it is not text or bytes, give a codec`);
    }
    const bytes = typeof reply === "string" ? new TextEncoder().encode(reply) : reply;
    const marked = new Uint8Array(bytes.length + 1);
    marked[0] = typeof reply === "string" ? 1 : 0;
    marked.set(bytes, 1);
    return marked;
  },
  decode(bytes: Uint8Array): unknown {
    if (bytes.length === 0 || bytes[0] > 1) {
      throw new TypeError("Cannot decode a stored reply: its first byte is unknown");
    }
    return bytes[0] === 1 ? new TextDecoder().decode(bytes.subarray(1)) : bytes.slice(1);
  },
};
