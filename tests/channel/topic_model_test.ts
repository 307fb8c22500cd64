/**
 * Topic: readers of all kinds at random, against what each of them must have got.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Topic } from "../../src/channel/topic.ts";
import { Random } from "../support/random.ts";
import { encodings, Slow } from "./_slow.ts";

Deno.test("Topic gives each reader a run of messages without a hole but those it was told of, whatever happens", async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const limit = random.between(1, 8);
    const topic = new Topic({ encodings, maxBacklogMessages: limit, replay: random.oneIn(2) });
    const readers: { slow: Slow; close: () => void; eager: boolean }[] = [];
    let published = 0;
    for (let i = 0; i < 200; i++) {
      const reader = readers.length > 0 ? random.pick(readers) : undefined;
      switch (random.below(6)) {
        case 0: {
          const slow = new Slow();
          const eager = random.oneIn(3);
          const got = slow.got;
          const sink = eager ? (text: string): void => void got.push(text) : slow.sink;
          const subscription = topic.subscribe("text", sink, {
            overflow: random.oneIn(3) ? "close" : "drop-oldest",
            recent: random.below(4),
            closed: slow.closed,
          });
          readers.push({ slow, eager, close: () => subscription.close() });
          break;
        }
        case 1:
          if (random.oneIn(4)) reader?.close();
          break;
        case 2:
          await reader?.slow.step(random.below(6));
          break;
        default:
          topic.publish(`${published++}`);
      }
      assert.ok(topic.stats().backlogMessages <= limit);
    }
    topic.close();
    for (const { slow } of readers) await slow.step(2 * limit + 2);
    for (const { slow: { got, end } } of readers) {
      assert.notEqual(end, "none", `seed ${seed}: all have ended`);
      let expected = -1;
      for (const text of got) {
        if (text.startsWith("gap ")) expected += Number(text.slice(4));
        else if (expected >= 0) assert.equal(text, `${expected++}`, `seed ${seed}`);
        else expected = Number(text) + 1;
      }
    }
    const { readers: left, lagging } = topic.stats();
    assert.deepEqual([left, lagging], [0, 0], `seed ${seed}`);
  }
});
