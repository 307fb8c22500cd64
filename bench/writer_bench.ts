/**
 * Framing messages and gathering them into writes, beside copying them into a
 * buffer by hand. The sink takes everything at once.
 *
 * @module
 */

import { lengthPrefix } from "../mod.ts";
import { CoalescingWriter, noHead } from "../src/transport/stream/coalescing_writer.ts";
import { HEADER_BYTES, writeLength } from "./floor/frames.ts";
import { Group } from "./floor/group.ts";

const MESSAGES = 2000;
const sink = { write: (bytes: Uint8Array): Promise<number> => Promise.resolve(bytes.length) };
const owner = { wrote: () => {}, writeFailed: () => {} };
const limits = { highWaterBytes: 256 * 1024, maxBufferedBytes: 16 * 1024 * 1024 };
const scratch = new Uint8Array(128 * 1024);

/** Sends `perTurn` messages of one size, waits until they are out, and again. */
function compare(label: string, bytes: number, perTurn: number): void {
  const turns = MESSAGES / perTurn;
  const group = new Group(`sending ${label}, ${perTurn} a turn`, MESSAGES, "message");
  const message = new Uint8Array(bytes).fill(120);
  const writer = new CoalescingWriter(sink, lengthPrefix(), limits, owner);

  group.floor("copied into a buffer by hand", async () => {
    for (let turn = 0; turn < turns; turn++) {
      let used = 0;
      for (let i = 0; i < perTurn; i++) {
        writeLength(scratch, used, bytes);
        scratch.set(message, used + HEADER_BYTES);
        used += HEADER_BYTES + bytes;
      }
      await sink.write(scratch.subarray(0, used));
    }
  });

  group.bench("CoalescingWriter.send()", async () => {
    for (let turn = 0; turn < turns; turn++) {
      for (let i = 0; i < perTurn; i++) writer.send(noHead, 0, message);
      await writer.flushed();
    }
  });
}

compare("64 B", 64, 100);
compare("1 KB", 1024, 100);
compare("64 B", 64, 1);
