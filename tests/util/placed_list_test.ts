import { strict as assert } from "node:assert";
import { PlacedList } from "../../src/util/placed_list.ts";
import { Random } from "../support/random.ts";

Deno.test("a list of placed members holds what a set would, in 2000 random orders of coming and going", () => {
  const random = new Random(7);
  for (let round = 0; round < 2000; round++) {
    const members = Array.from({ length: 1 + random.below(8) }, () => ({ place: -1 }));
    const list = new PlacedList<{ place: number }>();
    const set = new Set<{ place: number }>();
    for (let step = 0; step < 30; step++) {
      const member = members[random.below(members.length)];
      if (set.has(member)) {
        list.remove(member);
        set.delete(member);
        list.remove(member);
      } else {
        list.add(member);
        set.add(member);
      }
      assert.deepEqual(new Set(list.all()), set);
      assert.equal(list.all().length, set.size);
    }
  }
});

Deno.test("members of a placed list may go while they are looked at", () => {
  const list = new PlacedList<{ place: number }>();
  const members = [0, 1, 2, 3].map(() => ({ place: -1 }));
  for (const member of members) list.add(member);
  const seen: unknown[] = [];
  for (const member of list.all()) {
    seen.push(member);
    list.remove(member);
  }
  assert.equal(new Set(seen).size, 4);
  assert.deepEqual(list.all(), []);
});
