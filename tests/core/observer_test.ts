/**
 * Telling an observer: its own faults stay its own.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { notify, type TransportEvent } from "../../src/core/observer.ts";

Deno.test("an observer that throws, or fails later, breaks nothing", async () => {
  const event: TransportEvent = { type: "call-answered", policy: "cache", from: "store" };
  const heard: string[] = [];
  notify((event) => {
    heard.push(event.type);
    throw new Error("at once");
  }, event);
  notify(async (event) => {
    heard.push(event.type);
    await undefined;
    throw new Error("later");
  }, event);
  for (let turn = 0; turn < 5; turn++) await undefined;
  assert.deepEqual(heard, ["call-answered", "call-answered"]);
});
