/**
 * natsTopic() with the name of a consumer: what was sent and did not come, and
 * what comes again, through crashes and connections that are cut.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type ConsumerInfo, jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { type Broker, natsServer, startNats } from "../support/brokers.ts";
import { turn, until } from "../support/channels.ts";
import { type FaultProxy, faultProxy } from "../support/fault_proxy.ts";
import { peerTest } from "../support/peer.ts";
import { join } from "./_nats_topics.ts";
import { readTexts, type TextTopic } from "./_texts.ts";

const durable = { consumer: "machine-1" };

/** A broker, somebody who publishes there, and the broker's own view of the consumer. */
async function world(
  run: (broker: Broker, writer: TextTopic, manager: JetStreamManager) => Promise<void>,
): Promise<void> {
  await using broker = await startNats();
  const writer = await join({ servers: broker.servers, durable: true });
  const connection = await connect({ servers: broker.servers });
  try {
    await run(broker, writer, await jetstreamManager(connection));
  } finally {
    await connection.close();
    await writer.close();
  }
}

/** What a test has to do with whose topic is connected through a proxy. */
interface Behind {
  readonly writer: TextTopic;
  readonly manager: JetStreamManager;
  readonly proxy: FaultProxy;
  readonly topic: TextTopic;
  /** What its reader has got. */
  readonly got: string[];
}

/** The same, and a topic with that consumer whose connection can be troubled. */
function behindProxy(run: (behind: Behind) => Promise<void>): Promise<void> {
  return world(async (broker, writer, manager) => {
    await using proxy = await faultProxy({ upstreamPort: broker.port });
    const topic = await join({ servers: [`127.0.0.1:${proxy.port}`], durable });
    try {
      await run({ writer, manager, proxy, topic, got: readTexts(topic).got });
    } finally {
      await topic.close();
    }
  });
}

/** Waits for what the broker says of the consumer. */
function consumerIs(manager: JetStreamManager, is: (info: ConsumerInfo) => boolean, what: string): Promise<void> {
  // It is away for a moment while it is made anew.
  return until(() => manager.consumers.info("news", "machine-1").then(is, () => false), what);
}

peerTest(
  "a process that died with messages in its hands gets them again, before newer ones",
  [natsServer],
  () =>
    world(async (broker, writer, manager) => {
      const before = await join({ servers: broker.servers, durable });
      await writer.publish("a");
      await consumerIs(manager, ({ ack_floor }) => ack_floor.stream_seq === 1, "the word that the first was read");
      await before.close();
      for (const text of ["b", "c"]) await writer.publish(text);
      // As a process does that is killed before it has said a word of what it got.
      const killed = await connect({ servers: broker.servers });
      const got = await (await jetstream(killed).consumers.get("news", "machine-1")).fetch({ max_messages: 2 });
      const taken: string[] = [];
      for await (const message of got) taken.push(message.string());
      assert.deepEqual(taken, [`"b"`, `"c"`]);
      await killed.close();
      await writer.publish("d");
      const after = await join({ servers: broker.servers, durable });
      const { got: read, ids } = readTexts(after);
      await writer.publish("e");
      await until(() => read.includes("e"), "the last message");
      // From behind the first message on.
      const all = readTexts(after, ids[0].replace(/5$/, "1"));
      assert.deepEqual([all.got, read], [["b", "c", "d", "e"], ["e"]]);
      await consumerIs(manager, ({ ack_floor }) => ack_floor.stream_seq === 5, "the word that all was read");
      await after.close();
    }),
);

peerTest(
  "messages that were sent into a connection as it broke are not lost",
  [natsServer],
  () =>
    behindProxy(async ({ writer, manager, proxy, got }) => {
      await writer.publish("m1");
      await until(() => got.length === 1, "the first message");
      proxy.cutAfterBytes(0, "down", { how: "reset" });
      const all = ["m1"];
      // Those that come first on the new connection must not go before those that were lost with the old one.
      while (!got.some((text) => text === "m3" || text.startsWith("gap"))) {
        all.push(`m${all.length + 1}`);
        await writer.publish(all.at(-1)!);
        await turn();
      }
      await until(() => got.includes(all.at(-1)!), "the last message");
      assert.deepEqual(got, all);
      await consumerIs(manager, ({ num_ack_pending }) => num_ack_pending === 0, "the word that all was read");
    }),
);

peerTest(
  "a message that comes again because the word that it was read came late is given once",
  [natsServer],
  () =>
    behindProxy(async ({ writer, manager, proxy, got }) => {
      await manager.consumers.update("news", "machine-1", { ack_wait: 100_000_000 });
      proxy.delay(150);
      await writer.publish("one");
      await consumerIs(
        manager,
        ({ delivered, ack_floor }) => delivered.consumer_seq >= 2 && ack_floor.stream_seq === 1,
        "the message's second coming, and the word that it was read",
      );
      await writer.publish("two");
      await until(() => got.includes("two"), "the last message");
      assert.deepEqual(got, ["one", "two"]);
    }),
);

peerTest(
  "a message is given once though the word that it was read is lost with the connection",
  [natsServer],
  () =>
    behindProxy(async ({ writer, manager, proxy, topic, got }) => {
      // What goes up next is that word.
      proxy.cutAfterBytes(0, "up", { how: "reset" });
      await writer.publish("one");
      await until(() => proxy.accepted === 2, "the next connection");
      await writer.publish("two");
      await until(() => got.includes("two"), "the last message");
      assert.deepEqual(got, ["one", "two"]);
      await topic.close();
      await consumerIs(manager, ({ num_ack_pending }) => num_ack_pending === 0, "nothing that would come again");
    }),
);
