/**
 * Event streams, damaged at random: the parser must find in each what the
 * standard's own words find in it, however the bytes are cut, and never fail
 * but with an error of ours.
 *
 * `WIREWAY_FUZZ_INPUTS` says how many streams are tried, `WIREWAY_FUZZ_SEED`
 * which. A failure names the seed of its stream.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../mod.ts";
import { EventStreamParser } from "../../../src/framing/event_stream/event_stream_parser.ts";
import { trySeeds } from "../../support/mutation.ts";
import { Random } from "../../support/random.ts";
import { bytes, type Parsed } from "./event_stream_cases.ts";

interface Found extends Parsed {
  refused: boolean;
}

/** The interpretation of an event stream as the standard words it, on all of it at once. */
function find(stream: Uint8Array, maxBytes: number): Found {
  const found: Found = { events: [], retries: [], comments: [], lastEventId: "", refused: false };
  // What is left of a character at the end is no character yet.
  const lines = new TextDecoder().decode(stream, { stream: true }).split(/\r\n|\n|\r/);
  const rest = lines.pop()!;
  const buffers = { data: "", event: "", id: "" };
  const size = (text: string): number => bytes(text).length;
  for (const line of lines) {
    if (size(line) > maxBytes) return { ...found, refused: true };
    if (line === "") {
      found.lastEventId = buffers.id;
      if (buffers.data !== "") {
        found.events.push([buffers.event === "" ? "message" : buffers.event, buffers.data.slice(0, -1), buffers.id]);
      }
      buffers.data = buffers.event = "";
      continue;
    }
    const [, name, value] = /^([^:]*)(?::[ ]?([^]*))?$/.exec(line)!;
    if (line.startsWith(":")) found.comments.push(line.slice(1));
    else if (name === "data") buffers.data += `${value ?? ""}\n`;
    else if (name === "event") buffers.event = value ?? "";
    else if (name === "id") { if (!value?.includes("\0")) buffers.id = value ?? ""; }
    else if (name === "retry") {
      if (/^[0-9]+$/.test(value ?? "")) found.retries.push(Math.min(Number(value), 2 ** 53 - 1));
    }
    if (size(buffers.data) > maxBytes + 1) return { ...found, refused: true };
  }
  return { ...found, refused: size(rest) > maxBytes };
}

const ends = ["\n", "\r", "\r\n"];
const words = ["x", "hello", "é", "€uro", "😀", "\0", " ", "\ufeff", ":", "0", "17", "1234567890", ""];
const names = [
  "data",
  "data",
  "data",
  "data",
  "id",
  "id",
  "event",
  "retry",
  "",
  "Data",
  "dat",
  "data ",
  "unknown",
  "idx",
];

function value(random: Random): string {
  if (random.oneIn(60)) return random.pick(["x", "é", "€"]).repeat(random.below(400));
  let text = "";
  for (let i = random.below(4); i > 0; i--) text += random.pick(words);
  return text;
}

function makeStream(random: Random): Uint8Array {
  let text = random.oneIn(5) ? "\ufeff" : "";
  const end = random.pick([...ends, "any"]);
  for (let i = 1 + random.below(25); i > 0; i--) {
    if (!random.oneIn(3)) {
      text += random.pick(names) + (random.oneIn(10) ? "" : `:${random.oneIn(3) ? "" : " "}${value(random)}`);
    }
    text += end === "any" ? random.pick(ends) : end;
  }
  return bytes(text);
}

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** Damages a stream in one of the ways in which streams get damaged. */
function mutate(random: Random, stream: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random.below(stream.length + 1);
  const end = Math.min(stream.length, at + 1 + random.below(20));
  switch (random.below(7)) {
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
    default: {
      const damaged = stream.slice();
      for (let i = random.below(4); i >= 0 && damaged.length > 0; i--) {
        const noise = [0, 10, 13, 32, 58, 0x7f, 0x80, 0xbb, 0xbf, 0xc3, 0xe2, 0xef, 0xf0, 0xff, random.below(256)];
        damaged[random.below(damaged.length)] = random.pick(noise);
      }
      return damaged;
    }
  }
}

function parse(random: Random, stream: Uint8Array, maxEventBytes: number): Found {
  const found: Found = { events: [], retries: [], comments: [], lastEventId: "", refused: false };
  const parser = new EventStreamParser({
    event: ({ event, data, id }) => found.events.push([event, data, id]),
    retry: (ms) => found.retries.push(ms),
    comment: (text) => found.comments.push(text),
  }, { maxEventBytes });
  const piece = random.pick([1, 2, 7, 60, 2000]);
  try {
    for (let at = 0; at < stream.length;) {
      const lent = stream.slice(at, at += random.below(piece + 1));
      parser.push(lent);
      lent.fill(0x21);
    }
  } catch (error) {
    if (!(error instanceof TransportError) || error.code !== "message-too-large") throw error;
    found.refused = true;
  }
  found.lastEventId = parser.lastEventId;
  return found;
}

function tryOne(seed: number): "whole" | "damaged" | "refused" {
  const random = new Random(seed);
  let stream = makeStream(random);
  const whole = random.oneIn(6);
  if (!whole) { for (let i = random.below(3); i >= 0; i--) stream = mutate(random, stream, makeStream(random)); }
  const maxBytes = random.pick([12, 40, 300, 1024 * 1024]);
  const expected = find(stream, maxBytes);
  assert.deepEqual(parse(random, stream, maxBytes), expected);
  return expected.refused ? "refused" : whole ? "whole" : "damaged";
}

Deno.test("EventStreamParser finds in mutated streams what the standard finds in them, within its limits", async () => {
  await trySeeds({ verdicts: ["whole", "damaged", "refused"], share: 1 / 30 }, tryOne);
});
