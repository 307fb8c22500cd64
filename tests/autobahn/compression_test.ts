/**
 * The sections 12 and 13 of the public Autobahn test suite: compressed messages
 * of all sizes, and all parameters that can be agreed on. Each case has as many
 * messages as make some hundred KB; with `WIREWAY_AUTOBAHN=full` it has the
 * suite's thousand, and each of the section 13 all of the suite's sizes.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { sameBytes } from "../support/channels.ts";
import { Random } from "../support/random.ts";
import { inflateReference } from "../transport/websocket/deflate_reference.ts";
import { compressAll, compressed, type Direction, inflater, isCompressed, withTail } from "./_deflate.ts";
import { open, type Target, targets } from "./_tester.ts";
import { close, type Frame, joined, opcode, shown } from "./_wire.ts";

const options = { compression: true, thresholdBytes: 0 };
const encoder = new TextEncoder();
const random = new Random(12);

/** Like JSON records, many of them and much alike. */
function json(length: number): Uint8Array {
  let text = "";
  for (let i = 0; text.length < length; i++) {
    text += `{"id":${random.below(1e6)},"name":"user ${i % 17}","active":${random.oneIn(2)},"tags":["a","bé"]},`;
  }
  // Cut at a character: there is room for none of two bytes at the end.
  return encoder.encode(text.replaceAll("é", "e").slice(0, length));
}

const words = "so it goes from one to the next and who is to say that all of them were here before".split(" ");

/** Words in no order. */
function prose(length: number): Uint8Array {
  let text = "";
  while (text.length < length) text += `${random.pick(words)} `;
  return encoder.encode(text.slice(0, length));
}

/** Half of it is noise. */
function noisy(length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => (i & 64) === 0 ? random.below(256) : i & 15);
}

/** What one test agrees on. */
interface Agreement {
  /** What the tester says, as a client and as a server. */
  readonly says: Record<Target, string>;
  /** What our server must answer. */
  readonly answer: string;
  readonly ofClient: Direction;
  readonly ofServer: Direction;
}

const full: Direction = { takeover: true, bits: 15 };
const plain: Agreement = {
  says: { server: "permessage-deflate; client_max_window_bits", client: "permessage-deflate" },
  answer: "permessage-deflate",
  ofClient: full,
  ofServer: full,
};

/** Sends compressed messages, and looks at what comes back from all sides. */
async function echoCompressed(
  target: Target,
  { says, answer, ofClient, ofServer }: Agreement,
  kind: number,
  messages: readonly Uint8Array[],
  fragment?: number,
): Promise<void> {
  await using line = await open(target, options, says[target]);
  if (target === "server") assert.equal(line.extensions, answer);
  else assert.equal(line.extensions, "permessage-deflate; client_max_window_bits");
  const [own, theirs] = target === "server" ? [ofClient, ofServer] : [ofServer, ofClient];
  const payloads = await compressAll(own, messages);
  line.write([...payloads.flatMap((payload) => compressed(kind, payload, fragment)), close(1000)]);
  const got = await line.all();
  assert.equal(shown(got.pop()!), "close 1000");
  assert.equal(got.length, messages.length);
  const inflate = inflater(theirs);
  for (const [i, message] of messages.entries()) {
    assert.ok(isCompressed(got[i]), `message ${i} is compressed`);
    assert.equal(got[i].first & 0x0f, kind);
    const inflated = inflate(got[i].payload);
    sameBytes(inflated, message, `message ${i}`);
  }
  checkWindow(got, theirs);
}

/** Nothing that was sent refers farther back than was agreed on. */
function checkWindow(frames: readonly Frame[], { takeover, bits }: Direction): void {
  const streams = frames.map(({ payload }) => withTail(payload));
  if (streams.reduce((sum, { length }) => sum + length, 0) > 100_000) return;
  for (const stream of takeover ? [joined(streams)] : streams) {
    const { farthest } = inflateReference(stream);
    assert.ok(farthest <= 2 ** bits, `refers ${farthest} bytes back, ${2 ** bits} are allowed`);
  }
}

/** The suite's sizes, and those of the fragments that they are sent in. */
const sizes: [size: number, fragment?: number][] = [
  ...[16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072].map((size): [number] => [size]),
  ...[8192, 16_384, 32_768, 65_536, 131_072].map((size): [number, number] => [size, 256]),
  ...[1024, 4096, 32_768].map((fragment): [number, number] => [131_072, fragment]),
];
const inFull = Deno.env.get("WIREWAY_AUTOBAHN") === "full";

/** Messages of a size: some that differ, again and again. */
function manyOf(make: (length: number) => Uint8Array, size: number, most: number): Uint8Array[] {
  const count = inFull ? 1000 : Math.min(100, Math.ceil(most / size));
  const some = Array.from({ length: Math.min(count, 20) }, () => make(size));
  return Array.from({ length: count }, (_, i) => some[i % some.length]);
}

const sections = [
  { id: "12.1", what: "JSON", kind: opcode.text, make: json },
  { id: "12.2", what: "noise and patterns", kind: opcode.binary, make: noisy },
  { id: "12.3", what: "prose", kind: opcode.text, make: prose },
  { id: "12.4", what: "prose as bytes", kind: opcode.binary, make: prose },
  { id: "12.5", what: "noise", kind: opcode.binary, make: (length: number) => random.bytes(length) },
];
for (const target of targets) {
  for (const { id, what, kind, make } of sections) {
    for (const [i, [size, fragment]] of sizes.entries()) {
      const how = `${size} bytes${fragment === undefined ? "" : ` in fragments of ${fragment}`}`;
      Deno.test(`Autobahn ${id}.${i + 1}, our ${target}: compressed messages of ${what}, ${how}`, () => {
        return echoCompressed(target, plain, kind, manyOf(make, size, 300_000), fragment);
      });
    }
  }
}

const forgetful = "; server_no_context_takeover; client_no_context_takeover";

/** Parameters as both ends say them; the window of the client is the server's to choose, or the client's own. */
function agreement(takeover: boolean, bits: number): Agreement {
  const takeovers = takeover ? "" : forgetful;
  const windows = `; server_max_window_bits=${bits}; client_max_window_bits=${bits}`;
  const answer = `permessage-deflate${takeovers}; server_max_window_bits=${bits}${
    bits < 15 ? `; client_max_window_bits=${bits}` : ""
  }`;
  const direction = { takeover, bits };
  const asked = `permessage-deflate${takeovers}${windows}`;
  return { says: { server: asked, client: asked }, answer, ofClient: direction, ofServer: direction };
}

const parameters: Record<string, Agreement> = {
  "13.1 nothing asked for": plain,
  "13.2 no context takeover": {
    says: { server: `permessage-deflate${forgetful}`, client: `permessage-deflate${forgetful}` },
    answer: `permessage-deflate${forgetful}`,
    ofClient: { takeover: false, bits: 15 },
    ofServer: { takeover: false, bits: 15 },
  },
  "13.3 windows of 8 bits": agreement(true, 8),
  "13.3b windows of 9 bits": agreement(true, 9),
  "13.4 windows of 15 bits": agreement(true, 15),
  "13.5 no context takeover, windows of 9 bits": agreement(false, 9),
  "13.5b no context takeover, windows of 8 bits": agreement(false, 8),
  "13.6 no context takeover, windows of 15 bits": agreement(false, 15),
  "13.7 three offers, of which the first counts": {
    ...agreement(false, 9),
    says: {
      server: `${agreement(false, 9).says.server}, permessage-deflate${forgetful}, permessage-deflate`,
      client: agreement(false, 9).says.client,
    },
  },
  "13.8 an offer that can't be read, then one that can": {
    ...plain,
    says: { server: "permessage-deflate; server_max_window_bits=7, permessage-deflate", client: "permessage-deflate" },
  },
};
for (let bits = 10; bits < 15; bits++) parameters[`13.9 windows of ${bits} bits`] = agreement(bits % 2 === 0, bits);

for (const target of targets) {
  for (const [index, [name, agreed]] of Object.entries(parameters).entries()) {
    Deno.test(`Autobahn ${name}, our ${target}`, async () => {
      const messages = [16, 300, 0, 1024, 5000, 8192, 20_000, 1, 300].map(json);
      // The same again: with a context there is much to refer to.
      await echoCompressed(target, agreed, opcode.text, [...messages, ...messages]);
      await echoCompressed(target, agreed, opcode.binary, [...messages, ...messages], 100);
    });
    for (const [i, [size, fragment]] of sizes.entries()) {
      if (!inFull && (i + index) % 5 > 0) continue;
      const how = `${size} bytes${fragment === undefined ? "" : ` in fragments of ${fragment}`}`;
      Deno.test(`Autobahn ${name}, our ${target}: case ${i + 1}, ${how}`, () => {
        return echoCompressed(target, agreed, opcode.text, manyOf(json, size, 150_000), fragment);
      });
    }
  }
}
