/**
 * Finding messages in what was read, beside a loop by hand.
 *
 * Both take fresh memory every 256 KB, since no message that was handed out
 * may be overwritten; the platform's read is a copy here.
 *
 * @module
 */

import { type Framing, lengthPrefix, newline } from "../mod.ts";
import { ReceiveBuffer } from "../src/framing/receive_buffer.ts";
import { HEADER_BYTES, readUint32, view } from "./floor/frames.ts";
import { Group, kept } from "./floor/group.ts";

const CHUNK_BYTES = 64 * 1024;
const CHUNKS = 16;
const SLAB_BYTES = 256 * 1024;
const LINE_FEED = 10;

/** Hands out the messages in `slab[start..end)` and returns where the unfinished one begins. */
type Decode = (slab: Uint8Array, start: number, end: number) => number;

function decodeLengths(slab: Uint8Array, start: number, end: number): number {
  while (start + HEADER_BYTES <= end) {
    const next = start + HEADER_BYTES + readUint32(slab, start);
    if (next > end) break;
    kept.value = view(slab, start + HEADER_BYTES, next);
    start = next;
  }
  return start;
}

function decodeLines(slab: Uint8Array, start: number, end: number): number {
  while (start < end) {
    // The bytes after `end` are zero: no line feed is found there.
    const at = slab.indexOf(LINE_FEED, start);
    if (at < 0) break;
    kept.value = view(slab, start, at);
    start = at + 1;
  }
  return start;
}

/** `count` frames of `bytes` each, as they go over the wire. */
function framesOf(framing: Framing, bytes: number, count: number): Uint8Array {
  const frameBytes = framing.headBytes + bytes + framing.tailBytes;
  const chunk = new Uint8Array(frameBytes * count).fill(120);
  for (let at = 0; at < chunk.length; at += frameBytes) {
    framing.writeHead(chunk, at, bytes);
    framing.writeTail(chunk, at + framing.headBytes + bytes);
  }
  return chunk;
}

/** Decodes chunks of as many whole frames as fit into 64 KiB. */
function compare(name: string, label: string, framing: Framing, decode: Decode, bytes: number): void {
  const count = Math.floor(CHUNK_BYTES / (framing.headBytes + bytes + framing.tailBytes));
  const chunk = framesOf(framing, bytes, count);
  const group = new Group(`decoding 64 KiB chunks, ${name}, ${label}`, count * CHUNKS, "frame");

  let slab = new Uint8Array(SLAB_BYTES);
  let start = 0;
  let end = 0;
  group.floor("a loop by hand", () => {
    for (let i = 0; i < CHUNKS; i++) {
      if (end + chunk.length > slab.length) {
        const tail = slab.subarray(start, end);
        slab = new Uint8Array(SLAB_BYTES);
        slab.set(tail);
        end -= start;
        start = 0;
      }
      slab.set(chunk, end);
      end += chunk.length;
      start = decode(slab, start, end);
    }
  });

  const decoder = framing.decoder();
  const received = new ReceiveBuffer();
  group.bench(`${name}().decoder() and ReceiveBuffer`, () => {
    for (let i = 0; i < CHUNKS; i++) {
      for (let taken = 0; taken < chunk.length;) {
        const space = received.space(decoder.needed);
        const count = Math.min(space.length, chunk.length - taken);
        space.set(chunk.subarray(taken, taken + count));
        received.filled(count);
        taken += count;
        while (decoder.next(received.bytes, received.start, received.end)) {
          received.start = decoder.frameEnd;
          kept.value = received.bytes.subarray(decoder.messageStart, decoder.messageEnd);
        }
      }
    }
  });
}

compare("lengthPrefix", "64 B", lengthPrefix(), decodeLengths, 64);
compare("lengthPrefix", "1 KB", lengthPrefix(), decodeLengths, 1024);
compare("newline", "64 B", newline(), decodeLines, 64);
compare("newline", "1 KB", newline(), decodeLines, 1024);
