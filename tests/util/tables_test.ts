/**
 * The small tables that caches are made of.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Lru, type LruEntry } from "../../src/util/lru.ts";
import { sizeOf } from "../../src/util/size_of.ts";
import { TagIndex } from "../../src/util/tag_index.ts";
import { Random } from "../support/random.ts";

Deno.test("TagIndex keeps nothing of what has gone", () => {
  const index = new TagIndex();
  index.add("a", ["x", "y"]);
  index.add("b", ["x"]);
  assert.deepEqual(index.keysOf("x"), ["a", "b"]);
  index.remove("a", ["x", "y"]);
  assert.deepEqual([index.size, index.keysOf("x"), index.keysOf("y")], [1, ["b"], []]);
  index.remove("b", ["x"]);
  assert.equal(index.size, 0);
});

Deno.test("Lru forgets what was used longest ago, as a slow list does, in 2 000 random uses", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const [maxEntries, maxBytes] = [random.between(1, 5), random.between(5, 40)];
    const lru = new Lru<LruEntry>(maxEntries, maxBytes);
    let slow: { key: string; bytes: number }[] = [];
    const total = () => slow.reduce((sum, { bytes }) => sum + bytes, 0);
    for (let step = 0; step < 100; step++) {
      const key = random.pick(["a", "ab", "b", "c", "cd", "e"]);
      const at = random.below(6);
      if (at < 3) {
        const entry = { key, bytes: random.between(0, 15) };
        const kept = lru.add({ ...entry, older: undefined, newer: undefined });
        slow = slow.filter((one) => one.key !== key);
        assert.equal(kept, entry.bytes <= maxBytes);
        if (kept) {
          while (slow.length >= maxEntries || total() + entry.bytes > maxBytes) slow.shift();
          slow.push(entry);
        }
      } else if (at < 5) {
        const entry = lru.get(key);
        if (entry !== undefined) {
          lru.touch(entry);
          slow.push(slow.splice(slow.findIndex((one) => one.key === key), 1)[0]);
        }
      } else if (random.oneIn(2)) {
        lru.delete(key);
        slow = slow.filter((one) => one.key !== key);
      } else {
        lru.deletePrefix(key);
        slow = slow.filter((one) => !one.key.startsWith(key));
      }
      assert.deepEqual([...lru.keys()].sort(), slow.map(({ key }) => key).sort(), `seed ${seed}, step ${step}`);
      assert.deepEqual([lru.bytes, lru.size], [total(), slow.length]);
    }
  }
});

Deno.test("sizeOf() counts what a value holds, each object once, and ends where objects form a circle", () => {
  const circle: Record<string, unknown> = { text: "x".repeat(100) };
  circle.self = circle;
  const rows: [unknown, number, number][] = [
    ["abc", 6, 6],
    [new Uint8Array(10), 10, 10],
    [undefined, 8, 8],
    [[1, 2, 3], 60, 200],
    [circle, 200, 400],
    [new Map([["k".repeat(50), new Uint8Array(1000)]]), 1100, 1300],
    [new Set(["x".repeat(500)]), 1000, 1200],
    [{ a: new ArrayBuffer(1000), b: new Float64Array(1000) }, 9000, 9300],
  ];
  for (const [value, least, most] of rows) {
    const bytes = sizeOf(value);
    assert.ok(bytes >= least && bytes <= most, `${bytes} is not from ${least} to ${most}`);
  }
});
