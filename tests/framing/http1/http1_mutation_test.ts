/**
 * Streams of HTTP messages, whole and damaged at random: the decoders must find
 * in each what a plain reader of the grammar finds, however the bytes are cut,
 * and never fail but with an error of ours.
 *
 * `WIREWAY_FUZZ_INPUTS` says how many streams are tried, `WIREWAY_FUZZ_SEED`
 * which. A failure names the seed of its stream.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { firstSeed, fuzzInputs, trySeeds } from "../../support/mutation.ts";
import { Random } from "../../support/random.ts";
import { bytesOf, lines, type Outcome, type Reading, readPieces } from "./http1_harness.ts";
import { findMessages, type Found } from "./http1_oracle.ts";

/** Limits wide enough for what is made here: they have tests of their own. */
const limits = { maxExtensionBytes: 100_000, maxFields: 10_000, maxHeadBytes: 1_000_000 };

const words = [
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  " ",
  "\t",
  ":",
  ";",
  ",",
  "0",
  "5",
  "f",
  "\0",
  "\x80",
  "\x7f",
  "0\r\n\r\n",
  "\r\n ",
  "chunked",
  "HTTP/1.1",
  "HTTP/1.0",
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  "Host: b\r\n",
  "Content-Length: 5\r\n",
  "content-length: 0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "transfer-encoding:\tgzip, chunked\r\n",
  "Connection: close\r\n",
  ";a=b",
  "fffffffffffffffff",
];

function data(random: Random): string {
  let text = "";
  const count = random.oneIn(30) ? random.below(3000) : random.below(30);
  for (let i = 0; i < count; i++) {
    text += random.oneIn(12) ? random.pick(words) : String.fromCharCode(random.below(256));
  }
  return text;
}

function someFields(random: Random): string[] {
  return Array.from({ length: random.below(4) }, () => {
    const name = random.pick(["Accept", "x-thing", "COOKIE", "Via", "X_!#$%&'*+-.^`|~9", "Connection", "expect"]);
    const value = random.pick(["", "a", "close, keep-alive", "caf\xe9 \xff", 'a:b;c="d, e"', "100-continue"]);
    return `${name}:${random.pick(["", " ", "\t", "  "])}${value}${random.pick(["", "", " ", "\t "])}`;
  });
}

function chunks(random: Random): string {
  let text = "";
  for (let i = random.below(4); i > 0; i--) {
    const piece = data(random) || "x";
    const size = piece.length.toString(16);
    const extension = random.oneIn(4) ? random.pick([";a", ";a=b", '; a="b;c" ', ";\xe9\t"]) : "";
    text += `${"0".repeat(random.below(3))}${random.oneIn(2) ? size.toUpperCase() : size}${extension}\r\n${piece}\r\n`;
  }
  const trailers = random.oneIn(3) ? lines(...someFields(random), "X-Sum: 1") : "";
  return `${text}${random.pick(["0", "0", "00", "0;x"])}\r\n${trailers}\r\n`;
}

/** A message, and whether what comes behind it is a further one. */
function message(random: Random, side: Reading["side"], method: string): { text: string; last: boolean } {
  const minor = random.oneIn(8) ? 0 : 1;
  const status = random.pick([200, 200, 200, 404, 500, 100, 204, 304]);
  const start = side === "response"
    ? `HTTP/1.${minor} ${status} ${random.pick(["OK", "", "Not \xe9", "a  b"])}`
    : `${method} ${target(random, method)} HTTP/1.${minor}`;
  const fields = someFields(random);
  if (side === "request") fields.splice(random.below(fields.length + 1), 0, "Host: example.com:80");
  const bodiless = side === "response" && (status < 200 || status === 204 || status === 304 || method === "HEAD");
  const tunnel = side === "response" && method === "CONNECT" && status >= 200 && status < 300;
  let body = "";
  const kind = side === "request" && method === "CONNECT" ? 3 : random.below(minor === 0 ? 2 : 3);
  if (kind === 0 || (kind === 1 && side === "response" && !bodiless && !tunnel && !random.oneIn(6))) {
    body = data(random);
    fields.push(`Content-Length: ${body.length}`);
  } else if (kind === 2) {
    body = chunks(random);
    fields.push(random.pick(["Transfer-Encoding: chunked", "transfer-encoding:CHUNKED\t"]));
  } else if (side === "response" && !bodiless && !tunnel) {
    return { text: `${lines(start, ...fields, "")}${data(random)}`, last: true };
  }
  const lead = side === "request" && random.oneIn(10) ? "\r\n" : "";
  return { text: `${lead}${lines(start, ...fields, "")}${bodiless || tunnel ? "" : body}`, last: false };
}

function target(random: Random, method: string): string {
  if (method === "CONNECT") return "example.com:443";
  const path = random.pick(["/", "/a?b=c&d", "//x", "/%20|{}"]);
  return random.oneIn(6) ? `http://example.com:80${path}` : path;
}

function stream(random: Random, reading: Reading): string {
  let text = "";
  for (let i = 1 + random.below(4); i > 0; i--) {
    const next = message(random, reading.side, reading.methods![0]);
    // Many servers say the same again and again.
    text += next.text.repeat(next.last || !random.oneIn(3) ? 1 : 2 + random.below(2));
    if (next.last) break;
  }
  return text;
}

function mutate(random: Random, text: string, other: string): string {
  const at = random.below(text.length + 1);
  const end = Math.min(text.length, at + 1 + random.below(12));
  switch (random.below(9)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, end) + text.slice(at);
    case 2:
      return text.slice(0, at) + text.slice(end);
    case 3:
      return text.slice(0, at) + other.slice(random.below(other.length + 1));
    case 4: {
      // At the ends of lines most of the damage is done.
      const line = text.indexOf("\r\n", at);
      const place = line < 0 ? at : line + random.below(3);
      return text.slice(0, place) + random.pick(words) + text.slice(place);
    }
    case 5:
      return text.slice(0, at) + random.pick(words) + text.slice(end);
    case 6: {
      const line = text.indexOf("\r\n", at);
      return line < 0 ? text : text.slice(0, line) + random.pick(["\n", "\r", ""]) + text.slice(line + 2);
    }
    default:
      return text.slice(0, at) + random.pick(words) + text.slice(at);
  }
}

function* cut(random: Random, bytes: Uint8Array): Iterable<Uint8Array> {
  const largest = random.pick(bytes.length > 3000 ? [500, 5000] : [1, 3, 20, 200, 5000]);
  for (let at = 0; at < bytes.length;) yield bytes.subarray(at, at += 1 + random.below(largest));
}

function check(outcome: Outcome, found: Found, whole: boolean): void {
  const { messages, error } = outcome;
  if (messages.length !== found.messages.length) {
    const why = error ? `, then: ${error.message}` : "";
    assert.fail(`${messages.length} messages were read${why}, there are ${found.messages.length}`);
  }
  assert.deepEqual(messages, found.messages);
  if (found.broken && error === undefined) assert.fail("what is broken was not refused");
  if (whole && (error !== undefined || outcome.left !== "")) assert.fail(`left: ${outcome.left}, ${error?.message}`);
  if (error !== undefined && !["protocol", "message-too-large", "connection-lost"].includes(error.code)) {
    assert.fail(`the code ${error.code}`);
  }
}

function tryOne(seed: number): "whole" | "damaged" | "refused" {
  const random = new Random(seed);
  const side = random.pick(["request", "response"] as const);
  const method = random.pick(side === "request" ? ["GET", "POST", "CONNECT"] : ["GET", "GET", "HEAD", "CONNECT"]);
  const reading: Reading = { side, methods: [method], limits, ends: true };
  const whole = random.oneIn(8);
  let text = stream(random, reading);
  if (!whole) {
    const other = stream(random, reading);
    for (let i = random.below(3); i >= 0; i--) text = mutate(random, text, other);
  }
  const bytes = bytesOf(text);
  const outcome = readPieces(reading, cut(random, bytes));
  check(outcome, findMessages(side, method, text), whole);
  assert.deepEqual(readPieces(reading, [bytes]), outcome, "cutting the bytes makes a difference");
  return whole ? "whole" : outcome.error?.code === "protocol" ? "refused" : "damaged";
}

Deno.test("HTTP/1.1 decoders find in damaged (mutated) streams what is there", async () => {
  await trySeeds({ verdicts: ["whole", "damaged", "refused"], share: 1 / 20 }, tryOne);
});

Deno.test("HTTP/1.1 decoders fail with nothing but errors of ours on random (mutated) bytes", () => {
  const random = new Random(firstSeed);
  for (let i = 0; i < fuzzInputs / 4; i++) {
    const text = Array.from({ length: random.below(40) }, () => random.pick(words)).join("");
    for (const side of ["request", "response"] as const) {
      const reading: Reading = { side, ends: random.oneIn(2), limits: random.oneIn(2) ? { maxHeadBytes: 64 } : {} };
      const bytes = bytesOf(text);
      assert.deepEqual(readPieces(reading, cut(random, bytes)), readPieces(reading, [bytes]), JSON.stringify(text));
    }
  }
});
