/**
 * The receive buffer: small when idle, growing with what arrives, and never
 * written again where a message was handed out.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { lengthPrefix } from "../../mod.ts";
import { ReceiveBuffer } from "../../src/framing/receive_buffer.ts";
import { numbered } from "../support/channels.ts";
import { Feed, frames } from "./_feed.ts";

const framing = lengthPrefix({ maxBytes: 64 * 1024 * 1024 });

function head(length: number): Uint8Array {
  const bytes = new Uint8Array(4);
  framing.writeHead(bytes, 0, length);
  return bytes;
}

Deno.test("a receive buffer has 256 bytes while a connection is idle", () => {
  const buffer = new ReceiveBuffer();
  assert.equal(buffer.bytes.buffer.byteLength, 256);
  assert.equal(buffer.space(4).length, 256);
  const feed = new Feed(framing);
  for (let i = 0; i < 20; i++) feed.push(frames(framing, [numbered(i, 20)]));
  feed.buffer.space(feed.decoder.needed);
  assert.equal(feed.buffer.bytes.length, 256, "small messages now and then do not let it grow");
});

Deno.test("a receive buffer grows with the bytes received and not with the length that a header claims", () => {
  const feed = new Feed(framing);
  feed.push(head(64 * 1024 * 1024));
  assert.equal(feed.buffer.space(feed.decoder.needed).buffer.byteLength, 64 * 1024);
  let received = 4;
  const chunk = new Uint8Array(50_000);
  for (let i = 0; i < 60; i++) {
    feed.push(chunk);
    received += chunk.length;
    const { byteLength } = feed.buffer.space(feed.decoder.needed).buffer;
    assert.ok(byteLength <= Math.max(64 * 1024, 4 * received), `${byteLength} bytes for ${received}`);
  }
});

Deno.test("a receive buffer copies a large message a bounded number of times", () => {
  const feed = new Feed(framing);
  const stream = frames(framing, [numbered(1, 16 * 1024 * 1024)]);
  const seen = new Set<ArrayBufferLike>();
  for (let at = 0; at < stream.length; at += 60_000) {
    feed.push(stream.subarray(at, at + 60_000));
    seen.add(feed.buffer.bytes.buffer);
  }
  assert.equal(feed.messages.length, 1);
  // 256 bytes, then 64 KiB that grow by half at least, up to 16 MiB.
  assert.ok(seen.size <= 16, `${seen.size} buffers were used`);
});

Deno.test("a receive buffer that holds the rest of a frame is not copied for its last bytes", () => {
  const feed = new Feed(framing);
  const stream = frames(framing, [numbered(1, 100_000)]);
  feed.push(stream.subarray(0, 70_000));
  feed.buffer.space(feed.decoder.needed);
  const { bytes } = feed.buffer;
  for (let at = 70_000; at < stream.length - 1; at += 10) feed.push(stream.subarray(at, at + 10));
  assert.equal(feed.messages.length, 1);
  assert.equal(feed.messages[0].buffer, bytes.buffer);
});

Deno.test("a receive buffer is small again after a large message, once the connection is quiet", () => {
  const feed = new Feed(framing);
  feed.push(frames(framing, [numbered(1, 1024 * 1024)]));
  for (let i = 0; i < 10_000; i++) feed.push(frames(framing, [numbered(i, 20)]));
  assert.ok(feed.buffer.bytes.length <= 1024, `${feed.buffer.bytes.length} bytes are kept`);
});

Deno.test("a receive buffer reads at most 112 KiB at once between messages, however busy it is", () => {
  const feed = new Feed(framing);
  const stream = frames(framing, Array.from({ length: 400 }, (_, i) => numbered(i, 1000)));
  for (let i = 0; i < 50; i++) {
    feed.push(stream);
    assert.ok(feed.buffer.bytes.length <= 112 * 1024);
  }
  assert.equal(feed.buffer.bytes.length, 112 * 1024);
});

Deno.test("a receive buffer never gives room where a message was handed out", () => {
  const feed = new Feed(framing);
  const messages = Array.from({ length: 3000 }, (_, i) => numbered(i, (i * 37) % 1500));
  const stream = frames(framing, messages);
  for (let at = 0, size = 1; at < stream.length; at += size, size = 1 + (size * 7) % 4001) {
    const { buffer, decoder } = feed;
    const space = buffer.space(decoder.needed);
    assert.equal(space.byteOffset, buffer.bytes.byteOffset + buffer.end);
    for (const message of feed.messages.slice(-5)) {
      const apart = message.buffer !== space.buffer || message.byteOffset + message.length <= space.byteOffset;
      assert.ok(apart, "the room overlaps a message");
    }
    feed.push(stream.subarray(at, at + size));
  }
  feed.checkUnchanged();
  assert.deepEqual(feed.messages.map(({ length }) => length), messages.map(({ length }) => length));
});

Deno.test("a receive buffer always gives room, whatever is pending", () => {
  for (let pending = 0; pending <= 300; pending++) {
    for (const start of [0, 1, 100]) {
      const buffer = new ReceiveBuffer();
      for (let left = start + pending; left > 0;) {
        const count = Math.min(left, buffer.space(start + pending + 1).length);
        buffer.filled(count);
        left -= count;
      }
      buffer.start = start;
      assert.ok(buffer.space(pending + 1).length > 0, `${pending} bytes pending from ${start}`);
      assert.equal(buffer.end - buffer.start, pending);
    }
  }
});

/** Reads `count` bytes of this value into the buffer, as a connection does. */
function read(buffer: ReceiveBuffer, count: number, value: number): void {
  buffer.space(count).fill(value, 0, count);
  buffer.filled(count);
}

Deno.test("a receive buffer that may reuse its memory reads into the same place again, once all was consumed", () => {
  const buffer = new ReceiveBuffer();
  buffer.reuses = true;
  const { bytes } = buffer;
  for (let i = 0; i < 100; i++) {
    read(buffer, 100, i);
    buffer.start = buffer.end;
    buffer.rewind();
  }
  assert.equal(buffer.bytes, bytes);
  assert.equal(buffer.end, 0);
});

Deno.test("a receive buffer moves what is unfinished within its memory where nobody holds a view", () => {
  const buffer = new ReceiveBuffer();
  buffer.reuses = true;
  const { bytes } = buffer;
  read(buffer, 200, 1);
  buffer.start = 190;
  read(buffer, 100, 2);
  assert.equal(buffer.bytes, bytes);
  assert.deepEqual(
    [...buffer.bytes.subarray(buffer.start, buffer.end)],
    [...new Array(10).fill(1), ...new Array(100).fill(2)],
  );
});

Deno.test("a receive buffer never writes again where a view was lent, whether it may reuse its memory or not", () => {
  for (const reuses of [false, true]) {
    const buffer = new ReceiveBuffer();
    buffer.reuses = reuses;
    read(buffer, 200, 1);
    const view = buffer.bytes.subarray(0, 190);
    buffer.lent = true;
    buffer.start = 190;
    for (let i = 0; i < 10; i++) {
      read(buffer, 100, 2);
      assert.deepEqual([...view], new Array(190).fill(1));
      buffer.start = buffer.end;
      buffer.rewind();
    }
  }
});

Deno.test("a receive buffer that was busy gives its memory back when little comes", () => {
  const buffer = new ReceiveBuffer();
  buffer.reuses = true;
  for (let i = 0; i < 10; i++) {
    read(buffer, buffer.space(1).length, 1);
    buffer.start = buffer.end;
    buffer.rewind();
  }
  const busy = buffer.bytes.length;
  for (let i = 0; i < 20; i++) {
    read(buffer, 10, 1);
    buffer.start = buffer.end;
    buffer.rewind();
  }
  assert.ok(buffer.bytes.length <= 1024, `${busy} bytes have become ${buffer.bytes.length}`);
});

Deno.test("a receive buffer that may be written again grows with reads that fill it, and shrinks with small ones", () => {
  const buffer = new ReceiveBuffer();
  buffer.reuses = true;
  const read = (count: number): void => {
    const room = buffer.space(1).length;
    buffer.filled(Math.min(room, count));
    // Whatever came was whole messages.
    buffer.start = buffer.end;
    buffer.rewind();
  };
  for (let i = 0; i < 10; i++) read(1024 * 1024);
  assert.equal(buffer.bytes.length, 64 * 1024);
  const { bytes } = buffer;
  for (let i = 0; i < 10; i++) read(60_000);
  assert.equal(buffer.bytes, bytes, "the same memory for as long as it suits");
  for (let i = 0; i < 10; i++) read(50);
  assert.ok(buffer.bytes.length <= 1024, `${buffer.bytes.length} bytes are kept`);
});
