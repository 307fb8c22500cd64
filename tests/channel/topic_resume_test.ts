/**
 * Topic: readers that come late or back, and loops.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Topic } from "../../src/channel/topic.ts";
import type { SubscribeOptions } from "../../src/channel/topic_options.ts";

interface Options {
  replay?: boolean;
  maxBacklogMessages?: number;
  maxBacklogBytes?: number;
}

/** A topic whose readers get the message and its id. */
function numbered(options: Options = {}) {
  let encodes = 0;
  const topic = new Topic({
    encodings: {
      text: {
        encode: (message: string, id: string): string => {
          encodes++;
          return `${message} ${id}`;
        },
        gap: (missed?: number): string => `gap ${missed}`,
      },
      plain: (message: string): string => message,
    },
    replay: true,
    ...options,
  });
  /** What a reader with these options gets at once. */
  const read = (options: SubscribeOptions): string[] => {
    const got: string[] = [];
    topic.subscribe("text", (text) => void got.push(text), options).close();
    return got.map((text) => text.replace(/ [a-z0-9]+-/, " "));
  };
  /** The id of a message, by its number. */
  const id = (number: number): string => {
    let run = "";
    topic.subscribe("text", (text) => void (run = text.split(" ")[1].split("-")[0]), { recent: 1 }).close();
    return `${run}-${number}`;
  };
  return { topic, read, id, encodes: () => encodes };
}

Deno.test("Topic gives a late reader as many of the last messages as it asks for, and there are", () => {
  const { topic, read } = numbered();
  assert.deepEqual(read({ recent: 3 }), []);
  for (const text of ["a", "b", "c"]) topic.publish(text);
  assert.deepEqual(read({}), []);
  assert.deepEqual(read({ recent: 2 }), ["b 2", "c 3"]);
  assert.deepEqual(read({ recent: 100 }), ["a 1", "b 2", "c 3"]);
});

Deno.test("Topic gives a reader that comes back what it has missed, and goes on", () => {
  const { topic, read, id } = numbered();
  for (const text of ["a", "b", "c"]) topic.publish(text);
  assert.deepEqual(read({ after: id(1) }), ["b 2", "c 3"]);
  assert.deepEqual(read({ after: id(3) }), []);
  assert.deepEqual(read({ after: id(0) }), ["a 1", "b 2", "c 3"]);
  assert.deepEqual(read({ after: id(2), recent: 3 }), ["c 3"], "what it has seen it does not get again");
  assert.deepEqual(read({ after: "", recent: 1 }), ["c 3"]);
  const got: string[] = [];
  topic.subscribe("plain", (text) => void got.push(text), { after: id(2) });
  topic.publish("d");
  assert.deepEqual(got, ["c", "d"]);
});

Deno.test("Topic tells a reader that comes back too late of the gap, and how large it is", () => {
  const { topic, read, id } = numbered({ maxBacklogMessages: 2 });
  for (const text of ["a", "b", "c", "d", "e"]) topic.publish(text);
  assert.deepEqual(read({ after: id(3) }), ["d 4", "e 5"]);
  assert.deepEqual(read({ after: id(2) }), ["gap 1", "d 4", "e 5"]);
  assert.deepEqual(read({ after: id(0) }), ["gap 3", "d 4", "e 5"]);
  assert.deepEqual(read({ after: id(0), overflow: "close" }), ["gap 3", "d 4", "e 5"], "that is not being slow");
});

Deno.test("Topic tells a reader with the id of another run, or none at all, of a gap of unknown size", () => {
  const { topic, read, id } = numbered();
  const other = numbered();
  other.topic.publish("x");
  for (const text of ["a", "b"]) topic.publish(text);
  const good = id(1);
  const nearly = `${good.startsWith("x") ? "y" : "x"}${good.slice(1)}`;
  for (
    const after of [
      other.id(1),
      nearly,
      id(3),
      id(-1),
      "1",
      "-1",
      "x",
      `${good} `,
      `${good}.0`,
      `${good.split("-")[0]}-`,
      id(1e15),
    ]
  ) {
    assert.deepEqual(read({ after }), ["gap undefined", "a 1", "b 2"], after);
  }
});

Deno.test("Topic without replay keeps nothing for those who come late or back, and says so", () => {
  const { topic, read } = numbered({ replay: false });
  for (const text of ["a", "b"]) topic.publish(text);
  assert.equal(topic.stats().backlogMessages, 0);
  assert.deepEqual(read({ recent: 2 }), []);
  assert.deepEqual(read({ after: "x-1" }), ["gap undefined"]);
  let last = "";
  topic.subscribe("text", (text) => void (last = text));
  topic.publish("c");
  const [, id] = last.split(" ");
  assert.deepEqual(read({ after: id }), []);
  topic.publish("d");
  assert.deepEqual(read({ after: id }), ["gap 1"]);
});

Deno.test("Topic encodes a message once however many readers come back for it, and counts its bytes", () => {
  const { topic, read, encodes } = numbered();
  topic.publish("a");
  assert.equal(encodes(), 1, "at once: the size of what is kept must be known");
  for (let i = 0; i < 5; i++) read({ recent: 1 });
  assert.equal(encodes(), 1);
  const { backlogBytes } = topic.stats();
  for (let i = 0; i < 5; i++) topic.subscribe("plain", () => {}, { recent: 1 });
  assert.equal(topic.stats().backlogBytes, backlogBytes + 1);
});

Deno.test("Topic stays within its bytes when readers of another encoding come", () => {
  const { topic } = numbered({ maxBacklogBytes: 1000 });
  for (let i = 0; i < 20; i++) topic.publish("x".repeat(50));
  const before = topic.stats().backlogMessages;
  let got = 0;
  topic.subscribe("plain", () => void got++, { recent: 20 });
  assert.ok(topic.stats().backlogBytes <= 1000);
  assert.ok(topic.stats().backlogMessages < before);
  assert.ok(got <= before && got > 0);
});

Deno.test("Topic ends a late reader whose messages can not be encoded", () => {
  const topic = new Topic({
    encodings: {
      good: (message: string) => message,
      bad: (): string => {
        throw new RangeError("not this");
      },
    },
    replay: true,
  });
  topic.publish("a");
  let end: string | undefined;
  topic.subscribe("bad", () => {}, { recent: 1, closed: (error) => end = error?.message });
  assert.equal(end, "not this");
  assert.equal(topic.stats().readers, 0);
});

Deno.test("a loop over a Topic gets each message, also those published while it is busy", async () => {
  const topic = new Topic<number>();
  const got: number[] = [];
  const loop = (async () => {
    for await (const message of topic) {
      got.push(message);
      await new Promise<void>((resolve) => queueMicrotask(resolve));
      if (message === 6) break;
    }
  })();
  for (let i = 0; i < 5; i++) topic.publish(i);
  await undefined;
  topic.publish(5);
  topic.publish(6);
  topic.publish(7);
  await loop;
  assert.deepEqual(got, [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual([topic.stats().readers, topic.stats().backlogMessages], [0, 0]);
});

Deno.test("a loop over a Topic ends with the topic, after what was published", async () => {
  const topic = new Topic<number>();
  const messages = topic.messages();
  const waiting = topic.messages().next();
  topic.publish(1);
  topic.publish(2);
  topic.close();
  assert.deepEqual(await Array.fromAsync(messages), [1, 2]);
  assert.deepEqual(await waiting, { done: false, value: 1 });
  const empty = new Topic<number>();
  const next = empty.messages().next();
  empty.close();
  assert.deepEqual(await next, { done: true, value: undefined });
});

Deno.test("a loop over a Topic begins when it is made, or with what is kept", async () => {
  const topic = new Topic<string>({ replay: true });
  topic.publish("a");
  topic.publish("b");
  const plain = topic.messages();
  const late = topic.messages({ recent: 1 });
  topic.publish("c");
  topic.close();
  assert.deepEqual(await Array.fromAsync(plain), ["c"]);
  assert.deepEqual(await Array.fromAsync(late), ["b", "c"]);
});

Deno.test("a loop over a Topic loses the oldest past the limit, or ends with an error where it must not", async () => {
  const topic = new Topic<number>({ maxBacklogMessages: 3 });
  const lenient = topic.messages();
  const strict = topic.messages({ overflow: "close" });
  for (let i = 0; i < 10; i++) topic.publish(i);
  topic.close();
  assert.deepEqual(await Array.fromAsync(lenient), [0, 7, 8, 9]);
  assert.deepEqual(await strict.next(), { done: false, value: 0 });
  await assert.rejects(strict.next(), { code: "overloaded" });
  assert.deepEqual(await strict.next(), { done: true, value: undefined });
});

Deno.test("a loop over a Topic takes one message at a time, and nothing after its end", async () => {
  const topic = new Topic<number>();
  const messages = topic.messages();
  const next = messages.next();
  await assert.rejects(messages.next(), {
    code: "unsupported",
    message: "Cannot take two messages of a topic at once",
  });
  assert.deepEqual(await messages.return!(), { done: true, value: undefined });
  assert.deepEqual(await next, { done: true, value: undefined });
  topic.publish(1);
  assert.deepEqual(await messages.next(), { done: true, value: undefined });
  assert.equal(topic.stats().readers, 0);
});

Deno.test("Topic tells its readers of messages that were lost on the way to it, and counts them", () => {
  const { topic, read, id } = numbered();
  const got: string[] = [];
  const told: (string | undefined)[] = [];
  topic.subscribe("text", (text) => void got.push(text.replace(/ [a-z0-9]+-/, " ")));
  topic.subscribe("plain", () => {}, { overflow: "close", closed: (error) => told.push(error?.code) });
  topic.publish("a");
  const before = id(1);
  topic.skip(4);
  topic.publish("f");
  topic.skip(1, false);
  topic.publish("h");
  assert.deepEqual(got, ["a 1", "gap 4", "f 6", "gap undefined", "h 8"]);
  assert.deepEqual(told, ["overloaded"], "one that must lose nothing is ended");
  assert.deepEqual(read({ after: before }), ["gap undefined", "h 8"]);
  assert.equal(topic.stats().published, 3);
  for (const count of [0, 1.5, NaN, -1]) assert.throws(() => topic.skip(count), { code: "invalid-option" });
});

Deno.test("Topic tells a busy reader of a gap when it reads on", async () => {
  const { topic } = numbered();
  const got: string[] = [];
  const free = Promise.withResolvers<void>();
  topic.subscribe("text", (text) => {
    got.push(text.split(" ")[0]);
    return got.length === 1 ? free.promise : undefined;
  });
  topic.publish("a");
  topic.publish("b");
  topic.skip(2);
  topic.publish("e");
  free.resolve();
  await free.promise;
  await Promise.resolve();
  assert.deepEqual(got, ["a", "gap", "e"]);
});

Deno.test("Topics of two processes that number alike let a reader of one go on at the other", () => {
  const topics = [1, 3].map((first) =>
    new Topic({ encodings: { text: (text: string, id: string) => `${text} ${id}` }, replay: true, run: "news", first })
  );
  for (const text of ["a", "b"]) topics[0].publish(text);
  for (const text of ["c", "d"]) for (const topic of topics) topic.publish(text);
  const got: string[] = [];
  topics[1].subscribe("text", (text) => void got.push(text), { after: "news-3" });
  assert.deepEqual(got, ["d news-4"]);
});

Deno.test("a signal ends the loop over a topic, also one that waits, and nothing is left of it", async () => {
  const topic = new Topic<string>();
  const controller = new AbortController();
  const seen: string[] = [];
  const loop = (async () => {
    for await (const message of topic.messages({ signal: controller.signal })) seen.push(message);
  })();
  topic.publish("one");
  await Promise.resolve();
  assert.equal(topic.stats().readers, 1);
  controller.abort();
  await loop;
  assert.deepEqual([seen, topic.stats().readers], [["one"], 0]);

  const late = topic.messages({ signal: controller.signal });
  assert.deepEqual(await late.next(), { done: true, value: undefined });
  assert.equal(topic.stats().readers, 0);
  topic.close();
});
