/**
 * The codecs of compress(): the runtime's own and those for runtimes without.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { codecs, codecsWith, findZlib } from "../../src/channel/compress/compress_codecs.ts";
import { lz4Compress, lz4Decompress } from "../../src/channel/compress/lz4_block.ts";
import { sameBytes } from "../support/channels.ts";
import { Random } from "../support/random.ts";
import { peer, peerTest, run } from "../support/peer.ts";

/** Bytes of every kind: noise, repeats near and far, and mixtures of them. */
function sample(random: Random): Uint8Array {
  const bytes = random.bytes(random.pick([0, 1, 5, 12, 13, 14, 40, 300, 5000, 70_000]));
  for (let i = random.below(20); i > 0 && bytes.length > 0; i--) {
    const from = random.below(bytes.length);
    const to = random.below(bytes.length);
    const length = random.below(random.pick([4, 20, 300, 80_000]));
    for (let at = 0; at < length && to + at < bytes.length; at++) bytes[to + at] = bytes[(from + at) % bytes.length];
  }
  return bytes;
}

Deno.test("Without the runtime's codecs there are gzip, deflate and lz4, and both kinds read each other", () => {
  const zlib = findZlib();
  assert.ok(zlib !== undefined);
  const [native, plain] = [codecsWith(zlib), codecsWith(undefined)];
  assert.deepEqual(native.map(({ format }) => format), ["zstd", "deflate", "gzip", "lz4", "brotli"]);
  assert.deepEqual(plain.map(({ format }) => format), ["lz4", "deflate", "gzip"]);
  assert.equal(codecs(), codecs(), "looked up once");
  const old = codecsWith({ ...zlib, zstdCompressSync: undefined });
  assert.equal(old[0].format, "deflate", "an older node has no zstd");
  const random = new Random(5);
  for (let i = 0; i < 60; i++) {
    const bytes = sample(random);
    for (const one of native) {
      const other = plain.find(({ format }) => format === one.format) ?? one;
      if (bytes.length === 0 && one.format !== "lz4") continue;
      sameBytes(other.decompress(one.compress(bytes, 1), bytes.length), bytes, `${one.format}, ours`);
      sameBytes(one.decompress(other.compress(bytes, 1), bytes.length), bytes, `${one.format}, theirs`);
    }
  }
});

Deno.test("No codec makes more than it is asked for, whatever it is given", () => {
  const random = new Random(6);
  const large = new Uint8Array(3_000_000);
  for (const codec of [...codecsWith(findZlib()), ...codecsWith(undefined)]) {
    const bomb = codec.compress(large, 1);
    assert.throws(() => codec.decompress(bomb, 1000), `${codec.format}`);
    for (let i = 0; i < 200; i++) {
      const bytes = codec.compress(sample(random), 1).slice();
      for (let flips = random.below(4); flips >= 0; flips--) bytes[random.below(bytes.length)] = random.below(256);
      const size = 1 + random.below(100_000);
      let made: Uint8Array | undefined;
      try {
        made = codec.decompress(bytes, size);
      } catch {
        continue;
      }
      assert.ok(made.length <= size, `${codec.format}: ${made.length} of ${size}`);
    }
  }
});

Deno.test("LZ4 blocks come out as they went in, and repeats become short", () => {
  const random = new Random(7);
  for (let i = 0; i < 400; i++) {
    const bytes = sample(random);
    sameBytes(lz4Decompress(lz4Compress(bytes), bytes.length), bytes, `sample ${i}`);
  }
  assert.ok(lz4Compress(new Uint8Array(100_000)).length < 500);
  const noise = random.bytes(100_000);
  assert.ok(lz4Compress(noise).length < 100_500);
  const twice = new Uint8Array(130_000);
  twice.set(noise.subarray(0, 60_000));
  twice.set(noise.subarray(0, 60_000), 65_000);
  assert.ok(lz4Compress(twice).length < 72_000, "a match from far away");
  // As far as the format allows, and a byte more, which its two bytes of offset can't say.
  for (const far of [65_535, 65_536]) {
    const bytes = new Uint8Array(70_000);
    bytes.set(noise.subarray(0, 1000));
    bytes.set(noise.subarray(0, 1000), far);
    sameBytes(lz4Decompress(lz4Compress(bytes), bytes.length), bytes, `${far} bytes away`);
  }
});

Deno.test("A broken LZ4 block is refused with what is wrong and where", () => {
  const bad: [number[], number, RegExp][] = [
    [[0x10], 1, /at byte 1 stands 1 bytes that have no room/],
    [[0x20, 1, 2], 1, /2 bytes that have no room/],
    [[0xf0, 255], 300, /a length without an end/],
    [[0x1f, 1, 1, 0, 255], 300, /a length without an end/],
    [[0x10, 1, 1], 9, /an offset cut short/],
    [[0x10, 1, 0, 0], 9, /an offset of 0 after 1 bytes/],
    [[0x10, 1, 2, 0], 9, /an offset of 2 after 1 bytes/],
    [[0x10, 1, 1, 0], 4, /4 bytes that have no room/],
    [[0x10, 1], 2, /its end after 1 of 2 bytes/],
    [[], 1, /the claim that 0 bytes become 1/],
  ];
  for (const [bytes, size, why] of bad) {
    assert.throws(() => lz4Decompress(Uint8Array.from(bytes), size), { code: "protocol", message: why });
  }
});

Deno.test("a block of a few bytes that claims to be megabytes is refused before there is room for them", () => {
  const most = new Uint8Array(255 * 1000);
  const block = lz4Compress(most);
  sameBytes(lz4Decompress(block, most.length), most, "what compresses best");
  assert.throws(() => lz4Decompress(block, 255 * block.length + 1), { code: "protocol", message: /the claim that/ });
  assert.throws(() => lz4Decompress(block, 2 ** 40), { code: "protocol" });
});

/** A frame of one block, as the lz4 program reads it. */
function framed(block: Uint8Array): Uint8Array {
  const frame = new Uint8Array(7 + 4 + block.length + 4);
  frame.set([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]);
  new DataView(frame.buffer).setUint32(7, block.length, true);
  frame.set(block, 11);
  return frame;
}

peerTest("The lz4 program reads our blocks, and we read its", [peer("lz4", "lz4")], async () => {
  const folder = await Deno.makeTempDir({ prefix: "wireway_" });
  try {
    const random = new Random(8);
    for (let i = 0; i < 12; i++) {
      const bytes = sample(random);
      if (bytes.length === 0) continue;
      await Deno.writeFile(`${folder}/ours.lz4`, framed(lz4Compress(bytes)));
      const unpacked = await run("lz4", ["-d", "-f", "-q", `${folder}/ours.lz4`, `${folder}/ours`]);
      assert.equal(unpacked.code, 0, unpacked.stderr);
      sameBytes(await Deno.readFile(`${folder}/ours`), bytes, `ours, sample ${i}`);
      await Deno.writeFile(`${folder}/theirs`, bytes);
      const packed = await run("lz4", ["-9", "-f", "-q", "--no-frame-crc", `${folder}/theirs`, `${folder}/theirs.lz4`]);
      assert.equal(packed.code, 0, packed.stderr);
      const frame = await Deno.readFile(`${folder}/theirs.lz4`);
      const head = (frame[4] & 8) === 0 ? 7 : 15;
      const length = new DataView(frame.buffer).getUint32(head, true);
      // The high bit says that the block was left as it is.
      if (length >>> 31 === 1) continue;
      sameBytes(lz4Decompress(frame.subarray(head + 4, head + 4 + length), bytes.length), bytes, `theirs, sample ${i}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
