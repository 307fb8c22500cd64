/**
 * The bodies of POSTs: what is put in comes out, and a damaged one is taken
 * whole or refused whole.
 *
 * `WIREWAY_FUZZ_INPUTS` says how many bodies are tried, `WIREWAY_FUZZ_SEED`
 * which. A failure names the seed of its body.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../mod.ts";
import { decodeBase64, encodeBase64 } from "../../../src/framing/event_stream/base64.ts";
import {
  endMark,
  formatItem,
  type Item,
  readItem,
  readNumber,
} from "../../../src/framing/event_stream/sse_messages.ts";
import { encodePost, PostItems, toPostItem } from "../../../src/framing/event_stream/sse_posts.ts";
import { EventStreamParser } from "../../../src/framing/event_stream/event_stream_parser.ts";
import { firstSeed, trySeeds } from "../../support/mutation.ts";
import { byteLengthOf } from "../../../src/util/byte_length.ts";
import { Random } from "../../support/random.ts";

const maxMessageBytes = 200;
const pieces = ["", "a", "é", "€", "👍🏽", "\0", "\n", "\r", "\r\n", " ", ":", "data: ", "\ufeff", "\n\n"];

function itemsOf(random: Random): Item[] {
  const items: Item[] = Array.from({ length: random.below(6) }, () => {
    if (random.oneIn(2)) return random.bytes(random.below(40));
    return Array.from({ length: random.below(8) }, () => random.pick(pieces)).join("");
  });
  if (random.oneIn(3)) items.push(endMark);
  return items;
}

function readAll(body: Uint8Array): Item[] {
  const items = new PostItems(body, maxMessageBytes);
  return Array.from({ length: items.count }, () => items.next());
}

function damaged(random: Random, body: Uint8Array): Uint8Array {
  const bytes = [...body];
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = random.below(bytes.length + 1);
    if (random.oneIn(3)) bytes.splice(at, random.below(6));
    else if (random.oneIn(2)) bytes.splice(at, 0, ...random.bytes(random.below(6)));
    else if (at < bytes.length) bytes[at] ^= 1 << random.below(8);
  }
  return new Uint8Array(bytes);
}

function tryOne(seed: number): "taken" | "refused" {
  const random = new Random(seed);
  const body = damaged(random, encodePost(itemsOf(random).map(toPostItem)));
  let items: Item[];
  try {
    items = readAll(body);
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    assert.ok([400, 413].includes(error.details?.status as number), `${error}`);
    return "refused";
  }
  assert.deepEqual(encodePost(items.map(toPostItem)), body);
  assert.ok(items.every((item, i) => item !== endMark || i === items.length - 1));
  assert.ok(items.every((item) => item === endMark || byteLengthOf(item) <= maxMessageBytes));
  return "taken";
}

Deno.test("messages come out of a POST as they were put in", () => {
  const random = new Random(firstSeed);
  for (let i = 0; i < 500; i++) {
    const items = itemsOf(random);
    assert.deepEqual(readAll(encodePost(items.map(toPostItem))), items);
  }
});

Deno.test("a mutated POST is refused with a status, or is exactly what its bytes say", async () => {
  await trySeeds({ verdicts: ["taken", "refused"], share: 1 / 20 }, tryOne);
});

Deno.test("messages come out of events as they were put in, whatever characters they have", () => {
  const random = new Random(firstSeed);
  for (let i = 0; i < 1000; i++) {
    const items = itemsOf(random);
    if (random.oneIn(5)) items.unshift("\n".repeat(random.below(200)) + "x");
    const found: [number | undefined, Item | undefined][] = [];
    const parser = new EventStreamParser({ event: (event) => found.push([readNumber(event.id), readItem(event)]) });
    parser.push(new TextEncoder().encode(items.map((item, at) => formatItem(at + 1, item)).join("")));
    assert.deepEqual(found, items.map((item, at) => [at + 1, item]));
  }
});

Deno.test("base64 is the same with and without the platform's own functions", () => {
  const random = new Random(firstSeed);
  const prototype = Uint8Array.prototype as { toBase64?: unknown };
  const constructor = Uint8Array as { fromBase64?: unknown };
  const own = [prototype.toBase64, constructor.fromBase64];
  const samples = Array.from({ length: 100 }, (_, i) => random.bytes(i < 50 ? i : random.below(40_000)));
  const native = samples.map(encodeBase64);
  try {
    prototype.toBase64 = constructor.fromBase64 = undefined;
    assert.deepEqual(samples.map(encodeBase64), native);
    assert.deepEqual(native.map(decodeBase64), samples);
    for (const wrong of ["QQ", "QQ=", "Q", "*", "QUJD="]) assert.equal(decodeBase64(wrong), undefined, wrong);
  } finally {
    [prototype.toBase64, constructor.fromBase64] = own;
  }
  assert.deepEqual(native.map(decodeBase64), samples);
  for (const wrong of ["QQ", "QQ=", "Q", "*", "QUJD=", "QR=="]) assert.equal(decodeBase64(wrong), undefined, wrong);
});
