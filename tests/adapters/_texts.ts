/**
 * What tests of shared topics have in common: an encoding that shows ids and
 * gaps, and a reader that keeps them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { SharedTopic } from "../../adapters/nats.ts";
import type { Broker } from "../support/brokers.ts";
import { failure } from "../support/calls.ts";
import { turn, until, within } from "../support/channels.ts";

/** A text, and behind it its id. */
export const textEncodings = {
  text: { encode: (text: string, id: string): string => `${text} ${id}`, gap: (missed?: number) => `gap ${missed}` },
};

/** A topic with those. */
export type TextTopic = SharedTopic<string, { text: string }>;

/** What a reader gets, without ids; and the ids. */
export function readTexts(topic: TextTopic, after = ""): { got: string[]; ids: string[] } {
  const seen: { got: string[]; ids: string[] } = { got: [], ids: [] };
  topic.subscribe("text", (text) => {
    const [word, id] = text.startsWith("gap") ? [text, ""] : text.split(" ");
    seen.got.push(word);
    seen.ids.push(id);
  }, { after });
  return seen;
}

/**
 * Publishes without a pause while the broker is killed and started again, twice;
 * checks that the reader gets all that was acknowledged, and nothing twice.
 */
export async function checkRestarts(
  writer: TextTopic,
  reader: TextTopic,
  broker: Broker,
): Promise<void> {
  const { got } = readTexts(reader);
  const acknowledged: string[] = [];
  let running = true;
  const load = Promise.all(Array.from({ length: 4 }, async (_, i) => {
    for (let n = 0; running; n++) {
      await writer.publish(`${i}-${n}`);
      acknowledged.push(`${i}-${n}`);
    }
  }));
  for (const goal of [100, 300]) {
    await until(() => acknowledged.length >= goal, `${goal} messages`);
    await broker.kill();
    await broker.start();
  }
  const goal = acknowledged.length + 100;
  await until(() => acknowledged.length >= goal, "100 more");
  running = false;
  await within(load, "the end of all publishes");
  await until(() => acknowledged.every((text) => got.includes(text)), "all that was acknowledged");
  assert.equal(new Set(got).size, got.length, "none twice");
  assert.equal(got.some((text) => text.startsWith("gap")), false);
}

/**
 * Closes a topic that publishes to a broker that is away, and would do so for
 * long; checks that its publisher is told by the time that it is closed.
 */
export async function checkClosedWhilePublishing(topic: TextTopic, broker: Broker): Promise<void> {
  await topic.publish("a");
  await broker.kill();
  let told = false;
  const lost = failure(topic.publish("b"), "connection-lost", "maybe").then(() => told = true);
  await within(topic.close(), "the topic's end");
  await turn();
  assert.equal(told, true);
  await lost;
}
