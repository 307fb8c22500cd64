/**
 * permessage-deflate by the public functions of `node:zlib`, and nothing of what
 * our own compression stands on.
 *
 * @module
 */

import { constants, createDeflateRaw, deflateRawSync, inflateRawSync } from "node:zlib";
import { final, type Frame, joined } from "./_wire.ts";

const flushed = { finishFlush: constants.Z_SYNC_FLUSH, flush: constants.Z_SYNC_FLUSH };
const tail = Uint8Array.of(0, 0, 0xff, 0xff);

/** How one direction is compressed. */
export interface Direction {
  readonly takeover: boolean;
  readonly bits: number;
}

/** What a message without any bytes is sent as. */
const nothing = Uint8Array.of(0);

/** Compresses messages, one after the other, to the payloads that they are sent as. */
export async function compressAll(direction: Direction, messages: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const { takeover, bits } = direction;
  // zlib has no window of 8 bits; without any reference back, all windows are large enough.
  const how = bits < 9 ? { strategy: constants.Z_HUFFMAN_ONLY } : { windowBits: bits };
  if (!takeover) {
    return messages.map((message) => {
      return message.length === 0 ? nothing : withoutTail(deflateRawSync(message, { ...flushed, ...how }));
    });
  }
  const stream = createDeflateRaw(how);
  const payloads: Uint8Array[] = [];
  for (const message of messages) {
    const parts: Uint8Array[] = [];
    const take = (part: Uint8Array): void => void parts.push(Uint8Array.from(part));
    stream.on("data", take);
    if (message.length > 0) {
      await new Promise<void>((resolve) => {
        stream.write(message);
        stream.flush(constants.Z_SYNC_FLUSH, () => resolve());
      });
    }
    stream.off("data", take);
    payloads.push(message.length === 0 ? nothing : withoutTail(joined(parts)));
  }
  stream.close();
  return payloads;
}

/** Inflates messages one after the other. What came before goes first, as a block that is not compressed. */
export function inflater({ takeover, bits }: Direction): (payload: Uint8Array) => Uint8Array {
  let history = new Uint8Array(0);
  return (payload) => {
    const { length } = history;
    const block = length === 0 ? [] : [0, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255];
    const stream = joined([Uint8Array.from(block), history, withTail(payload)]);
    const message = Uint8Array.from(inflateRawSync(stream, flushed).subarray(length));
    if (takeover) history = joined([history, message]).slice(-Math.min(2 ** bits, 32_768));
    return message;
  };
}

function withoutTail(stream: Uint8Array): Uint8Array {
  return Uint8Array.from(stream.subarray(0, stream.length - tail.length));
}

/** A payload as the part of a deflate stream that it is. */
export function withTail(payload: Uint8Array): Uint8Array {
  return joined([payload, tail]);
}

const compressedBit = 0x40;

/** A compressed message, in fragments of so many bytes where there is a size. */
export function compressed(kind: number, payload: Uint8Array, size = Math.max(1, payload.length)): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at === 0 || at < payload.length; at += size) {
    const last = at + size >= payload.length;
    const first = (last ? final : 0) | (at === 0 ? kind | compressedBit : 0);
    frames.push({ first, payload: payload.subarray(at, at + size) });
  }
  return frames;
}

/** Whether a frame is a compressed message. */
export function isCompressed({ first }: Frame): boolean {
  return (first & compressedBit) !== 0;
}
