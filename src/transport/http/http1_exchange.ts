/**
 * Reading and writing the heads of an opening handshake on a connection that is
 * to become something else.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import type { ReceiveBuffer } from "../../framing/receive_buffer.ts";

/** A decoder of heads, of requests or of responses. */
export interface HeadDecoder<Head> {
  readonly head: Head;
  readonly headEnd: number;
  readonly needed: number;
  next(bytes: Uint8Array, start: number, end: number): boolean;
}

/**
 * Reads a head; what follows it stays in `received`. Rejects with `protocol`
 * where it is none, and with `connection-lost` where the peer ends before.
 */
export async function readHead<Head>(
  stream: { read(bytes: Uint8Array): Promise<number | null> },
  received: ReceiveBuffer,
  decoder: HeadDecoder<Head>,
): Promise<Head> {
  while (!decoder.next(received.bytes, received.start, received.end)) {
    const count = await stream.read(received.space(decoder.needed));
    if (count === null) {
      throw new TransportError("connection-lost", "the peer ended the connection before its head was whole", {
        processed: "no",
      });
    }
    received.filled(count);
  }
  received.start = decoder.headEnd;
  return decoder.head;
}

/** Writes all of the bytes. */
export async function writeAll(
  stream: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let offset = 0; offset < bytes.length;) offset += await stream.write(bytes.subarray(offset));
}
