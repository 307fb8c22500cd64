/**
 * kvStore(): a second level in a key-value database such as Deno KV.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { given, invalidOption, label, readOptions } from "../../core/options.ts";
import { joinBytes } from "../../util/join_bytes.ts";
import type { CacheStore, StoredReply } from "./cache_store.ts";

/**
 * What {@linkcode kvStore} needs of a database: a part of what `Deno.Kv` is.
 *
 * @example
 * ```ts ignore
 * const kv: KeyValues = await Deno.openKv();
 * ```
 */
export interface KeyValues {
  /** Reads one value; `null` where there is none. */
  get(key: string[]): Promise<{ readonly value: unknown }>;
  /** Writes one value that goes by itself after `expireIn` milliseconds. */
  set(key: string[], value: unknown, options?: { expireIn?: number }): Promise<unknown>;
  /** Takes one value out. */
  delete(key: string[]): Promise<void>;
  /** Reads the values whose keys begin with `prefix`, or lie from `start` to before `end`, in the order of their keys. */
  list(
    selector: { prefix: string[] } | { start: string[]; end: string[] },
  ): AsyncIterable<{ readonly key: readonly unknown[]; readonly value: unknown }>;
}

/**
 * Options of {@linkcode kvStore}.
 *
 * @example
 * ```ts
 * import { type KeyValues, kvStore, type KvStoreOptions } from "@wireway/wireway";
 * declare const kv: KeyValues;
 * const options: KvStoreOptions = { kv, namespace: "prices" };
 * kvStore(options);
 * ```
 */
export interface KvStoreOptions {
  /** The database, opened. It stays open: close it when everything is over. */
  kv: KeyValues;
  /** The first part of all keys, so that several caches may share a database. @default {"wireway-cache"} */
  namespace?: string;
}

/** What stands in the database for a reply; its bytes stand beside it. */
interface Row extends Omit<StoredReply, "bytes"> {
  /** Which pieces are its own: those of an older reply may still be there. */
  readonly version: string;
  readonly pieces: number;
}

/** Deno KV takes values of at most 65 536 bytes, a little of which is taken by how they are written. */
const pieceBytes = 60_000;

/** Deno KV takes keys of at most 2 048 bytes; other parts stand before ours. */
const maxKeyBytes = 1500;

/** How long a row outlives the times of its reply, for clocks that differ. */
const marginMs = 1000;

/** Stands after every text in the order of keys. */
const last = "\u{10ffff}";

/**
 * Keeps replies in Deno KV, or in anything that looks like it. The database
 * forgets them by itself when their time is over.
 *
 * A reply is cut into pieces of 60 000 bytes. Its row is written last and names
 * its pieces, so that nobody reads half a reply. Keys and tags may have 1 500
 * bytes of UTF-8; longer ones are refused, and the cache goes on without.
 *
 * Deno KV is unstable: run with `--unstable-kv`, or name `kv` under `unstable`
 * in deno.json.
 *
 * Errors, which a cache takes for misses: `message-too-large` (a key), those of
 * the database; `invalid-option`.
 *
 * @example
 * ```ts
 * import { cache, type KeyValues, kvStore } from "@wireway/wireway";
 * declare const kv: KeyValues; // await Deno.openKv()
 * cache<string, string>({ ttlMs: 60_000, store: kvStore({ kv }) });
 * ```
 */
export function kvStore(options: KvStoreOptions): CacheStore {
  const { kv, namespace } = readOptions("kvStore()", options, {
    kv: given<KeyValues | undefined>(undefined, "an object"),
    namespace: label("wireway-cache"),
  });
  if (kv === undefined) throw invalidOption("kvStore()", "kv", kv, "an opened database");
  const rowKey = (key: string): string[] => [namespace, "row", key];
  const pieceKey = (key: string, ...rest: string[]): string[] => [namespace, "piece", key, ...rest];
  const tagKey = (tag: string, ...rest: string[]): string[] => [namespace, "tag", tag, ...rest];

  async function forget(key: string, except?: string): Promise<void> {
    for await (const piece of kv!.list({ prefix: pieceKey(key) })) {
      if (piece.key[3] !== except) await kv!.delete(piece.key as string[]);
    }
  }

  return {
    async get(key: string): Promise<StoredReply | undefined> {
      const row = (await kv.get(rowKey(fit(key)))).value as Row | null;
      if (row === null) return undefined;
      const pieces: Uint8Array[] = [];
      for await (const piece of kv.list({ prefix: pieceKey(key, row.version) })) pieces.push(piece.value as Uint8Array);
      // A piece that is missing was taken out in this moment.
      if (pieces.length !== row.pieces) return undefined;
      const { version: _, pieces: __, ...times } = row;
      return { ...times, bytes: joinBytes(pieces) };
    },

    async set(key: string, { bytes, ...times }: StoredReply): Promise<void> {
      fit(key);
      const version = crypto.randomUUID();
      const expireIn = times.freshMs + Math.max(times.staleMs, times.errorMs) + marginMs;
      const lasting = Number.isFinite(expireIn) ? { expireIn } : undefined;
      for (const tag of times.tags) await kv.set(tagKey(fit(tag), key), 1, lasting);
      let pieces = 0;
      for (let start = 0; start < bytes.length; start += pieceBytes) {
        const order = String(pieces++).padStart(8, "0");
        await kv.set(pieceKey(key, version, order), bytes.slice(start, start + pieceBytes), lasting);
      }
      const row: Row = { ...times, version, pieces };
      await kv.set(rowKey(key), row, lasting);
      await forget(key, version);
    },

    async delete(key: string): Promise<void> {
      await kv.delete(rowKey(fit(key)));
      await forget(key);
    },

    async deleteTag(tag: string): Promise<void> {
      for await (const { key } of kv.list({ prefix: tagKey(fit(tag)) })) {
        await this.delete(key[3] as string);
        await kv.delete(key as string[]);
      }
    },

    async deletePrefix(prefix: string): Promise<void> {
      for await (const { key } of kv.list({ start: rowKey(fit(prefix)), end: rowKey(prefix + last) })) {
        await this.delete(key[2] as string);
      }
    },
  };
}

/** A text that the database takes as a part of a key. */
function fit(text: string): string {
  // A character of UTF-16 has at most three bytes in UTF-8.
  if (text.length * 3 > maxKeyBytes && new TextEncoder().encode(text).length > maxKeyBytes) {
    const why = `Cannot store reply: its key or a tag has more than the ${maxKeyBytes} bytes that are allowed`;
    throw new TransportError("message-too-large", why, { details: { allowed: maxKeyBytes } });
  }
  return text;
}
