/**
 * A call through mux() within the process, beside a slot table by hand.
 *
 * @module
 */

import { chain, memory, mux, Streamed } from "../mod.ts";
import type { Call } from "./floor/call_load.ts";
import { Group, kept } from "./floor/group.ts";
import { slotCalls } from "./floor/slot_calls.ts";

const IN_FLIGHT = 128;
const CALLS_EACH = 16;
const payload = new Uint8Array(64).fill(120);
const echo = (request: Uint8Array): Uint8Array => request;

const transport = chain(memory(), mux());
await transport.listen(echo);
const session = await transport.dial();
const throughMux: Call = (request) => session.call(request);
const byHand: Call = slotCalls(echo);

/** Keeps {@link IN_FLIGHT} calls in flight until each caller has made its share. */
async function load(call: Call): Promise<void> {
  const caller = async () => {
    for (let i = 0; i < CALLS_EACH; i++) kept.value = await call(payload);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
}

const group = new Group(`mux() over memory(), 64 B, ${IN_FLIGHT} in flight`, IN_FLIGHT * CALLS_EACH, "call");

group.floor("a slot table and a promise a call", () => load(byHand));
group.bench("mux()", () => load(throughMux));

const ITEMS = 2048;

async function* items(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < ITEMS; i++) yield payload;
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const item of stream) kept.value = item;
}

const streaming = chain(memory(), mux({ streams: true }));
await streaming.listen(() => new Streamed(payload, items()));
const streams = await streaming.dial();

const streamed = new Group("a reply stream of 64 B items, mux() over memory()", ITEMS, "item");

streamed.floor("the generator read by hand", () => read(items()));
streamed.bench("mux()", async () => {
  await read(await streams.call(payload) as Streamed<Uint8Array>);
});
