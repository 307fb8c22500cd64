/**
 * What tests of shared topics have in common: an encoding that shows ids and
 * gaps, and a reader that keeps them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { SharedTopic } from "../../adapters/nats.ts";
import type { Broker } from "../support/brokers.ts";
import { until, within } from "../support/channels.ts";

/** A text, and behind it its id. */
export const textEncodings = {
  text: { encode: (text: string, id: string): string => `${text} ${id}`, gap: (missed?: number) => `gap ${missed}` },
};

/** What a reader gets, without ids; and the ids. */
export function readTexts(topic: SharedTopic<string, { text: string }>, after = ""): { got: string[]; ids: string[] } {
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
  writer: SharedTopic<string, { text: string }>,
  reader: SharedTopic<string, { text: string }>,
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
