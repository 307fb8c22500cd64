/**
 * batch(): priorities that are none.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { batch, chain, TransportError } from "../../mod.ts";
import { raw } from "./_raw.ts";

Deno.test("batch() sends a message whose priority is no number, or between two, like any other", async () => {
  const { channel, wire } = await raw((transport) => chain(transport, batch({ maxMessages: 1 })));
  for (const priority of [NaN, 3.5, -1, Infinity]) void channel.send(`${priority}`, priority);
  await wire.count(5);
  assert.deepEqual(wire.messages.slice(1).toSorted(), ["-1", "3.5", "Infinity", "NaN"]);
  assert.equal(channel.bufferedBytes, 0);
  channel.abort(new TransportError("cancelled", "Test over"));
});
