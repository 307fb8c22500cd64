/**
 * The heads of WebSocket frames: what is written, what is read, what is refused.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../mod.ts";
import {
  compressedBit,
  finalBit,
  frameHeadBytes,
  FrameHeadReader,
  type FrameRules,
  opcode,
  writeFrameHead,
} from "../../../src/framing/websocket/websocket_frames.ts";
import { hex, unhex } from "./websocket_feed.ts";

const fromServer: FrameRules = { masked: false, compression: false, maxMessageBytes: Number.MAX_SAFE_INTEGER };
const fromClient: FrameRules = { ...fromServer, masked: true };
const compressed: FrameRules = { ...fromServer, compression: true };

/** Heads without a mask, and the length that they say. */
const heads: readonly (readonly [first: number, byteLength: number, head: string])[] = [
  [finalBit | opcode.text, 0, "81 00"],
  [opcode.text, 5, "01 05"],
  [finalBit | opcode.continuation, 1, "80 01"],
  [finalBit | opcode.ping, 5, "89 05"],
  [finalBit | opcode.pong, 125, "8a 7d"],
  [finalBit | opcode.close, 2, "88 02"],
  [finalBit | opcode.binary, 125, "82 7d"],
  [finalBit | opcode.binary, 126, "82 7e 00 7e"],
  [finalBit | opcode.binary, 256, "82 7e 01 00"],
  [finalBit | opcode.binary, 65_535, "82 7e ff ff"],
  [finalBit | opcode.binary, 65_536, "82 7f 00 00 00 00 00 01 00 00"],
  [opcode.binary, 0xffff_ffff, "02 7f 00 00 00 00 ff ff ff ff"],
  [opcode.binary, 0x1_0000_0000, "02 7f 00 00 00 01 00 00 00 00"],
  [opcode.binary, Number.MAX_SAFE_INTEGER, "02 7f 00 1f ff ff ff ff ff ff"],
  [finalBit | compressedBit | opcode.text, 7, "c1 07"],
];

function read(rules: FrameRules, bytes: Uint8Array): FrameHeadReader {
  const reader = new FrameHeadReader(rules);
  // As the continuation of something, where it is one.
  if ((bytes[0] & 0x0f) === opcode.continuation) reader.unfinished = true;
  assert.equal(reader.read(bytes, 0, bytes.length), true);
  return reader;
}

for (const [first, byteLength, head] of heads) {
  Deno.test(`a frame's head is written and read: ${head}`, () => {
    for (const mask of [undefined, 0x0403_02f1, 0xf403_0201 | 0, 0]) {
      const written = new Uint8Array(20).fill(0xee);
      const end = writeFrameHead(written, 3, first, byteLength, mask);
      assert.equal(end - 3, frameHeadBytes(byteLength, mask !== undefined));
      assert.ok(written.subarray(0, 3).every((byte) => byte === 0xee));
      assert.ok(written.subarray(end).every((byte) => byte === 0xee));
      const bytes = written.slice(3, end);
      const expected = unhex(head);
      if (mask !== undefined) {
        expected[1] |= 0x80;
        assert.equal(hex(bytes.subarray(-4)), hex(new Uint8Array(Int32Array.of(mask).buffer)));
      }
      assert.equal(hex(bytes.subarray(0, expected.length)), hex(expected));

      const rules = { ...(mask === undefined ? fromServer : fromClient), compression: true };
      const reader = read(rules, bytes);
      assert.deepEqual(
        [reader.opcode, reader.final, reader.byteLength, reader.headBytes, reader.mask],
        [first & 0x0f, first >= finalBit, byteLength, bytes.length, (mask ?? 0) | 0],
      );
    }
  });

  Deno.test(`a frame's head that is not whole changes nothing: ${head}`, () => {
    for (const rules of [compressed, { ...fromClient, compression: true }]) {
      const bytes = new Uint8Array(14);
      const length = writeFrameHead(bytes, 0, first, byteLength, rules.masked ? 7 : undefined);
      const reader = new FrameHeadReader(rules);
      reader.unfinished = (first & 0x0f) === opcode.continuation;
      for (let end = 0; end < length; end++) {
        const before = { ...reader, headBytes: 0 };
        assert.equal(reader.read(bytes, 0, end), false);
        assert.deepEqual({ ...reader, headBytes: 0 }, before);
        assert.ok(reader.headBytes > end, "more is needed than there is");
        assert.ok(reader.headBytes <= length, "no more is needed than the head");
      }
      assert.equal(reader.read(bytes, 0, length), true);
    }
  });
}

/** Heads that are refused: the bytes up to and with the one that makes them so. */
const refusals: readonly (readonly [what: string, rules: FrameRules, bytes: string, reason: string])[] = [
  [
    "the first reserved bit without compression",
    fromServer,
    "c1",
    "it is marked as compressed, and no compression was",
  ],
  ["the second reserved bit", compressed, "a1", "a reserved bit is set"],
  ["the third reserved bit", compressed, "91", "a reserved bit is set"],
  ["all reserved bits", compressed, "f1", "a reserved bit is set"],
  ["a compressed ping", compressed, "c9", "it is marked as compressed, and does not begin a message"],
  ["a compressed close", compressed, "c8", "it is marked as compressed, and does not begin a message"],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((kind) =>
    [
      `opcode ${kind}`,
      fromServer,
      (0x80 | kind).toString(16),
      `its opcode, ${kind}, is a reserved one`,
    ] as const
  ),
  ["a fragmented ping", fromServer, "09", "it is a control frame in fragments"],
  ["a fragmented pong", fromServer, "0a", "it is a control frame in fragments"],
  ["a fragmented close", fromServer, "08", "it is a control frame in fragments"],
  ["a continuation of nothing", fromServer, "80", "it continues a message, and none has begun"],
  ["a continuation of nothing that goes on", fromServer, "00", "it continues a message, and none has begun"],
  ["a masked frame of a server", fromServer, "81 80", "it is masked, and comes from a server"],
  ["an unmasked frame of a client", fromClient, "81 00", "it is not masked, and comes from a client"],
  ["an unmasked ping of a client", fromClient, "89 05", "it is not masked, and comes from a client"],
  ["a ping of 126 bytes", fromServer, "89 7e", "it is a control frame of more than 125 bytes"],
  ["a close of 64 bits of length", fromServer, "88 7f", "it is a control frame of more than 125 bytes"],
  ["16 bits for 125", fromServer, "82 7e 00 7d", "its length, 125, is written in more bytes than it needs"],
  ["16 bits for 0", fromServer, "82 7e 00 00", "its length, 0, is written in more bytes than it needs"],
  ["64 bits for 65535", fromServer, "82 7f 00 00 00 00 00 00 ff ff", "its length, 65535, is written in more bytes"],
  ["64 bits for 5", fromClient, "82 ff 00 00 00 00 00 00 00 05", "its length, 5, is written in more bytes"],
  ["a negative length", fromServer, "82 7f 80 00 00 00 00 00 00 00", "the first bit of its length is set"],
  ["a length of all ones", fromServer, "82 7f ff ff ff ff ff ff ff ff", "the first bit of its length is set"],
];

for (const [what, rules, digits, reason] of refusals) {
  Deno.test(`a frame is refused with 1002 as soon as it is seen to be wrong: ${what}`, () => {
    const bytes = unhex(digits);
    const reader = new FrameHeadReader(rules);
    for (let end = 0; end < bytes.length; end++) assert.equal(reader.read(bytes, 0, end), false);
    assert.throws(() => reader.read(bytes, 0, bytes.length), (error) => {
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, "protocol");
      assert.deepEqual(error.details, { closeCode: 1002 });
      assert.ok(error.message.startsWith(`Frame refused: ${reason}`), error.message);
      return true;
    });
  });
}

Deno.test("frames are held to the order of messages", () => {
  const order = (...firsts: number[]): string => {
    const reader = new FrameHeadReader(compressed);
    for (const first of firsts) {
      try {
        assert.equal(reader.read(Uint8Array.of(first, 1), 0, 2), true);
      } catch (error) {
        return (error as Error).message;
      }
    }
    return reader.unfinished ? "unfinished" : "finished";
  };
  const { text, binary, continuation, ping, close } = opcode;
  assert.equal(order(finalBit | text, finalBit | binary), "finished");
  assert.equal(order(text, finalBit | continuation, finalBit | text), "finished");
  assert.equal(order(text, continuation, continuation), "unfinished");
  assert.equal(order(text, finalBit | ping, continuation, finalBit | close, finalBit | continuation), "finished");
  assert.equal(order(compressedBit | text, finalBit | continuation), "finished");
  const before = "Frame refused: it begins a message before the last one has ended";
  assert.equal(order(text, finalBit | text), before);
  assert.equal(order(text, binary), before);
  assert.equal(order(binary, continuation, finalBit | binary), before);
  const nothing = "Frame refused: it continues a message, and none has begun";
  assert.equal(order(finalBit | text, finalBit | continuation), nothing);
  assert.equal(order(text, finalBit | continuation, continuation), nothing);
  const marked = "Frame refused: it is marked as compressed, and does not begin a message";
  assert.equal(order(compressedBit | text, compressedBit | finalBit | continuation), marked);
  assert.equal(order(text, compressedBit | continuation), marked);
});

Deno.test("a message over the limit is refused from its head, the lengths of its fragments added up", () => {
  const check = (rules: FrameRules, frames: readonly (readonly [first: number, length: number])[]): string => {
    const reader = new FrameHeadReader(rules);
    const head = new Uint8Array(14);
    for (const [i, [first, length]] of frames.entries()) {
      const end = writeFrameHead(head, 0, first, length, rules.masked ? 1 : undefined);
      try {
        // The length alone says enough: a frame that is refused is so before its mask has come.
        assert.equal(reader.read(head, 0, rules.masked ? end - 4 : end), !rules.masked);
      } catch (error) {
        assert.ok(error instanceof TransportError, String(error));
        assert.equal(error.code, "message-too-large");
        assert.equal(error.details?.closeCode, 1009);
        return `frame ${i}: ${error.message}`;
      }
      if (rules.masked) assert.equal(reader.read(head, 0, end), true);
    }
    return "taken";
  };
  const { binary, continuation, ping } = opcode;
  for (const masked of [false, true]) {
    const rules: FrameRules = { masked, compression: true, maxMessageBytes: 1000 };
    assert.equal(check(rules, [[finalBit | binary, 1000], [finalBit | binary, 1000]]), "taken");
    const over = "Message refused: it has 1001 bytes or more, 1000 are allowed";
    assert.equal(check(rules, [[finalBit | binary, 1001]]), `frame 0: ${over}`);
    assert.equal(check(rules, [[binary, 600], [finalBit | ping, 125], [finalBit | continuation, 400]]), "taken");
    assert.equal(check(rules, [[binary, 600], [continuation, 0], [continuation, 401]]), `frame 2: ${over}`);
    assert.match(check(rules, [[binary, Number.MAX_SAFE_INTEGER]]), /^frame 0: .* has 9007199254740991 bytes or more/);
    // Compressed, a message may be longer than what it inflates to.
    assert.equal(check(rules, [[compressedBit | binary, 1100], [finalBit | continuation, 1049]]), "taken");
    assert.match(check(rules, [[compressedBit | binary, 1100], [continuation, 1050]]), /^frame 1: /);
  }
  assert.equal(check({ masked: false, compression: false, maxMessageBytes: 0 }, [[finalBit | binary, 0]]), "taken");
});
