/**
 * Topic: who gets what, encoded how often, in which order.
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

Deno.test("Topic gives each message to each reader, encoded once for all readers of an encoding", () => {
  const { topic, calls } = counted();
  const upper: string[] = [];
  const bytes: Uint8Array[] = [];
  for (let i = 0; i < 5; i++) topic.subscribe("upper", (text) => void upper.push(text));
  for (let i = 0; i < 5; i++) topic.subscribe("bytes", (encoded) => void bytes.push(encoded));
  topic.publish("a");
  assert.deepEqual(upper, Array(5).fill("A"));
  assert.deepEqual(calls, ["upper a 1", "bytes a"]);
  assert.equal(bytes.length, 5);
  for (const one of bytes) assert.equal(one, bytes[0]);
  assert.deepEqual(topic.stats(), {
    readers: 10,
    lagging: 0,
    published: 1,
    dropped: 0,
    failed: 0,
    backlogMessages: 0,
    backlogBytes: 0,
  });
});

Deno.test("Topic encodes nothing for encodings that nobody reads", () => {
  const { topic, calls } = counted();
  topic.publish("a");
  const subscription = topic.subscribe("bytes", () => {});
  topic.publish("b");
  subscription.close();
  topic.publish("c");
  assert.deepEqual(calls, ["bytes b"]);
});

Deno.test("Topic gives a reader what is published after it has come and before it leaves", () => {
  const { topic } = counted();
  const got: string[] = [];
  topic.publish("a");
  const subscription = topic.subscribe("upper", (text) => void got.push(text));
  topic.publish("b");
  topic.publish("c");
  subscription[Symbol.dispose]();
  subscription.close();
  topic.publish("d");
  assert.deepEqual(got, ["B", "C"]);
  assert.equal(topic.stats().readers, 0);
});

Deno.test("Topic tells a reader once that its subscription is over, whoever has ended it", () => {
  const { topic } = counted();
  const ends: (string | undefined)[] = [];
  const closed = (error: TransportError | undefined): void => void ends.push(error?.message);
  topic.subscribe("upper", () => {}, { closed }).close();
  const failing = topic.subscribe("upper", () => {
    throw new Error("sink failed");
  }, { closed });
  topic.publish("a");
  failing.close();
  topic.subscribe("upper", () => {}, { closed });
  topic.close();
  topic.close();
  assert.deepEqual(ends, [undefined, "sink failed", undefined]);
  assert.equal(topic.stats().failed, 1);
});

Deno.test("Topic ends a reader whose sink fails, and that reader alone", async () => {
  const { topic } = counted();
  const got: string[] = [];
  const ends: unknown[] = [];
  const closed = (error: TransportError | undefined): void => void ends.push([error?.code, error?.message]);
  topic.subscribe("upper", () => {
    throw new RangeError("at once");
  }, { closed });
  topic.subscribe("upper", () => Promise.reject(new RangeError("later")), { closed });
  topic.subscribe("upper", (text) => void got.push(text), {
    closed: () => {
      throw new Error("the listener's own");
    },
  }).close();
  topic.subscribe("upper", (text) => void got.push(text));
  topic.publish("a");
  await undefined;
  await undefined;
  topic.publish("b");
  assert.deepEqual(got, ["A", "B"]);
  assert.deepEqual(ends, [["connection-lost", "at once"], ["connection-lost", "later"]]);
  assert.equal(topic.stats().readers, 1);
});

Deno.test("Topic publishes to nobody what can not be encoded", () => {
  const got: string[] = [];
  const topic = new Topic({
    encodings: {
      good: (message: string) => message,
      bad: (message: string) => {
        if (message === "bad") throw new RangeError("not this");
        return message;
      },
    },
    replay: true,
  });
  topic.subscribe("good", (text) => void got.push(text));
  topic.subscribe("bad", (text) => void got.push(text));
  topic.publish("a");
  assert.throws(() => topic.publish("bad"), RangeError);
  topic.publish("b");
  assert.deepEqual(got, ["a", "a", "b", "b"]);
  assert.equal(topic.stats().published, 2);
  assert.equal(topic.stats().backlogMessages, 2);
});

Deno.test("Topic takes nothing after its close", () => {
  const { topic } = counted();
  topic[Symbol.dispose]();
  assert.throws(() => topic.publish("a"), { code: "closed", message: "Cannot publish: the topic is closed" });
  assert.throws(() => topic.subscribe("upper", () => {}), {
    code: "closed",
    message: "Cannot subscribe: the topic is closed",
  });
});

Deno.test("Topic has at most as many readers as it may", () => {
  const topic = new Topic({ encodings: { text: (message: string) => message }, maxReaders: 2 });
  const first = topic.subscribe("text", () => {});
  topic.subscribe("text", () => {});
  assert.throws(() => topic.subscribe("text", () => {}), {
    code: "overloaded",
    message: "Cannot subscribe: the topic has 2 readers, its limit",
  });
  first.close();
  topic.subscribe("text", () => {});
});

Deno.test("Topic refuses options that are not allowed, naming them", () => {
  const check = (use: () => unknown, message: string): void => assert.throws(use, { code: "invalid-option", message });
  check(() => new Topic({ replay: 1 } as object), "Cannot use Topic: option replay is 1, allowed is true or false");
  check(
    () => new Topic({ size: 1 } as object),
    'Cannot use Topic: it has no option "size", only encodings, replay, maxBacklogMessages, maxBacklogBytes, maxReaders, run, first',
  );
  const { topic } = counted();
  check(
    () => topic.subscribe("lower" as "upper", () => {}),
    'Cannot use subscribe(): option encoding is "lower", allowed is one of upper, bytes',
  );
  check(
    () => topic.subscribe("upper", () => {}, { overflow: "reject" as "close" }),
    'Cannot use subscribe(): option overflow is "reject", allowed is "drop-oldest" or "close"',
  );
  assert.equal(topic.stats().readers, 0);
});

Deno.test("Topic infers what its readers get from its encodings", () => {
  const topic = new Topic({
    encodings: {
      text: (message: number) => `${message}`,
      bytes: { encode: (message: number) => Uint8Array.of(message) },
    },
  });
  const texts: string[] = [];
  const bytes: Uint8Array[] = [];
  topic.subscribe("text", (text) => void texts.push(text));
  topic.subscribe("bytes", (encoded) => void bytes.push(encoded));
  topic.publish(7);
  assert.deepEqual([texts, bytes], [["7"], [Uint8Array.of(7)]]);
  // @ts-expect-error: there is no such encoding
  assert.throws(() => topic.subscribe("json", () => {}));
  // @ts-expect-error: a text is no number
  topic.publish("7");
});

Deno.test("a loop over a Topic that was left is over, whatever it would have ended with", async () => {
  const topic = new Topic<string>({ maxBacklogMessages: 1 });
  const loop = topic.messages({ overflow: "close" });
  for (const text of ["a", "b", "c", "d"]) topic.publish(text);
  await loop.return!();
  assert.deepEqual(await loop.next(), { done: true, value: undefined });
});
