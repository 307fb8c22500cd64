/**
 * Compressing a batch of JSON, beside the runtime's codecs called by hand.
 *
 * @module
 */

import { constants, deflateRawSync, inflateRawSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { deflateSync } from "fflate";
import type { Channel, Receiver } from "../mod.ts";
import { CompressChannel } from "../src/channel/compress/compress_channel.ts";
import { CompressionStats } from "../src/channel/compress/compress_stats.ts";
import { lz4Compress, lz4Decompress } from "../src/channel/compress/lz4_block.ts";
import { Group, kept } from "./floor/group.ts";

/** What many services send: records of a kind, each a little different. */
function records(bytes: number): Uint8Array {
  let text = "";
  for (let id = 0; text.length < bytes; id++) {
    const order = {
      id: 100_000 + id * 7,
      customer: `customer-${id * 31 % 997}`,
      state: ["new", "paid", "sent"][id % 3],
    };
    text += `${JSON.stringify({ ...order, sum: (id * 1234567 % 99_999) / 100, currency: "EUR", items: id % 5 })}\n`;
  }
  return new TextEncoder().encode(text.slice(0, bytes));
}

const zstd = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const deflate = { level: 1 };

/** One end of compress() above a channel that hands what is sent to the other end, or keeps it. */
function end(stats: CompressionStats): { channel: CompressChannel; inner: Receiver; sent: (Uint8Array | undefined)[] } {
  const sent: (Uint8Array | undefined)[] = [];
  let inner: Receiver | undefined;
  const below: Channel = {
    local: { transport: "none" },
    remote: { transport: "none" },
    maxMessageBytes: 16 * 1024 * 1024,
    bufferedBytes: 0,
    send: (message) => {
      sent[0] = message as Uint8Array;
    },
    receive: (receiver) => {
      inner = receiver;
    },
    close: () => Promise.resolve(),
    abort: () => {},
  };
  const settings = { format: "auto", level: 1, thresholdBytes: 2048, maxInflatedBytes: undefined, stats } as const;
  const channel = new CompressChannel(below, settings, { messagesIn: 0, messagesOut: 0 }).begin();
  channel.receive({ message: (message) => void (kept.value = message), end: () => {}, closed: () => {} });
  void inner!.message(sent[0]!);
  return { channel, inner: inner!, sent };
}

for (const [label, bytes] of [["4 KiB", 4096], ["64 KiB", 65_536]] as const) {
  const batch = records(bytes);
  const both = new Group(`a batch of JSON of ${label}, there`, 1, "batch");
  both.floor("deflate, level 1, by hand", () => void (kept.value = deflateRawSync(batch, deflate)));
  const stats = new CompressionStats();
  const { channel, inner, sent } = end(stats);
  both.bench("compress()", () => channel.send(batch));
  both.bench("zstd, level 1, by hand, for information", () => void (kept.value = zstdCompressSync(batch, zstd)));
  both.bench("lz4 of our own, for information", () => void (kept.value = lz4Compress(batch)));
  both.bench("fflate, level 1, for information", () => void (kept.value = deflateSync(batch, { level: 1 })));

  const back = new Group(`a batch of JSON of ${label}, back`, 1, "batch");
  const packed = zstdCompressSync(batch, zstd);
  const deflated = deflateRawSync(batch, deflate);
  const block = lz4Compress(batch);
  back.floor("deflate by hand", () => void (kept.value = inflateRawSync(deflated)));
  channel.send(batch);
  const message = sent[0]!.slice();
  back.bench("compress()", () => void inner.message(message));
  back.bench("zstd by hand, for information", () => void (kept.value = zstdDecompressSync(packed)));
  back.bench("lz4 of our own, for information", () => void (kept.value = lz4Decompress(block, batch.length)));
  console.error(
    `${label}: ${(batch.length / message.length).toFixed(1)}:1 with compress(), ${
      (batch.length / deflated.length).toFixed(1)
    }:1 with deflate, ${(batch.length / block.length).toFixed(1)}:1 with lz4`,
  );
}
