/**
 * Scratch buffers: lent to one at a time, and kept within bounds.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { lengthPrefix, TransportError } from "../../mod.ts";
import { CoalescingWriter, noHead } from "../../src/transport/stream/coalescing_writer.ts";
import { borrowScratch, maxScratchBytes, returnScratch } from "../../src/util/scratch.ts";
import { Random } from "../support/random.ts";
import { FakeSink, turns } from "./stream/_fake_sink.ts";

Deno.test("borrowScratch() lends the smallest buffer that is large enough, or the largest there is", () => {
  const lent = [0, 1, 2048, 2049, 20_480, 20_481, 131_072, 131_073].map((size) => borrowScratch(size));
  assert.deepEqual(lent.map(({ length }) => length), [2048, 2048, 2048, 20_480, 20_480, 131_072, 131_072, 131_072]);
  assert.equal(maxScratchBytes, 131_072);
  lent.forEach(returnScratch);
});

Deno.test("borrowScratch() never lends a buffer twice at once", () => {
  const random = new Random(11);
  const lent = new Set<ArrayBufferLike>();
  const buffers: Uint8Array[] = [];
  for (let i = 0; i < 20_000; i++) {
    if (buffers.length === 0 || random.oneIn(2)) {
      const buffer = borrowScratch(random.below(140_000));
      assert.ok(!lent.has(buffer.buffer), "the buffer is lent already");
      lent.add(buffer.buffer);
      buffers.push(buffer);
    } else {
      const [buffer] = buffers.splice(random.below(buffers.length), 1);
      lent.delete(buffer.buffer);
      returnScratch(buffer);
    }
  }
  buffers.forEach(returnScratch);
});

Deno.test("returnScratch() keeps 4 MiB of each size and forgets the rest, and what is not its own", () => {
  const buffers = Array.from({ length: 100 }, () => borrowScratch(maxScratchBytes));
  buffers.forEach(returnScratch);
  returnScratch(new Uint8Array(5000));
  const again = Array.from({ length: 100 }, () => borrowScratch(maxScratchBytes));
  assert.equal(again.filter((buffer) => buffers.includes(buffer)).length, 32);
  assert.ok(again.every(({ length }) => length === maxScratchBytes));
  again.forEach(returnScratch);
});

Deno.test("writers that end in every possible way never share a scratch buffer", async () => {
  const random = new Random(5);
  const start = () => {
    const sink = new FakeSink();
    const limits = { highWaterBytes: 1e9, maxBufferedBytes: 1e9 };
    return { sink, writer: new CoalescingWriter(sink, lengthPrefix(), limits, sink) };
  };
  const connections = Array.from({ length: 12 }, start);
  for (let i = 0; i < 3000; i++) {
    const at = random.below(connections.length);
    const { sink, writer } = connections[at];
    const size = random.pick([random.below(100), random.below(5000), random.below(30_000), 70_000]);
    writer.send(noHead, 0, new Uint8Array(size).fill(i));
    if (random.oneIn(4)) await turns();
    // The sink fails the test if another connection wrote into the bytes of its write.
    if (sink.writing && random.oneIn(3)) await sink.take(random.oneIn(3) ? 1 + random.below(2000) : Infinity);
    if (random.oneIn(50)) {
      writer.stop(new TransportError("closed", "Test: closed"));
      if (sink.writing) {
        if (random.oneIn(2)) await sink.take(random.oneIn(2) ? 1 : Infinity);
        else await sink.fail(new Error("Test: interrupted"));
      }
      connections[at] = start();
    }
  }
  for (const { sink } of connections) await sink.takeAll();
});
