/**
 * What waits for a reader of events, and what readers have in common.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { EventQueue } from "../../../src/transport/event_stream/event_stream_queue.ts";
import { beginRun, forgetRuns } from "../../../src/transport/event_stream/event_stream_run.ts";
import { Random } from "../../support/random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytes = (text: string): Uint8Array => encoder.encode(text);

/** All chunks of a queue. */
function drain(queue: EventQueue): string[] {
  const chunks: string[] = [];
  while (!queue.isEmpty) chunks.push(decoder.decode(queue.take()));
  return chunks;
}

Deno.test("readers that are given the same events get the same bytes, joined once", () => {
  const queues = [new EventQueue(), new EventQueue()];
  for (const text of ["a", "b", "c"]) {
    const event = bytes(text);
    for (const queue of queues) queue.add(event);
  }
  const [first, second] = queues.map((queue) => queue.take());
  assert.equal(decoder.decode(first), "abc");
  assert.equal(first, second);
});

Deno.test("readers that are given different events in between get their own", () => {
  const [common, other, last] = ["common ", "other ", "last "].map(bytes);
  const queues = Array.from({ length: 4 }, () => new EventQueue());
  for (const queue of queues) queue.add(common);
  queues[1].add(other);
  queues[2].add("text ");
  for (const queue of queues.slice(0, 3)) queue.add(last);
  queues[3].shrink(0);
  queues[3].add(last);
  assert.deepEqual(queues.map(drain), [
    ["common last "],
    ["common other last "],
    ["common text last "],
    ['event: gap\ndata: {"missed":1}\n\nlast '],
  ]);
});

Deno.test("events that came encoded make no chunk much larger than 64 KiB either", () => {
  const queue = new EventQueue();
  const event = bytes("x".repeat(1000));
  for (let i = 0; i < 500; i++) queue.add(event);
  assert.equal(queue.bytes, 500_000);
  const chunks = drain(queue);
  assert.ok(chunks.every(({ length }) => length < 67_000));
  assert.equal(chunks.join("").length, 500_000);
});

Deno.test("what all readers have been given is let go of", () => {
  const event = bytes("a");
  const run = beginRun(event);
  assert.equal(beginRun(event), run);
  forgetRuns();
  assert.notEqual(beginRun(event), run);
});

Deno.test("a queue keeps order and count, whatever is added, dropped and taken", () => {
  const random = new Random(7);
  const shared = Array.from({ length: 20 }, (_, i) => bytes(`[s${i}]`));
  for (let round = 0; round < 300; round++) {
    const queue = new EventQueue();
    let expected: string[] = [];
    let dropped = 0;
    let got = "";
    for (let step = 0; step < 40; step++) {
      const choice = random.below(10);
      if (choice < 7) {
        const event = random.below(2) === 0 ? `[t${step}]` : shared[step % 20];
        queue.add(event);
        expected.push(typeof event === "string" ? event : decoder.decode(event));
      } else if (choice < 8) {
        queue.shrink(queue.bytes >> 1);
        const left = queue.bytes;
        let length = expected.join("").length;
        while (length > left) {
          length -= expected.shift()!.length;
          dropped++;
        }
        assert.equal(length, left);
      } else if (!queue.isEmpty) {
        got = decoder.decode(queue.take()).replace(/event: gap\n.*\n\n/, "");
        assert.equal(got, expected.join(""));
        expected = [];
      }
      assert.equal(queue.bytes, expected.join("").length);
      assert.equal(queue.dropped, dropped);
    }
  }
});
