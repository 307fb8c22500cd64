/**
 * Reading an HTTP body whole, with a bound on its size.
 *
 * @module
 */

import { joinBytes } from "../util/join_bytes.ts";
import { arrivedWhole } from "./completion.ts";
import { TransportError } from "./errors.ts";

/**
 * Reads the body of a request or a response. Reads no further than `maxBytes`
 * and cancels the rest; rejects with `message-too-large`.
 */
export async function readBody(message: Request | Response, maxBytes: number): Promise<Uint8Array> {
  if (arrivedWhole in message) {
    // It is in memory already, and decoded.
    const bytes = await message.bytes();
    if (bytes.length > maxBytes) throw tooLarge(maxBytes);
    return bytes;
  }
  const claimed = message.headers.get("content-length");
  // The length of an encoded body says nothing about what it inflates to.
  if (claimed !== null && message.headers.get("content-encoding") === null) {
    if (Number(claimed) > maxBytes) {
      await message.body?.cancel();
      throw tooLarge(maxBytes);
    }
    return await message.bytes();
  }
  if (message.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of message.body) {
    bytes += chunk.length;
    // Leaving the loop cancels the body.
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0] : joinBytes(chunks);
}

function tooLarge(maxBytes: number): TransportError {
  const why = `Message refused: its body has more than the ${maxBytes} bytes that are allowed`;
  return new TransportError("message-too-large", why, { details: { allowed: maxBytes } });
}
