/**
 * Valid WebSocket streams, damaged at random: the decoder must find in each what
 * a plain one finds that has the whole stream before it, however the bytes are
 * cut, and fail where that one fails, with an error of ours.
 *
 * `WIREWAY_FUZZ_INPUTS` says how many streams are tried, `WIREWAY_FUZZ_SEED`
 * which. A failure names the seed of its stream.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../mod.ts";
import { MessageDeflater, MessageInflater } from "../../../src/transport/websocket/deflate.ts";
import { trySeeds } from "../../support/mutation.ts";
import { Random } from "../../support/random.ts";
import { type Found, found, frame, join, utf8, WebSocketFeed } from "./websocket_feed.ts";

const limit = 5000;

/** Random bytes to cut from, since drawing each would be most of the work. */
const noise = new Random(99).bytes(1 << 18);

interface Outcome {
  found: Found[];
  /** What the connection closes with; undefined where nothing was refused. */
  closeCode: number | undefined;
}

class Refused extends Error {
  constructor(readonly closeCode: number) {
    super();
  }
}

function need(ok: boolean, closeCode = 1002): void {
  if (!ok) throw new Refused(closeCode);
}

/** Whether this can be the beginning of a text, or all of it. */
function isText(bytes: Uint8Array, whole: boolean): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: !whole });
    return true;
  } catch {
    return false;
  }
}

/** What is in an uncompressed stream, by the letter of RFC 6455 and with no thought of speed. */
function plainly(stream: Uint8Array, masked: boolean): Outcome {
  const list: Found[] = [];
  const text = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  let kind = 0;
  let message: Uint8Array[] = [];
  try {
    for (let at = 0; at < stream.length;) {
      const [first, second] = stream.subarray(at);
      const code = first & 15;
      const final = first > 127;
      need((first & 0x70) === 0 && (code < 3 || (code > 7 && code < 11)));
      need(code < 8 || final);
      need(code > 7 || (code === 0) === (kind !== 0));
      if (second === undefined) break;
      need((second > 127) === masked);
      let length = second & 127;
      need(code < 8 || length < 126);
      let headLength = 2;
      if (length > 125) {
        const size = length === 126 ? 2 : 8;
        headLength += size;
        if (at + headLength > stream.length) break;
        const digits = stream.slice(at + 2, at + headLength);
        const said = digits.reduce((sum, digit) => sum * 256n + BigInt(digit), 0n);
        need(said < 2n ** 63n && said >= (size === 2 ? 126n : 65_536n));
        length = Number(said);
      }
      if (code < 8) need(message.reduce((sum, part) => sum + part.length, 0) + length <= limit, 1009);
      const key = stream.subarray(at + headLength, at + headLength + 4);
      if (masked) headLength += 4;
      if (at + headLength > stream.length) break;
      at += headLength;
      const whole = at + length <= stream.length;
      const payload = stream.slice(at, at + length).map((byte, i) => masked ? byte ^ key[i % 4] : byte);
      at += length;
      if (code < 3) {
        if (code !== 0) kind = code;
        message.push(payload);
        const bytes = join(...message);
        const ends = whole && final;
        need(kind !== 1 || isText(bytes, ends), 1007);
        if (!ends) continue;
        list.push(kind === 1 ? found("text", text(bytes)) : found("binary", bytes));
        kind = 0;
        message = [];
      } else if (whole) {
        if (code === 8) {
          if (length === 0) list.push("close 1005 ");
          if (length === 0) break;
          need(length > 1);
          const reason = payload.subarray(2);
          const closeCode = payload[0] * 256 + payload[1];
          need(
            [1000, 1001, 1002, 1003].includes(closeCode) || (closeCode > 1006 && closeCode < 1015) || closeCode > 2999,
          );
          need(closeCode < 5000);
          need(isText(reason, true), 1007);
          list.push(`close ${closeCode} ${text(reason)}`);
          break;
        }
        list.push(found(code === 9 ? "ping" : "pong", payload));
      }
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { found: list, closeCode: error.closeCode };
  }
  return { found: list, closeCode: undefined };
}

/** Some text or some bytes, most often a few, now and then more than is allowed. */
function payload(random: Random, text: boolean): Uint8Array {
  const size = random.oneIn(60) ? limit - 2 + random.below(4) : random.below(random.oneIn(8) ? 600 : 40);
  if (!text) {
    const at = random.below(noise.length - size);
    return noise.slice(at, at + size);
  }
  const words = ["the quick brown fox ", "grüße ", "漢字", "😀", "κόσμε", "\uFFFD"];
  let content = "";
  while (content.length < size) content += random.oneIn(3) ? random.pick(words) : words[0];
  return utf8(content).subarray(0, size);
}

/** A stream of frames as a peer might send it. */
function makeStream(random: Random, masked: boolean, deflater: MessageDeflater | undefined): Uint8Array {
  const parts: Uint8Array[] = [];
  const add = (first: number, bytes: Uint8Array): void => {
    const key = random.oneIn(5) ? 0 : (random.below(0x1_0000) << 16) | random.below(0x1_0000);
    parts.push(frame(first, bytes, masked ? key : undefined));
  };
  const control = (): void => add(0x80 | random.pick([9, 10]), payload(random, false).subarray(0, 125));
  for (let left = 1 + random.below(8); left > 0; left--) {
    if (random.oneIn(4)) control();
    const text = random.oneIn(2);
    const message = payload(random, text);
    // Drawn in any case, so that the same seed gives the same messages without compression.
    const compressed = !random.oneIn(3) && deflater !== undefined;
    const bytes = compressed ? deflater.deflate(message).slice() : message;
    const first = (text ? 1 : 2) | (compressed ? 0x40 : 0);
    const fragments = random.oneIn(3) ? 1 + random.below(5) : 1;
    let at = 0;
    for (let i = 0; i < fragments; i++) {
      const to = i === fragments - 1 ? bytes.length : random.between(at, bytes.length);
      add((i === 0 ? first : 0) | (i === fragments - 1 ? 0x80 : 0), bytes.subarray(at, to));
      at = to;
      if (i < fragments - 1 && random.oneIn(3)) control();
    }
  }
  if (random.oneIn(4)) {
    const code = random.pick([1000, 1001, 1006, 999, 4000, 1012, 1015]);
    add(0x88, join(Uint8Array.of(code >> 8, code), payload(random, true).subarray(0, 100)));
  }
  return join(...parts);
}

/** Damages a stream in one of the ways in which streams get damaged. */
function mutate(random: Random, stream: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random.below(stream.length + 1);
  const length = random.below(random.oneIn(3) ? 200 : 6);
  const some = noise.subarray(random.below(1000)).subarray(0, length);
  switch (random.below(7)) {
    case 0:
      return stream.subarray(0, at);
    case 1:
      return join(stream.subarray(0, at), stream.subarray(at + length));
    case 2:
      return join(stream.subarray(0, at), some, stream.subarray(at));
    case 3:
      return join(stream.subarray(0, at), stream.subarray(Math.max(0, at - length)));
    case 4:
      return join(stream.subarray(0, at), other.subarray(random.below(other.length + 1)));
    case 5: {
      const changed = stream.slice();
      for (let i = random.below(4); i >= 0; i--) changed[random.below(changed.length)] ^= 1 << random.below(8);
      return changed;
    }
    default: {
      const changed = stream.slice();
      for (let i = random.below(3); i >= 0; i--) {
        changed[random.below(changed.length)] = random.pick([0, 1, 127, 128, 255]);
      }
      return changed;
    }
  }
}

function pieces(random: Random, stream: Uint8Array): Uint8Array[] {
  const list: Uint8Array[] = [];
  const largest = random.pick([1, 7, 100, 2000, stream.length + 1]);
  for (let at = 0; at < stream.length;) {
    const to = at + 1 + random.below(largest);
    list.push(stream.subarray(at, to));
    at = to;
  }
  return list;
}

function decode(stream: readonly Uint8Array[], masked: boolean, inflater: MessageInflater | undefined): Outcome {
  const feed = new WebSocketFeed({
    side: masked ? "server" : "client",
    maxMessageBytes: limit,
    inflate: inflater === undefined ? undefined : (chunk, final) => inflater.inflate(chunk, final),
  });
  let closeCode: number | undefined;
  try {
    for (const piece of stream) feed.push(piece);
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    closeCode = error.details?.closeCode as number;
    assert.equal(error.code, closeCode === 1009 ? "message-too-large" : "protocol");
    assert.ok(closeCode === 1002 || closeCode === 1007 || closeCode === 1009, `closes with ${closeCode}`);
  } finally {
    inflater?.close();
  }
  feed.checkUnchanged();
  return { found: feed.found, closeCode };
}

function check(actual: Outcome, expected: Outcome): void {
  for (let i = 0; i < Math.max(actual.found.length, expected.found.length); i++) {
    if (actual.found[i] !== expected.found[i]) assert.deepEqual(actual, expected);
  }
  if (actual.closeCode !== expected.closeCode) assert.deepEqual(actual, expected);
}

type Verdict = "whole" | "damaged" | "refused";

function tryPlain(random: Random): Verdict {
  const masked = random.oneIn(2);
  const whole = makeStream(random, masked, undefined);
  const intact = random.oneIn(10);
  const stream = intact ? whole : mutate(random, whole, makeStream(random, masked, undefined));
  const expected = plainly(stream, masked);
  check(decode(pieces(random, stream), masked, undefined), expected);
  return expected.closeCode !== undefined ? "refused" : intact ? "whole" : "damaged";
}

function tryCompressed(random: Random): Verdict {
  const masked = random.oneIn(2);
  const settings = { contextTakeover: random.oneIn(2), windowBits: random.between(8, 15) };
  const deflater = new MessageDeflater(settings);
  const other = new MessageDeflater(settings);
  try {
    const seed = random.below(0x7fff_ffff);
    const whole = makeStream(new Random(seed), masked, deflater);
    const intact = random.oneIn(3);
    const stream = intact ? whole : mutate(random, whole, makeStream(random, masked, other));
    // zlib holds damaged data to a smaller window only from one piece to the next.
    const windowBits = intact ? settings.windowBits : 15;
    const inflater = (): MessageInflater => new MessageInflater({ ...settings, windowBits, maxMessageBytes: limit });
    const once = decode([stream], masked, inflater());
    const cut = decode(pieces(random, stream), masked, inflater());
    // In pieces, a wrong text may be seen before a wrong length, and the other way round.
    if (once.closeCode !== undefined && cut.closeCode !== undefined) cut.closeCode = once.closeCode;
    check(cut, once);
    const plain = intact ? plainly(makeStream(new Random(seed), masked, undefined), masked) : once;
    assert.equal(once.closeCode === undefined, plain.closeCode === undefined);
    if (once.closeCode === undefined) check(once, plain);
    return once.closeCode !== undefined ? "refused" : intact ? "whole" : "damaged";
  } finally {
    deflater.close();
    other.close();
  }
}

for (const [what, tryOne] of [["plain", tryPlain], ["compressed", tryCompressed]] as const) {
  Deno.test(`the WebSocket decoder finds in mutated streams what is there, and fails in order: ${what}`, async () => {
    await trySeeds({ verdicts: ["whole", "damaged", "refused"], share: 1 / 50 }, (seed) => tryOne(new Random(seed)));
  });
}
