/**
 * Valid streams, damaged at random: a decoder must find in each what a plain
 * one finds, however the bytes are cut, and never fail but with an error of
 * ours.
 *
 * `WIREWAY_FUZZ_INPUTS` says how many streams are tried, `WIREWAY_FUZZ_SEED`
 * which. A failure names the seed of its stream.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Framing, lengthPrefix, newline, TransportError } from "../../mod.ts";
import { fuzzInputs, trySeeds } from "../support/mutation.ts";
import { Random } from "../support/random.ts";
import { equal, Feed, frames } from "./_feed.ts";

/** Random bytes to cut from, since drawing each would be most of the work. */
const noise = new Random(99).bytes(1 << 20);

/** What a decoder has to find: the messages before the first that is over the limit, and whether there is one. */
interface Found {
  messages: Uint8Array[];
  refused: boolean;
}

interface Subject {
  name: string;
  framing: Framing;
  /** The same by the plainest of means, on the whole stream at once. */
  find(stream: Uint8Array): Found;
}

function prefixed(bytes: 1 | 2 | 4, maxBytes: number): Subject {
  return {
    name: `lengthPrefix({ bytes: ${bytes}, maxBytes: ${maxBytes} })`,
    framing: lengthPrefix({ bytes, maxBytes }),
    find(stream) {
      const messages: Uint8Array[] = [];
      for (let at = 0; at + bytes <= stream.length;) {
        let length = 0;
        for (let i = 0; i < bytes; i++) length = length * 256 + stream[at + i];
        if (length > maxBytes) return { messages, refused: true };
        at += bytes;
        if (at + length > stream.length) break;
        messages.push(stream.subarray(at, at += length));
      }
      return { messages, refused: false };
    },
  };
}

function lined(maxBytes: number, stripCarriageReturn: boolean): Subject {
  return {
    name: `newline({ maxBytes: ${maxBytes}, stripCarriageReturn: ${stripCarriageReturn} })`,
    framing: newline({ maxBytes, stripCarriageReturn }),
    find(stream) {
      const messages: Uint8Array[] = [];
      for (let at = 0; at < stream.length;) {
        const end = stream.indexOf(10, at);
        let line = stream.subarray(at, end < 0 ? stream.length : end);
        if (stripCarriageReturn && line.at(-1) === 13) line = line.subarray(0, -1);
        if (line.length > maxBytes) return { messages, refused: true };
        if (end < 0) break;
        messages.push(line);
        at = end + 1;
      }
      return { messages, refused: false };
    },
  };
}

const subjects = [
  prefixed(1, 255),
  prefixed(1, 40),
  prefixed(2, 65_535),
  prefixed(2, 300),
  prefixed(4, 16 * 1024 * 1024),
  prefixed(4, 2000),
  lined(1024 * 1024, false),
  lined(60, false),
  lined(60, true),
];

function cut(random: Random, length: number): Uint8Array {
  const at = random.below(noise.length - length);
  return noise.slice(at, at + length);
}

/** A size that a message may have, most often a small one, now and then the largest. */
function size(random: Random, limit: number): number {
  if (random.oneIn(40)) return Math.min(limit, 3000) - random.below(3);
  return random.below(Math.min(limit, random.oneIn(10) ? 1200 : 60) + 1);
}

function makeMessages(random: Random, { framing }: Subject): Uint8Array[] {
  const large = random.oneIn(500) ? random.below(200_000) : 0;
  return Array.from({ length: 1 + random.below(12) }, (_, i) => {
    const message = cut(
      random,
      i === 0 && large > 0 ? Math.min(large, framing.maxBytes) : size(random, framing.maxBytes),
    );
    // A line has neither of the bytes that could belong to its end.
    if (framing.tailBytes > 0) { for (let j = 0; j < message.length; j++) if (message[j] < 14) message[j] = 32; }
    return message;
  });
}

function join(...parts: Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Damages a stream in one of the ways in which streams get damaged. */
function mutate(random: Random, stream: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random.below(stream.length + 1);
  const end = Math.min(stream.length, at + 1 + random.below(20));
  switch (random.below(8)) {
    case 0:
      return stream.subarray(0, at);
    case 1:
      return stream.subarray(at);
    case 2:
      return join(stream.subarray(0, end), stream.subarray(at));
    case 3:
      return join(stream.subarray(0, at), stream.subarray(end));
    case 4:
      return join(stream.subarray(0, at), other.subarray(random.below(other.length + 1)));
    case 5:
      return join(stream.subarray(0, at), cut(random, 1 + random.below(12)), stream.subarray(at));
    default: {
      const damaged = stream.slice();
      for (let i = random.below(4); i >= 0 && damaged.length > 0; i--) {
        damaged[random.below(damaged.length)] = random.pick([0, 1, 10, 13, 0x7f, 0x80, 0xff, random.below(256)]);
      }
      return damaged;
    }
  }
}

/** Feeds a stream in pieces of random sizes. */
function decode(random: Random, { framing }: Subject, stream: Uint8Array): { feed: Feed; refused: boolean } {
  const feed = new Feed(framing);
  const piece = random.pick([1, 7, 60, 1500, 70_000]);
  // A large stream a byte at a time would take longer than all the others.
  const least = stream.length > 20_000 ? 1000 : 1;
  try {
    for (let at = 0; at < stream.length;) {
      const count = least + random.below(piece);
      feed.push(stream.subarray(at, at += count));
    }
  } catch (error) {
    if (!(error instanceof TransportError) || error.code !== "message-too-large") throw error;
    return { feed, refused: true };
  }
  return { feed, refused: false };
}

function tryOne(seed: number): "whole" | "damaged" | "refused" {
  const random = new Random(seed);
  const subject = random.pick(subjects);
  const messages = makeMessages(random, subject);
  const whole = random.oneIn(8);
  let stream = frames(subject.framing, messages);
  if (!whole) {
    const other = frames(subject.framing, makeMessages(random, subject));
    for (let i = random.below(3); i >= 0; i--) stream = mutate(random, stream, other);
  }
  const expected = whole ? { messages, refused: false } : subject.find(stream);
  const { feed, refused } = decode(random, subject, stream);
  feed.checkUnchanged();
  if (refused !== expected.refused) assert.fail(`${subject.name} ${refused ? "refused" : "took"} what it should not`);
  if (feed.messages.length !== expected.messages.length) {
    assert.fail(`${subject.name} found ${feed.messages.length} messages, there are ${expected.messages.length}`);
  }
  for (let i = 0; i < feed.messages.length; i++) {
    if (!equal(feed.messages[i], expected.messages[i])) assert.fail(`${subject.name} changed message ${i}`);
  }
  return whole ? "whole" : refused ? "refused" : "damaged";
}

Deno.test(`decoders find in ${fuzzInputs} mutated streams what is there, within their limits`, async () => {
  await trySeeds({ verdicts: ["whole", "damaged", "refused"], share: 1 / 20 }, tryOne);
});
