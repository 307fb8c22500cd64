/**
 * natsTopic(): readers on many machines, and what happens when the broker goes.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { TransportError } from "../../mod.ts";
import { natsTopic } from "../../adapters/nats.ts";
import { natsServer, startNats } from "../support/brokers.ts";
import { failure } from "../support/calls.ts";
import { turn, until, within } from "../support/channels.ts";
import { faultProxy } from "../support/fault_proxy.ts";
import { peerTest } from "../support/peer.ts";
import { join } from "./_nats_topics.ts";
import { checkClosedWhilePublishing, checkRestarts, readTexts } from "./_texts.ts";

Deno.test("natsTopic() without servers joins the topics of one process, and keeps subjects apart", async () => {
  const [a, b, other] = [await join({}), await join({}), await join({ subject: "other" })];
  const seen = [a, b, other].map((topic) => readTexts(topic).got);
  await a.publish("one");
  await b.publish("two");
  await until(() => seen[0].length === 2 && seen[1].length === 2, "two messages for each");
  assert.deepEqual(seen, [["one", "two"], ["one", "two"], []]);
  for (const topic of [a, b, other]) await topic.close();
  assert.equal(await a.finished, undefined);
  await failure(a.publish("three"), "closed", "no");
});

Deno.test("natsTopic() refuses options that are not allowed, naming them", async () => {
  for (
    const [options, part] of [
      [{ subject: "a.*" }, "subject"],
      [{ subject: "" }, "subject"],
      [{ servers: 7 as unknown as string }, "servers"],
      [{ durable: { stream: "a.b" } }, "stream"],
      [{ durable: { maxMessages: 0 } }, "maxMessages"],
      [{ maxBacklogBytes: 0 }, "maxBacklogBytes"],
    ] as const
  ) {
    assert.match((await failure(join(options), "invalid-option", "no")).message, new RegExp(part));
  }
});

Deno.test("natsTopic() tells readers of a message that cannot be decoded, and goes on", async () => {
  const raw = await natsTopic<Uint8Array>({ subject: "odd", codec: { encode: (bytes) => bytes, decode: (b) => b } });
  const topic = await join({ subject: "odd" });
  const { got } = readTexts(topic);
  await raw.publish(new Uint8Array([255]));
  await topic.publish("fine");
  await until(() => got.length === 2, "both");
  assert.deepEqual(got, ["gap 1", "fine"]);
  const circle: unknown[] = [];
  circle.push(circle);
  for (const none of [circle, undefined, () => {}]) {
    await failure(topic.publish(none as unknown as string), "invalid-request", "no");
  }
  await raw.close();
  await topic.close();
});

peerTest(
  "natsTopic() brings each message to all machines once, those of one machine in order",
  [natsServer],
  async () => {
    await using broker = await startNats();
    const topics = [
      await join({ servers: broker.servers }),
      await join({ servers: broker.servers }),
      await join({ servers: broker.servers }),
    ].map((topic) => ({
      topic,
      ...readTexts(topic),
    }));
    await Promise.all(
      topics.flatMap(({ topic }, i) => Array.from({ length: 50 }, (_, n) => topic.publish(`${i}-${n}`))),
    );
    await until(() => topics.every(({ got }) => got.length >= 150), "150 messages for each");
    for (const { got } of topics) {
      assert.equal(got.length, 150);
      for (const i of topics.keys()) {
        const expected = Array.from({ length: 50 }, (_, n) => `${i}-${n}`);
        assert.deepEqual(got.filter((text) => text.startsWith(`${i}-`)), expected);
      }
    }
    await failure(topics[0].topic.publish("x".repeat(2_000_000)), "message-too-large", "no");
    for (const { topic } of topics) await topic.close();
  },
);

peerTest("natsTopic() tells readers of a gap when its broker was away, and goes on", [natsServer], async () => {
  await using broker = await startNats();
  const topic = await join({ servers: broker.servers });
  const { got } = readTexts(topic);
  await topic.publish("before");
  await until(() => got.length === 1, "the first message");
  await broker.kill();
  const failed: TransportError[] = [];
  // For as long as it takes to try once more to connect: what is known of the broker is forgotten then.
  while (failed.length < 300) {
    await topic.publish("away").catch((error) => failed.push(error));
    await turn();
  }
  for (const { code, processed } of failed) assert.deepEqual([code, processed], ["connection-lost", "no"]);
  await broker.start();
  await until(() => got.includes("gap undefined"), "the gap");
  await topic.publish("after");
  await until(() => got.includes("after"), "the message after it");
  assert.deepEqual(got.filter((text) => text !== "away"), ["before", "gap undefined", "after"]);
  await topic.close();
});

peerTest(
  "a durable natsTopic() lets a reader go on at another machine, also one that starts later",
  [natsServer],
  async () => {
    await using broker = await startNats();
    const durable = { maxMessages: 50 };
    const first = await join({ servers: broker.servers, durable });
    const seen = readTexts(first);
    for (let n = 1; n <= 20; n++) await first.publish(`m${n}`);
    await until(() => seen.got.length === 20, "20 messages");
    const later = await join({ servers: broker.servers, durable, maxBacklogMessages: 10 });
    assert.deepEqual(readTexts(later, seen.ids[14]).got, ["m16", "m17", "m18", "m19", "m20"]);
    assert.deepEqual(readTexts(later, seen.ids[7]).got.slice(0, 2), ["gap 2", "m11"]);
    // The stream has forgotten those, too: whoever comes now is told how many.
    for (let n = 21; n <= 70; n++) await later.publish(`m${n}`);
    const last = await join({ servers: broker.servers, durable });
    assert.deepEqual(readTexts(last, seen.ids[9]).got.slice(0, 2), ["gap 10", "m21"]);
    for (const topic of [first, later, last]) await topic.close();
  },
);

peerTest("a durable natsTopic() loses no acknowledged message when the broker is killed, and gives none twice", [
  natsServer,
], async () => {
  await using broker = await startNats();
  const [writer, reader] = [
    await join({ servers: broker.servers, durable: true }),
    await join({ servers: broker.servers, durable: true }),
  ];
  await checkRestarts(writer, reader, broker);
  await writer.close();
  await reader.close();
});

peerTest("a durable natsTopic() stores a message once whose acknowledgement was lost", [natsServer], async () => {
  await using broker = await startNats();
  await using proxy = await faultProxy({ upstreamPort: broker.port });
  const writer = await join({ servers: [`127.0.0.1:${proxy.port}`], durable: true });
  const reader = await join({ servers: broker.servers, durable: true });
  const { got } = readTexts(reader);
  await writer.publish("one");
  proxy.cutAfterBytes(0, "down", { how: "reset" });
  await writer.publish("two");
  await writer.publish("three");
  await until(() => got.includes("three"), "the last message");
  assert.deepEqual(got, ["one", "two", "three"]);
  await writer.close();
  await reader.close();
});

peerTest(
  "a durable natsTopic() tells readers of messages that were taken out of its stream",
  [natsServer],
  async () => {
    await using broker = await startNats();
    const [writer, connection] = [
      await join({ servers: broker.servers, durable: true }),
      await connect({ servers: broker.servers }),
    ];
    const { got, ids } = readTexts(writer);
    for (const text of ["a", "b", "c", "d"]) await writer.publish(text);
    await until(() => got.length === 4, "four messages");
    await (await jetstreamManager(connection)).streams.deleteMessage("news", 3);
    const late = await join({ servers: broker.servers, durable: true });
    assert.deepEqual(readTexts(late, ids[1]).got, ["gap 1", "d"]);
    await connection.close();
    await writer.close();
    await late.close();
  },
);

peerTest("a durable natsTopic() with a consumer goes on where the process had stopped", [natsServer], async () => {
  await using broker = await startNats();
  const writer = await join({ servers: broker.servers, durable: true });
  const durable = { consumer: "machine-1" };
  const before = await join({ servers: broker.servers, durable, replay: false });
  const seen = readTexts(before);
  for (const text of ["a", "b"]) await writer.publish(text);
  await until(() => seen.got.length === 2, "two messages");
  await before.close();
  for (const text of ["c", "d"]) await writer.publish(text);
  const after = await join({ servers: broker.servers, durable });
  assert.deepEqual(readTexts(after, seen.ids[0]).got.slice(-2), ["c", "d"]);
  await after.close();
  const connection = await connect({ servers: broker.servers });
  const { ack_floor, num_ack_pending } = await (await jetstreamManager(connection)).consumers.info("news", "machine-1");
  assert.deepEqual([ack_floor.stream_seq, num_ack_pending], [4, 0], "all is acknowledged");
  await connection.close();
  await writer.close();
});

peerTest(
  "a durable natsTopic() says when a publish was not stored, and refuses a stream of others",
  [natsServer],
  async () => {
    await using broker = await startNats();
    const topic = await join({ servers: broker.servers, durable: { publishTimeoutMs: 200, maxPublishing: 1 } });
    await failure(join({ servers: broker.servers, subject: "other", durable: { stream: "news" } }), "invalid-option");
    await broker.kill();
    const lost = failure(topic.publish("a"), "connection-lost", "maybe");
    await failure(topic.publish("b"), "overloaded", "no");
    await lost;
    await topic.close();
  },
);

peerTest("a durable natsTopic() says at once what JetStream refuses to store", [natsServer], async () => {
  await using broker = await startNats();
  const connection = await connect({ servers: broker.servers });
  const { streams } = await jetstreamManager(connection);
  await streams.add({ name: "news", subjects: ["news"], max_msg_size: 500 });
  await connection.close();
  const topic = await join({ servers: broker.servers, durable: { publishTimeoutMs: 600_000 } });
  await topic.publish("a");
  await failure(topic.publish("x".repeat(500)), "invalid-request", "no");
  await topic.close();
});

peerTest("a durable natsTopic() ends what it still tries to publish when it is closed, and has ended by then", [
  natsServer,
], async () => {
  await using broker = await startNats();
  const topic = await join({ servers: broker.servers, durable: { publishTimeoutMs: 600_000 } });
  await checkClosedWhilePublishing(topic, broker);
});

peerTest("natsTopic() says that there is no broker", [natsServer], async () => {
  const broker = await startNats();
  await broker[Symbol.asyncDispose]();
  await failure(join({ servers: broker.servers }), "connect-failed", "no");
});

peerTest(
  "a durable natsTopic() ends where its stream or its consumer is deleted, and says so",
  [natsServer],
  async () => {
    await using broker = await startNats();
    const named = await join({ servers: broker.servers, durable: { consumer: "machine-1" } });
    const topic = await join({ servers: broker.servers, durable: true });
    const told: (string | undefined)[] = [];
    topic.subscribe("text", () => {}, { closed: () => told.push("closed") });
    const connection = await connect({ servers: broker.servers });
    const manager = await jetstreamManager(connection);
    await manager.consumers.delete("news", "machine-1");
    assert.match((await within(named.finished, "the end"))!.message, /its consumer machine-1 was deleted/);
    await manager.streams.delete("news");
    await connection.close();
    assert.equal((await within(topic.finished, "the end"))?.code, "connection-lost");
    assert.deepEqual(told, ["closed"]);
  },
);
