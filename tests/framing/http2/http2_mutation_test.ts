/**
 * Frames and header blocks damaged at random: what is read does not depend on
 * how the bytes come, and all that is wrong is told by an error of ours.
 *
 * `WIREWAY_FUZZ_INPUTS` says how many are tried, `WIREWAY_FUZZ_SEED` which.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../mod.ts";
import { HpackEncoder } from "../../../src/framing/http2/hpack_encoder.ts";
import { Http2FrameReader } from "../../../src/framing/http2/http2_frame_reader.ts";
import { ResponseBlocks } from "../../../src/framing/http2/http2_header_blocks.ts";
import { trySeeds } from "../../support/mutation.ts";
import { Random } from "../../support/random.ts";
import { bytesOf, frame, latin1 } from "./_http2.ts";

function someBlock(random: Random, encoder: HpackEncoder): Uint8Array {
  encoder.begin();
  encoder.add(":status", random.pick(["200", "404", "100", "302"]));
  for (let i = random.below(5); i > 0; i--) {
    const name = random.pick(["date", "server", "content-type", "set-cookie", "x-a", "x-b"]);
    encoder.add(name, random.pick(["", "a", "text/plain", "caf\xe9", "z".repeat(random.below(300))]));
  }
  return encoder.finish().slice();
}

function someFrames(random: Random): Uint8Array {
  const encoder = new HpackEncoder();
  const parts: Uint8Array[] = [];
  for (let i = 1 + random.below(6); i > 0; i--) {
    const id = 1 + 2 * random.below(3);
    const block = someBlock(random, encoder);
    const cut = random.below(block.length);
    switch (random.below(5)) {
      case 0:
        parts.push(frame(1, 4, id, block));
        break;
      case 1:
        parts.push(frame(1, 0, id, block.subarray(0, cut)), frame(9, 4, id, block.subarray(cut)));
        break;
      case 2:
        parts.push(frame(0, random.below(2), id, latin1("data".repeat(random.below(50)))));
        break;
      case 3:
        parts.push(frame(0, 8, id, [3, 1, 2, 0, 0, 0]), frame(1, 4, id, block));
        break;
      default:
        parts.push(frame(4, 0, 0, [0, 4, 0, 1, 0, 0]), frame(6, 0, 0, Array(8).fill(i)), frame(1, 4, id, block));
    }
  }
  return bytesOf(...parts);
}

function damaged(random: Random, bytes: Uint8Array): Uint8Array {
  const list = [...bytes];
  for (let i = random.below(4); i > 0; i--) {
    const at = random.below(list.length + 1);
    const how = random.below(3);
    if (how === 0 && at < list.length) list[at] ^= 1 << random.below(8);
    else if (how === 1) list.splice(at, random.below(4));
    else list.splice(at, 0, random.below(256));
  }
  return Uint8Array.from(list);
}

/** What comes of the bytes, a few at a time: all that was read, and the error at the end. */
function outcome(bytes: Uint8Array, piece: () => number): { read: unknown[]; error: string | undefined } {
  const reader = new Http2FrameReader();
  const blocks = new ResponseBlocks({ maxBytes: 4000, maxFields: 20 });
  const read: unknown[] = [];
  let block: number[] = [];
  let start = 0;
  let end = 0;
  try {
    while (end < bytes.length) {
      end = Math.min(bytes.length, end + piece());
      // A buffer of its own each time, as a connection may have one.
      const window = bytes.slice(0, end);
      while (reader.next(window, start, end)) {
        const { type, flags, streamId, payloadStart, payloadEnd, frameEnd } = reader;
        assert.ok(frameEnd > start && frameEnd <= end && payloadStart <= payloadEnd && payloadEnd <= frameEnd);
        start = frameEnd;
        read.push([type, flags, streamId, payloadEnd - payloadStart]);
        if (type !== 1 && type !== 9) continue;
        block.push(...window.subarray(payloadStart, payloadEnd));
        if ((flags & 4) === 0) continue;
        const head = blocks.head(Uint8Array.from(block), 0, block.length);
        block = [];
        read.push(typeof head === "string" ? head : [head.status, ...head.fields]);
      }
    }
  } catch (error) {
    assert.ok(error instanceof TransportError && error.code === "protocol", `${error}`);
    return { read, error: error.message };
  }
  return { read, error: undefined };
}

Deno.test("mutated frames of HTTP/2 are read alike however they come, or refused", async () => {
  await trySeeds({ verdicts: ["read", "refused"], share: 0.1 }, (seed) => {
    const random = new Random(seed);
    const bytes = damaged(random, someFrames(random));
    const whole = outcome(bytes, () => bytes.length);
    const cut = outcome(bytes, random.oneIn(20) ? () => 1 : () => 1 + random.below(100));
    assert.deepEqual(cut, whole);
    return whole.error === undefined ? "read" : "refused";
  });
});
