/**
 * Reads the body of a request as a whole.
 *
 * @module
 */

import { bodyDecoder } from "../../framing/http1/http1_body.ts";
import type { Http1Limits } from "../../framing/http1/http1_limits.ts";
import type { ReceiveBuffer } from "../../framing/receive_buffer.ts";

/** Where the bytes come from. */
export interface BodySource {
  /** What has come, and is not taken. */
  readonly received: ReceiveBuffer;
  /** Reads more. False where the peer has ended. */
  fill(needed: number): Promise<boolean>;
}

/** What is made ready at once for a body that says it is large. */
const claimedBytes = 64 * 1024;

/**
 * The whole body, copied: a body in many small chunks keeps no more memory than
 * its bytes. Rejects with what the codec throws, with `message-too-large` before
 * anything is read where the length is known.
 */
export async function readWholeBody(
  source: BodySource,
  framing: number | "chunked",
  limits: Http1Limits,
): Promise<Uint8Array<ArrayBuffer>> {
  const decoder = bodyDecoder("request", framing, limits);
  let body = new Uint8Array(framing === "chunked" ? 0 : Math.min(framing, claimedBytes));
  let used = 0;
  const { received } = source;
  while (!decoder.complete) {
    while (decoder.next(received.bytes, received.start, received.end)) {
      const { pieceStart, pieceEnd } = decoder;
      const wanted = used + pieceEnd - pieceStart;
      if (wanted > body.length) body = grown(body, used, wanted, limits.maxBodyBytes);
      body.set(received.bytes.subarray(pieceStart, pieceEnd), used);
      used = wanted;
      received.start = decoder.restStart;
    }
    received.start = decoder.restStart;
    if (!decoder.complete && !await source.fill(decoder.needed)) decoder.end();
  }
  return used === body.length ? body : body.subarray(0, used);
}

function grown(body: Uint8Array, used: number, wanted: number, maxBytes: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(Math.max(wanted, 2 * body.length, 256), Math.max(wanted, maxBytes)));
  larger.set(body.subarray(0, used));
  return larger;
}
