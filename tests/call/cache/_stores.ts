/**
 * What every store of a cache does.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { CacheStore, StoredReply } from "../../../mod.ts";

/** A reply to be stored. */
export function stored(text: string, tags: string[] = [], more: Partial<StoredReply> = {}): StoredReply {
  const bytes = new TextEncoder().encode(text);
  return { bytes, storedAt: 1_700_000_000_000, freshMs: 60_000, staleMs: 10, errorMs: 20, tags, ...more };
}

/** Shows that a store, empty at first, keeps and forgets as it should. */
export async function checkStore(store: CacheStore): Promise<void> {
  const keys = ["a", "ab", "b", "", "\0x\n\u{10fffe}"];
  const there = async () => {
    const found: string[] = [];
    for (const key of keys) if (await store.get(key) !== undefined) found.push(key);
    return found;
  };
  const fill = async () => {
    await store.set("a", stored("A", ["t"]));
    await store.set("ab", stored("AB", ["t", "u"]));
    await store.set("b", stored("B", ["u"]));
    await store.set("", stored(""));
    await store.set("\0x\n\u{10fffe}", stored("odd"));
  };
  assert.deepEqual(await there(), []);
  await fill();
  assert.deepEqual(await there(), keys);
  const found = await store.get("ab");
  assert.deepEqual({ ...found, bytes: new TextDecoder().decode(found!.bytes) }, {
    ...stored("", ["t", "u"]),
    bytes: "AB",
  });
  assert.equal((await store.get(""))!.bytes.length, 0);
  await store.set("a", stored("second", ["v"]));
  assert.equal(new TextDecoder().decode((await store.get("a"))!.bytes), "second");
  await store.delete("b");
  await store.delete("never there");
  assert.deepEqual(await there(), ["a", "ab", "", "\0x\n\u{10fffe}"]);
  await fill();
  await store.deleteTag("t");
  assert.deepEqual(await there(), ["b", "", "\0x\n\u{10fffe}"]);
  await store.deleteTag("never there");
  await fill();
  await store.deletePrefix("a");
  assert.deepEqual(await there(), ["b", "", "\0x\n\u{10fffe}"]);
  await store.deletePrefix("");
  assert.deepEqual(await there(), []);
  const large = new Uint8Array(200_001).map((_, index) => index * 7);
  await store.set("large", stored("", [], { bytes: large }));
  assert.deepEqual((await store.get("large"))!.bytes, large);
  await store.set("large", stored("small now"));
  assert.equal((await store.get("large"))!.bytes.length, 9);
  await store.deletePrefix("");
}
