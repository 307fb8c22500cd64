/**
 * Reading an HTTP body whole, with a bound on its size.
 *
 * @module
 */

import { TransportError } from "./errors.ts";

/**
 * Reads the body of a request or a response. Reads no further than `maxBytes`
 * and cancels the rest; rejects with `message-too-large`.
 */
export async function readBody(message: Request | Response, maxBytes: number): Promise<Uint8Array> {
  const claimed = message.headers.get("content-length");
  // The length of an encoded body says nothing about what it inflates to.
  if (claimed !== null && !message.headers.has("content-encoding")) {
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
  if (chunks.length === 1) return chunks[0];
  const whole = new Uint8Array(bytes);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

function tooLarge(maxBytes: number): TransportError {
  const why = `Message refused: its body has more than the ${maxBytes} bytes that are allowed`;
  return new TransportError("message-too-large", why, { details: { allowed: maxBytes } });
}
