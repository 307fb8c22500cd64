/**
 * Frames: what each type must be, and what is refused.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Http2FrameReader } from "../../../src/framing/http2/http2_frame_reader.ts";
import {
  goawayFrame,
  pingFrame,
  putHeaderBlock,
  rstStreamFrame,
  settingsAckFrame,
  settingsFrame,
  windowUpdateFrame,
} from "../../../src/framing/http2/http2_frame_writer.ts";
import { bytesOf, frame, hex, refuses } from "./_http2.ts";

const [data, headers, priority, rst, settings, push, ping, goaway, widen, continuation] = Array(10).keys();

interface Found {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: number[];
  readonly flowBytes: number;
}

/** Reads all frames, the bytes coming in pieces of so many. */
function readAll(bytes: Uint8Array, piece: number = bytes.length, reader = new Http2FrameReader()): Found[] {
  const found: Found[] = [];
  let start = 0;
  for (let end = Math.min(piece, bytes.length);; end = Math.min(end + piece, bytes.length)) {
    while (reader.next(bytes, start, end)) {
      const { type, flags, streamId, payloadStart, payloadEnd, flowBytes } = reader;
      found.push({ type, flags, streamId, payload: [...bytes.subarray(payloadStart, payloadEnd)], flowBytes });
      start = reader.frameEnd;
    }
    assert.ok(reader.needed > end - start, "a reader wants more than it has");
    if (end === bytes.length) break;
  }
  assert.equal(start, bytes.length, "nothing is left over");
  return found;
}

Deno.test("frames are found however their bytes come", () => {
  const stream = bytesOf(
    settingsFrame([[3, 100], [4, 65_536]]),
    settingsAckFrame(),
    pingFrame(hex("0102 0304 0506 0708"), true),
    windowUpdateFrame(0, 0x7fff_ffff),
    rstStreamFrame(5, 8),
    goawayFrame(7, 2),
    frame(data, 1, 3, [1, 2, 3]),
    frame(headers, 4, 9, []),
    frame(99, 0xff, 0xffff_ffff, [1]),
  );
  const expected = [
    [settings, 0, 0, [0, 3, 0, 0, 0, 100, 0, 4, 0, 1, 0, 0]],
    [settings, 1, 0, []],
    [ping, 1, 0, [1, 2, 3, 4, 5, 6, 7, 8]],
    [widen, 0, 0, [0x7f, 0xff, 0xff, 0xff]],
    [rst, 0, 5, [0, 0, 0, 8]],
    [goaway, 0, 0, [0, 0, 0, 7, 0, 0, 0, 2]],
    [data, 1, 3, [1, 2, 3]],
    [headers, 4, 9, []],
    [99, 0xff, 0x7fff_ffff, [1]],
  ];
  for (let piece = 1; piece <= stream.length; piece++) {
    const found = readAll(stream, piece).map(({ type, flags, streamId, payload }) => [type, flags, streamId, payload]);
    assert.deepEqual(found, expected, `in pieces of ${piece}`);
  }
});

Deno.test("padding and priorities are taken off, and count for the window", () => {
  const [padded, empty, both, prioritised] = readAll(bytesOf(
    frame(data, 8, 1, [2, 7, 7, 0, 0]),
    frame(data, 8, 1, [0]),
    frame(headers, 0x2c, 1, [1, 0, 0, 0, 3, 16, 7, 0]),
    frame(headers, 0x24, 1, [0, 0, 0, 3, 16, 7]),
  ));
  assert.deepEqual([padded.payload, padded.flowBytes], [[7, 7], 5]);
  assert.deepEqual([empty.payload, empty.flowBytes], [[], 1]);
  assert.deepEqual([both.payload, prioritised.payload], [[7], [7]]);
});

Deno.test("frames that break the rules of their type are refused by name", () => {
  const wrong: [Uint8Array, string, RegExp][] = [
    [frame(data, 0, 0), "PROTOCOL_ERROR", /DATA frame on no stream/],
    [frame(data, 8, 1), "FRAME_SIZE_ERROR", /DATA frame of 0 bytes/],
    [frame(data, 8, 1, [1]), "PROTOCOL_ERROR", /DATA frame with 1 bytes of padding/],
    [frame(data, 8, 1, [9, 1, 2]), "PROTOCOL_ERROR", /9 bytes of padding/],
    [frame(headers, 4, 0), "PROTOCOL_ERROR", /HEADERS frame on no stream/],
    [frame(headers, 0x24, 1, [0, 0, 0, 0]), "FRAME_SIZE_ERROR", /HEADERS frame of 4 bytes/],
    [frame(headers, 0x2c, 1, [1, 0, 0, 0, 0, 0]), "PROTOCOL_ERROR", /1 bytes of padding/],
    [frame(priority, 0, 0, [0, 0, 0, 0, 0]), "PROTOCOL_ERROR", /PRIORITY frame on no stream/],
    [frame(priority, 0, 1, [0, 0, 0, 0]), "FRAME_SIZE_ERROR", /PRIORITY frame of 4 bytes/],
    [frame(rst, 0, 0, [0, 0, 0, 0]), "PROTOCOL_ERROR", /RST_STREAM frame on no stream/],
    [frame(rst, 0, 1, [0, 0, 0]), "FRAME_SIZE_ERROR", /RST_STREAM frame of 3 bytes/],
    [frame(settings, 0, 1), "PROTOCOL_ERROR", /SETTINGS frame on stream 1/],
    [frame(settings, 0, 0, [1]), "FRAME_SIZE_ERROR", /SETTINGS frame of 1 bytes/],
    [frame(settings, 1, 0, [0, 0, 0, 0, 0, 0]), "FRAME_SIZE_ERROR", /SETTINGS frame of 6 bytes/],
    [frame(push, 4, 1, [0, 0, 0, 2]), "PROTOCOL_ERROR", /PUSH_PROMISE frame where pushing is off/],
    [frame(ping, 0, 1, Array(8).fill(0)), "PROTOCOL_ERROR", /PING frame on stream 1/],
    [frame(ping, 0, 0, Array(7).fill(0)), "FRAME_SIZE_ERROR", /PING frame of 7 bytes/],
    [frame(goaway, 0, 1, Array(8).fill(0)), "PROTOCOL_ERROR", /GOAWAY frame on stream 1/],
    [frame(goaway, 0, 0, Array(7).fill(0)), "FRAME_SIZE_ERROR", /GOAWAY frame of 7 bytes/],
    [frame(widen, 0, 1, [0, 0, 1]), "FRAME_SIZE_ERROR", /WINDOW_UPDATE frame of 3 bytes/],
    [frame(continuation, 4, 0), "PROTOCOL_ERROR", /CONTINUATION frame on no stream/],
    [frame(continuation, 4, 1), "PROTOCOL_ERROR", /CONTINUATION frame that continues nothing/],
    [bytesOf(frame(headers, 0, 1), frame(continuation, 4, 3)), "PROTOCOL_ERROR", /header block of stream 1/],
    [bytesOf(frame(headers, 0, 1), frame(data, 0, 1)), "PROTOCOL_ERROR", /DATA frame inside of the header block/],
    [bytesOf(frame(headers, 0, 1), frame(99, 0, 0)), "PROTOCOL_ERROR", /type 99 frame inside of the header block/],
    [bytesOf(frame(headers, 4, 1), frame(continuation, 4, 1)), "PROTOCOL_ERROR", /continues nothing/],
  ];
  for (const [bytes, code, why] of wrong) {
    for (const piece of [bytes.length, 1]) refuses(() => readAll(bytes, piece), code, why);
  }
});

Deno.test("a frame that is too long is refused as soon as its head is there", () => {
  const head = hex("004001 00 00 00000001");
  refuses(() => new Http2FrameReader().next(head, 0, 9), "FRAME_SIZE_ERROR", /16385 bytes, 16384 are allowed/);
  const reader = new Http2FrameReader(20_000);
  assert.equal(reader.next(head, 0, 9), false);
  assert.equal(reader.needed, 9 + 16_385);
});

Deno.test("a header block goes out in as many frames as it takes, and nothing between them", () => {
  const parts: Uint8Array[] = [];
  const block = Uint8Array.from({ length: 50 }, (_, i) => i);
  const put = (head: Uint8Array, payload: Uint8Array): void => void parts.push(head.slice(), payload.slice());
  putHeaderBlock(block, 7, true, 20, new Uint8Array(9), put);
  const found = readAll(bytesOf(...parts));
  assert.deepEqual(found.map(({ type, flags }) => [type, flags]), [[headers, 1], [continuation, 0], [continuation, 4]]);
  assert.deepEqual(found.flatMap(({ payload }) => payload), [...block]);
  parts.length = 0;
  putHeaderBlock(block, 7, false, 50, new Uint8Array(9), put);
  assert.deepEqual(readAll(bytesOf(...parts)).map(({ type, flags }) => [type, flags]), [[headers, 4]]);
});
