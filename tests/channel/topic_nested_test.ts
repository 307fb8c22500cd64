/**
 * Topic: what readers do in the middle of a publish.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { TransportError } from "../../mod.ts";
import { Topic } from "../../src/channel/topic.ts";

/** A topic of texts with an encoding that counts. */
function counted() {
  const calls: string[] = [];
  const upper = (message: string, id: string): string => {
    calls.push(`upper ${message} ${id.split("-")[1]}`);
    return message.toUpperCase();
  };
  const bytes = (message: string): Uint8Array => {
    calls.push(`bytes ${message}`);
    return new TextEncoder().encode(message);
  };
  return { topic: new Topic({ encodings: { upper, bytes } }), calls };
}

Deno.test("Topic loses no message and no reader when readers leave in the middle of a publish", () => {
  for (let count = 1; count <= 6; count++) {
    for (let leaver = 0; leaver < count; leaver++) {
      for (let leaves = 0; leaves < count; leaves++) {
        const { topic } = counted();
        const got: string[] = [];
        const subscriptions = Array.from({ length: count }, (_, i) =>
          topic.subscribe("upper", (text) => {
            got.push(`${i}${text}`);
            if (i === leaver && text === "A") subscriptions[leaves].close();
          }));
        topic.publish("a");
        topic.publish("b");
        const all = Array.from({ length: count }, (_, i) => i);
        // One that was to come after gets nothing any more, one that came before has it already.
        const first = all.filter((i) => i !== leaves || i <= leaver).map((i) => `${i}A`);
        const second = all.filter((i) => i !== leaves).map((i) => `${i}B`);
        assert.deepEqual(got.slice(0, first.length), first);
        assert.deepEqual(got.slice(first.length).sort(), second);
        assert.equal(topic.stats().readers, count - 1);
      }
    }
  }
});

Deno.test("Topic lets all its readers leave in the middle of a publish", () => {
  const { topic } = counted();
  let got = 0;
  const subscriptions = Array.from({ length: 10 }, () =>
    topic.subscribe("upper", () => {
      got++;
      for (const subscription of subscriptions) subscription.close();
    }));
  topic.publish("a");
  topic.publish("b");
  assert.equal(got, 1);
  assert.equal(topic.stats().readers, 0);
});

Deno.test("Topic gives a reader that comes in the middle of a publish the next message", () => {
  const { topic } = counted();
  const got: string[] = [];
  topic.subscribe("upper", (text) => {
    if (text === "A") topic.subscribe("upper", (text) => void got.push(text));
  });
  topic.publish("a");
  topic.publish("b");
  assert.deepEqual(got, ["B"]);
});

Deno.test("Topic keeps the order for all readers when one publishes in the middle of a publish", () => {
  const { topic, calls } = counted();
  const got: string[][] = [[], [], []];
  for (const [i, list] of got.entries()) {
    topic.subscribe("upper", (text) => {
      list.push(text);
      if (i === 1 && text.length < 4) topic.publish(`${text}x`);
    });
  }
  topic.publish("a");
  assert.deepEqual(got, Array(3).fill(["A", "AX", "AXX", "AXXX"]));
  assert.deepEqual(calls, ["upper a 1", "upper Ax 2", "upper AXx 3", "upper AXXx 4"]);
  assert.equal(topic.stats().published, 4);
});

Deno.test("Topic refuses to go round in circles for ever", () => {
  const topic = new Topic({ encodings: { text: (message: string) => message }, maxBacklogMessages: 50 });
  let got = 0;
  let end: TransportError | undefined;
  topic.subscribe("text", (text) => {
    got++;
    topic.publish(text);
  }, { closed: (error) => end = error });
  topic.publish("a");
  assert.equal(got, 51);
  assert.equal(end?.code, "overloaded");
  assert.equal(end?.message, "Cannot publish: readers have published 50 messages in the middle of one");
  topic.publish("b");
});

Deno.test("Topic that is closed in the middle of a publish still gives the message to all", () => {
  const { topic } = counted();
  const got: string[] = [];
  let ends = 0;
  for (let i = 0; i < 3; i++) {
    topic.subscribe("upper", (text) => {
      got.push(text);
      topic.close();
    }, { closed: () => ends++ });
  }
  topic.publish("a");
  assert.deepEqual(got, ["A", "A", "A"]);
  assert.equal(ends, 3);
  assert.equal(topic.stats().readers, 0);
});
