/**
 * A topic fed from elsewhere, whose source can't be closed in order.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { BridgedTopic } from "../../adapters/bridge/shared_topic.ts";
import { TransportError } from "../../mod.ts";

Deno.test("a topic whose source fails and can't be closed either is over all the same, and ends no program", async () => {
  const lost = new TransportError("connection-lost", "Lost");
  const topic = new BridgedTopic<string>({});
  topic.feed({ publish: () => Promise.resolve(), close: () => Promise.reject(new Error("not in order")) });
  const read = topic.messages().next();
  topic.failed(lost);
  assert.equal(await topic.finished, lost);
  assert.deepEqual(await read, { done: true, value: undefined });
  await assert.rejects(topic.close(), { message: "not in order" });
});
