/**
 * batch(): how batches are taken apart, and what goes into them when priorities
 * and posts are mixed.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { batch, type BatchChannel, chain, memory, type Message, TransportError } from "../../mod.ts";
import { BatchQueue, itemBytes } from "../../src/channel/batch/batch_queue.ts";
import { join, part, Recorder, untilStill } from "../support/channels.ts";

Deno.test("batch() stops in the midst of a batch where the receiver pauses, and goes on after it", async () => {
  const gates = Array.from({ length: 6 }, () => Promise.withResolvers<void>());
  let taken = 0;
  const pair = await join(chain(memory(), batch()));
  const [near, far] = [new Recorder(), new Recorder(() => gates[taken++].promise)];
  pair.near.receive(near);
  pair.far.receive(far);
  for (let i = 0; i < 6; i++) void pair.near.send(`${i}`);
  for (let i = 0; i < 6; i++) {
    await far.count(i + 1);
    assert.equal(await untilStill(() => far.messages.length), i + 1);
    gates[i].resolve();
  }
  assert.deepEqual(far.messages, ["0", "1", "2", "3", "4", "5"]);
  await part(pair, near, far);
});

Deno.test("batch() hands nothing out of a batch any more once the receiver has ended the connection", async () => {
  for (const pauses of [false, true]) {
    const pair = await join(chain(memory(), batch()));
    const near = new Recorder();
    const far = new Recorder((message) => {
      if (message === "2") pair.far.abort(new TransportError("cancelled", "Test: enough"));
      return pauses ? Promise.resolve() : undefined;
    });
    pair.near.receive(near);
    pair.far.receive(far);
    for (let i = 0; i < 6; i++) void pair.near.send(`${i}`);
    await far.over();
    assert.deepEqual(far.messages, ["0", "1", "2"]);
    await part(pair, near, far);
  }
});

Deno.test("batch() keeps its bounds whatever is mixed, and loses none", () => {
  const queue = new BatchQueue();
  const resolved: Message[] = [];
  const expected: string[][] = [[], [], []];
  for (let i = 0; i < 50; i++) {
    const priority = [0, 3, 7][i % 3];
    expected[i % 3].push(`${i}`);
    const bytes = `${i}`.length + itemBytes;
    if (i % 4 === 0) {
      queue.post({ message: `${i}`, resolve: () => resolved.push(`${i}`), reject: () => {} }, bytes, priority);
    } else queue.add(`${i}`, bytes, priority);
  }
  const all: Message[] = [];
  while (queue.size > 0) {
    const { messages, posted, bytes } = queue.take(7, 100);
    assert.ok(messages.length > 0 && messages.length <= 7);
    assert.ok(bytes <= 100);
    posted?.forEach((one) => one.resolve());
    all.push(...messages);
  }
  assert.equal(queue.bytes, 0);
  assert.deepEqual(all, expected.flat());
  assert.equal(resolved.length, 13);
  // Seven of them at the most also where their bytes would allow for more.
  for (let i = 0; i < 20; i++) queue.add("", itemBytes, 5);
  assert.equal(queue.take(7, 10_000).messages.length, 7);
});

Deno.test("batch() resolves flush() at once where nothing is held", async () => {
  const pair = await join(chain(memory(), batch()));
  const channel = pair.near as BatchChannel;
  const [near, far] = [new Recorder(), new Recorder()];
  channel.receive(near);
  pair.far.receive(far);
  await channel.flush();
  assert.equal(await channel.post("x"), undefined);
  await channel.flush();
  await part(pair, near, far);
});

Deno.test("batch() refuses options that make no sense", () => {
  for (
    const options of [{ maxMessages: 0 }, { maxBytes: 1 }, { lingerMs: Infinity }, { lingerMs: -1 }, {
      highWaterBytes: 100,
      maxBufferedBytes: 50,
    }]
  ) assert.throws(() => batch(options), { code: "invalid-option" });
});
