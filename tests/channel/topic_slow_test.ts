/**
 * Topic: readers that are slow, and what they lose.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { TransportError } from "../../mod.ts";
import { Topic } from "../../src/channel/topic.ts";
import { encodings, Slow } from "./_slow.ts";

Deno.test("Topic gives a slow reader one message at a time, and what it has missed when it is ready", async () => {
  const topic = new Topic({ encodings });
  const slow = new Slow();
  const fast: string[] = [];
  const subscription = topic.subscribe("text", slow.sink, { closed: slow.closed });
  topic.subscribe("text", (text) => void fast.push(text));
  for (const text of ["a", "b", "c"]) topic.publish(text);
  assert.deepEqual([slow.got, fast], [["a"], ["a", "b", "c"]]);
  assert.equal(subscription.isLagging, true);
  assert.equal(topic.stats().backlogMessages, 2);
  await slow.step();
  assert.deepEqual(slow.got, ["a", "b"]);
  await slow.step(2);
  assert.deepEqual(slow.got, ["a", "b", "c"]);
  assert.equal(subscription.isLagging, false);
  topic.publish("d");
  assert.deepEqual(slow.got, ["a", "b", "c", "d"]);
});

Deno.test("Topic keeps nothing once no reader needs it", async () => {
  const topic = new Topic({ encodings });
  const one = new Slow();
  const two = new Slow();
  topic.subscribe("text", one.sink);
  const second = topic.subscribe("text", two.sink);
  topic.publish("a");
  assert.equal(topic.stats().backlogMessages, 0, "both have it");
  topic.publish("b");
  assert.deepEqual([topic.stats().backlogMessages, topic.stats().lagging], [1, 2]);
  await one.step(2);
  assert.deepEqual([topic.stats().backlogMessages, topic.stats().lagging], [1, 1]);
  second.close();
  assert.deepEqual(topic.stats(), {
    readers: 1,
    lagging: 0,
    published: 2,
    dropped: 0,
    failed: 0,
    backlogMessages: 0,
    backlogBytes: 0,
  });
});

Deno.test("Topic has a slow reader lose the oldest past the limit of messages, and tells it how many", async () => {
  const topic = new Topic({ encodings, maxBacklogMessages: 3 });
  const slow = new Slow();
  const untold = new Slow();
  const subscription = topic.subscribe("text", slow.sink, { overflow: "drop-oldest" });
  topic.subscribe("plain", untold.sink);
  for (let i = 0; i < 10; i++) topic.publish(`${i}`);
  assert.equal(topic.stats().backlogMessages, 3);
  await slow.step(10);
  await untold.step(10);
  assert.deepEqual(slow.got, ["0", "gap 6", "7", "8", "9"]);
  assert.deepEqual(untold.got, ["0", "7", "8", "9"]);
  assert.equal(subscription.dropped, 6);
  assert.equal(topic.stats().dropped, 12);
});

Deno.test("Topic counts what a slow reader loses as it is lost, not when the reader comes back, and counts it once", async () => {
  const topic = new Topic({ encodings, maxBacklogMessages: 3 });
  const slow = new Slow();
  const stuck = topic.subscribe("text", new Slow().sink);
  const back = topic.subscribe("text", slow.sink);
  for (let i = 0; i < 10; i++) topic.publish(`${i}`);
  assert.deepEqual([stuck.dropped, back.dropped, topic.stats().dropped], [6, 6, 12]);
  await slow.step(10);
  assert.deepEqual([stuck.dropped, back.dropped, topic.stats().dropped], [6, 6, 12]);
  topic.skip(5);
  assert.deepEqual([stuck.dropped, back.dropped, topic.stats().dropped], [14, 11, 25]);
  stuck.close();
  topic.publish("one more");
  assert.deepEqual([stuck.dropped, topic.stats().dropped], [14, 25], "one that has left keeps its count");
});

Deno.test("Topic keeps at most the bytes it may, of all encodings together", () => {
  const topic = new Topic({ encodings, maxBacklogBytes: 1000 });
  topic.subscribe("text", new Slow().sink);
  topic.subscribe("plain", new Slow().sink);
  for (let i = 0; i < 100; i++) {
    topic.publish("x".repeat(50));
    assert.ok(topic.stats().backlogBytes <= 1000);
  }
  // 64 for holding it, 50 for the message, and 50 for each encoding.
  assert.deepEqual([topic.stats().backlogMessages, topic.stats().backlogBytes], [4, 856]);
  topic.publish("x".repeat(2000));
  assert.deepEqual([topic.stats().backlogMessages, topic.stats().backlogBytes], [0, 0]);
});

Deno.test("Topic counts 64 bytes for a message that is neither bytes nor text, whatever it looks like", async () => {
  const topic = new Topic<object>({ maxBacklogBytes: 640 });
  const messages = topic.messages();
  for (let i = 0; i < 100; i++) topic.publish(i % 2 === 0 ? { length: "many" } : [1, 2, 3]);
  assert.deepEqual([topic.stats().backlogMessages, topic.stats().backlogBytes], [10, 640]);
  topic.close();
  assert.equal((await Array.fromAsync(messages)).length, 11);
});

Deno.test("Topic ends a strict reader as soon as it has lost a message, also one that never comes back", () => {
  const topic = new Topic({ encodings, maxBacklogMessages: 3 });
  const strict = new Slow();
  const late = new Slow();
  const lenient = new Slow();
  topic.subscribe("text", strict.sink, { overflow: "close", closed: strict.closed });
  topic.subscribe("text", lenient.sink);
  topic.publish("a");
  topic.subscribe("plain", late.sink, { overflow: "close", closed: late.closed });
  for (const text of ["b", "c", "d"]) topic.publish(text);
  assert.equal(strict.end, "none");
  topic.publish("e");
  assert.equal((strict.end as unknown as TransportError).code, "overloaded");
  assert.equal(
    (strict.end as unknown as TransportError).message,
    "Reader of topic ended: it is too slow and has lost 1 message",
  );
  assert.equal(late.end, "none");
  topic.publish("f");
  assert.equal((late.end as unknown as TransportError).code, "overloaded");
  assert.deepEqual([topic.stats().readers, topic.stats().failed], [1, 2]);
  assert.equal(topic.stats().dropped, 4, "one of each of the two that ended, two of the one that goes on");
});

Deno.test("Topic does not end a strict reader that keeps within the limit", async () => {
  const topic = new Topic({ encodings, maxBacklogMessages: 3 });
  const strict = new Slow();
  topic.subscribe("text", strict.sink, { overflow: "close", closed: strict.closed });
  for (let i = 0; i < 4; i++) topic.publish(`${i}`);
  for (let i = 4; i < 100; i++) {
    await strict.step();
    topic.publish(`${i}`);
  }
  await strict.step(5);
  assert.equal(strict.end, "none");
  assert.deepEqual(strict.got, Array.from({ length: 100 }, (_, i) => `${i}`));
});

Deno.test("Topic that is closed ends a slow reader when it has got all", async () => {
  const topic = new Topic({ encodings });
  const slow = new Slow();
  topic.subscribe("text", slow.sink, { closed: slow.closed });
  for (const text of ["a", "b"]) topic.publish(text);
  topic.close();
  await slow.step();
  assert.deepEqual([slow.got, slow.end], [["a", "b"], "none"]);
  await slow.step();
  assert.deepEqual([slow.got, slow.end], [["a", "b"], undefined]);
  assert.deepEqual([topic.stats().readers, topic.stats().backlogMessages], [0, 0]);
});

Deno.test("Topic ends a slow reader whose sink fails when it reads on", async () => {
  const topic = new Topic({ encodings });
  const room = Promise.withResolvers<void>();
  let end: TransportError | undefined;
  topic.subscribe("text", (text) => {
    if (text === "a") return room.promise;
    throw new RangeError("no more");
  }, { closed: (error) => end = error });
  topic.publish("a");
  topic.publish("b");
  room.resolve();
  await room.promise;
  await undefined;
  assert.equal(end?.message, "no more");
  assert.equal(topic.stats().backlogMessages, 0);
});

Deno.test("Topic gives a slow reader what it publishes itself while it reads on", async () => {
  const topic = new Topic({ encodings });
  const got: string[] = [];
  topic.subscribe("text", (text) => {
    got.push(text);
    if (text === "b") topic.publish("c");
    return text === "a" ? Promise.resolve() : undefined;
  });
  const other: string[] = [];
  topic.subscribe("text", (text) => void other.push(text));
  topic.publish("a");
  topic.publish("b");
  await undefined;
  await undefined;
  assert.deepEqual([got, other], [["a", "b", "c"], ["a", "b", "c"]]);
});

Deno.test("Topic takes a sink's result that is no promise for none", () => {
  const topic = new Topic({ encodings });
  const got: string[] = [];
  topic.subscribe("text", ((text: string) => got.push(text)) as never);
  topic.subscribe("text", (() => null) as never);
  for (const text of ["a", "b"]) topic.publish(text);
  assert.deepEqual(got, ["a", "b"]);
  assert.equal(topic.stats().lagging, 0);
});

Deno.test("Topic tells nobody a number where nobody knows how many messages are missing", async () => {
  const topic = new Topic({
    encodings: {
      text: { encode: (text: string, id: string) => `${text} ${id}`, gap: (missed?: number) => `gap ${missed}` },
    },
    replay: true,
    run: "r",
  });
  const got: string[] = [];
  const busy = Promise.withResolvers<void>();
  topic.subscribe("text", (text) => {
    got.push(text);
    return got.length === 1 ? busy.promise : undefined;
  });
  for (const text of ["a", "b"]) topic.publish(text);
  topic.skip(1, false);
  topic.publish("c");
  busy.resolve();
  await busy.promise;
  await undefined;
  assert.deepEqual(got, ["a r-1", "gap undefined", "c r-4"]);
  for (const [after, first] of [["r-1", "gap undefined"], ["r-3", "c r-4"]]) {
    const late: string[] = [];
    topic.subscribe("text", (text) => void late.push(text), { after }).close();
    assert.equal(late[0], first);
  }
});
