/**
 * redisTopic(): readers on many machines, and what happens when Redis goes.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Redis } from "ioredis";
import { redisTopic, type RedisTopicOptions } from "../../adapters/redis.ts";
import { redisServer, startRedis } from "../support/brokers.ts";
import { failure } from "../support/calls.ts";
import { until, within } from "../support/channels.ts";
import { faultProxy } from "../support/fault_proxy.ts";
import { peerTest } from "../support/peer.ts";
import { checkClosedWhilePublishing, checkRestarts, readTexts, textEncodings, type TextTopic } from "./_texts.ts";

/** As on another machine: a topic with connections of its own. */
function join(options: Partial<RedisTopicOptions<string, { text: string }>>): Promise<TextTopic> {
  return within(redisTopic({ name: "news", encodings: textEncodings, replay: true, ...options }), "the topic");
}

Deno.test("redisTopic() without a server joins the topics of one process, and keeps names apart", async () => {
  const topics = [await join({}), await join({}), await join({ name: "other" })];
  const seen = topics.map((topic) => readTexts(topic).got);
  await topics[0].publish("one");
  await topics[1].publish("two");
  await until(() => seen[0].length === 2 && seen[1].length === 2, "two messages for each");
  assert.deepEqual(seen, [["one", "two"], ["one", "two"], []]);
  for (const topic of topics) await topic.close();
  await failure(topics[0].publish("three"), "closed", "no");
});

peerTest("redisTopic() brings each message to all machines once, in one order", [redisServer], async () => {
  await using broker = await startRedis();
  const [server] = broker.servers;
  const topics = [];
  for (let i = 0; i < 3; i++) topics.push(await join({ server }));
  const seen = topics.map((topic) => readTexts(topic).got);
  await Promise.all(topics.flatMap((topic, i) => Array.from({ length: 50 }, (_, n) => topic.publish(`${i}-${n}`))));
  await until(() => seen.every((got) => got.length >= 150), "150 messages for each");
  for (const got of seen) {
    assert.deepEqual(got, seen[0]);
    assert.equal(new Set(got).size, 150);
  }
  await failure(topics[0].publish("x".repeat(2_000_000)), "message-too-large", "no");
  for (const topic of topics) await topic.close();
});

peerTest("redisTopic() lets a reader go on at another machine, also one that starts later", [redisServer], async () => {
  await using broker = await startRedis();
  const [server] = broker.servers;
  const first = await join({ server });
  const seen = readTexts(first);
  for (let n = 1; n <= 20; n++) await first.publish(`m${n}`);
  await until(() => seen.got.length === 20, "20 messages");
  const later = await join({ server, maxBacklogMessages: 10 });
  assert.deepEqual(readTexts(later, seen.ids[14]).got, ["m16", "m17", "m18", "m19", "m20"]);
  assert.deepEqual(readTexts(later, seen.ids[7]).got.slice(0, 2), ["gap 2", "m11"]);
  await first.close();
  await later.close();
});

peerTest("redisTopic() loses no acknowledged message when Redis is killed, and gives none twice", [
  redisServer,
], async () => {
  await using broker = await startRedis();
  const [server] = broker.servers;
  const [writer, reader] = [await join({ server }), await join({ server })];
  await checkRestarts(writer, reader, broker);
  await writer.close();
  await reader.close();
});

peerTest("redisTopic() stores a message once whose acknowledgement was lost", [redisServer], async () => {
  await using broker = await startRedis();
  await using proxy = await faultProxy({ upstreamPort: broker.port });
  const topic = await join({ server: `127.0.0.1:${proxy.port}` });
  const { got } = readTexts(topic);
  await topic.publish("one");
  await until(() => got.length === 1, "the first message");
  proxy.cutAfterBytes(0, "down", { how: "reset", times: 2 });
  await topic.publish("two");
  await topic.publish("three");
  await until(() => got.includes("three"), "the last message");
  assert.deepEqual(got, ["one", "two", "three"]);
  await topic.close();
});

peerTest("redisTopic() tells readers how many messages Redis has forgotten before they could be read", [
  redisServer,
], async () => {
  await using broker = await startRedis();
  const topic = await join({ server: broker.servers[0] });
  const { got } = readTexts(topic);
  await topic.publish("one");
  await until(() => got.length === 1, "the first message");
  const client = new Redis(broker.port);
  // In one step, so that no reader comes in between.
  await client.multi()
    .xadd("{wireway:topic:news}", "0-*", "m", '"two"').xadd("{wireway:topic:news}", "0-*", "m", '"three"')
    .xadd("{wireway:topic:news}", "0-*", "m", '"four"').xtrim("{wireway:topic:news}", "MAXLEN", 1).exec();
  await until(() => got.includes("four"), "the last message");
  assert.deepEqual(got, ["one", "gap 2", "four"]);
  await client.quit();
  await topic.close();
});

peerTest("redisTopic() says when a publish was not stored, and ends where Redis has lost its stream", [
  redisServer,
], async () => {
  await using broker = await startRedis();
  const topic = await join({ server: broker.servers[0], publishTimeoutMs: 200, maxPublishing: 1 });
  const ended: unknown[] = [];
  topic.subscribe("text", () => {}, { closed: () => ended.push("ended") });
  await topic.publish("a");
  const client = new Redis(broker.port);
  await client.flushall();
  await client.quit();
  await broker.kill();
  const lost = failure(topic.publish("b"), "connection-lost", "maybe");
  await failure(topic.publish("c"), "overloaded", "no");
  await lost;
  await broker.start();
  assert.equal((await within(topic.finished, "the topic's end"))?.code, "connection-lost");
  assert.deepEqual(ended, ["ended"]);
  await broker.kill();
  await failure(join({ server: broker.servers[0] }), "connection-lost");
});

peerTest("redisTopic() ends what it still tries to publish when it is closed, and has ended by then", [
  redisServer,
], async () => {
  await using broker = await startRedis();
  const topic = await join({ server: broker.servers[0], publishTimeoutMs: 600_000 });
  await checkClosedWhilePublishing(topic, broker);
});

peerTest("redisTopic() asks a Redis that refuses to be read ever more seldom", [redisServer], async () => {
  await using broker = await startRedis();
  const client = new Redis(broker.port);
  await client.call("ACL", "SETUSER", "writer", "on", ">secret", "~*", "&*", "+@all", "-xread");
  const connection = { username: "writer", password: "secret" };
  const topic = await join({ server: broker.servers[0], connection });
  const refused = async (): Promise<number> =>
    Number(/cmdstat_xread:.*rejected_calls=(\d+)/.exec(await client.info("commandstats"))?.[1] ?? 0);
  const questions = 3000;
  for (let i = 0; i < questions; i++) await client.ping();
  const attempts = await refused();
  assert.ok(attempts > 0 && attempts < questions / 30, `${attempts} attempts beside ${questions} questions`);
  await client.quit();
  await topic.close();
});

Deno.test("redisTopic() refuses options that are not allowed, naming them", async () => {
  for (
    const [options, part] of [
      [{ name: "" }, "name"],
      [{ server: "a b" }, "server"],
      [{ maxMessages: 0 }, "maxMessages"],
      [{ maxReaders: 0 }, "maxReaders"],
    ] as const
  ) {
    assert.match((await failure(join(options), "invalid-option", "no")).message, new RegExp(`option ${part} is`));
  }
});
