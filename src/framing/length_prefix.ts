/**
 * Frames that say their length first: 1, 2 or 4 bytes, big-endian, the same as
 * Erlang's `{packet, 1}`, `{packet, 2}` and `{packet, 4}`.
 *
 * @module
 */

import { named } from "../core/describe.ts";
import { TransportError } from "../core/errors.ts";
import { integer, invalidOption, readOptions } from "../core/options.ts";
import { isMuxHello, muxHelloAsLength } from "../util/hello_bytes.ts";
import type { FrameDecoder, Framing } from "./framing.ts";

/**
 * Options of {@linkcode lengthPrefix}.
 *
 * @example
 * ```ts
 * import { lengthPrefix, type LengthPrefixOptions } from "@wireway/wireway";
 * const options: LengthPrefixOptions = { bytes: 2, maxBytes: 1024 };
 * lengthPrefix(options);
 * ```
 */
export interface LengthPrefixOptions {
  /** Bytes of the length: 1, 2 or 4. @default {4} */
  bytes?: 1 | 2 | 4;
  /** The largest message, in bytes. @default {16777216} 16 MiB, or what the prefix can say if that is less */
  maxBytes?: number;
}

const defaultMaxBytes = 16 * 1024 * 1024;

/**
 * Frames of a length and that many bytes. The length is checked against
 * `maxBytes` before anything is allocated for it.
 *
 * Errors: `message-too-large` for a message over the limit, sent or received;
 * `invalid-option`.
 *
 * @example Talk to Erlang's `gen_tcp` with `{packet, 4}`
 * ```ts
 * import { lengthPrefix, tcp } from "@wireway/wireway";
 * const transport = tcp({ port: 9000, framing: lengthPrefix({ bytes: 4, maxBytes: 1024 * 1024 }) });
 * ```
 */
export function lengthPrefix(options: LengthPrefixOptions = {}): Framing {
  const { bytes, maxBytes } = readOptions("lengthPrefix()", options, {
    bytes: { allowed: "1, 2 or 4", fallback: 4, accepts: (value) => value === 1 || value === 2 || value === 4 },
    maxBytes: integer(undefined, 1, 0x7fff_ffff),
  });
  const largest = 2 ** (8 * bytes) - 1;
  if (maxBytes !== undefined && maxBytes > largest) {
    throw invalidOption("lengthPrefix()", "maxBytes", maxBytes, `at most ${largest} with a prefix of ${bytes} bytes`);
  }
  const limit = maxBytes ?? Math.min(defaultMaxBytes, largest);
  return named("lengthPrefix", { bytes, maxBytes: limit }, new LengthPrefix(bytes, limit));
}

class LengthPrefix implements Framing {
  readonly maxBytes: number;
  readonly headBytes: number;
  readonly tailBytes = 0;

  constructor(bytes: number, maxBytes: number) {
    this.headBytes = bytes;
    this.maxBytes = maxBytes;
  }

  writeHead(target: Uint8Array, offset: number, byteLength: number): void {
    switch (this.headBytes) {
      case 4:
        target[offset++] = byteLength >>> 24;
        target[offset++] = byteLength >>> 16;
        target[offset++] = byteLength >>> 8;
        break;
      case 2:
        target[offset++] = byteLength >>> 8;
        break;
    }
    target[offset] = byteLength;
  }

  writeTail(): void {}

  decoder(): FrameDecoder {
    return new LengthPrefixDecoder(this.headBytes, this.maxBytes);
  }
}

class LengthPrefixDecoder implements FrameDecoder {
  messageStart = 0;
  messageEnd = 0;
  frameEnd = 0;
  needed: number;
  readonly #headBytes: number;
  readonly #maxBytes: number;

  constructor(headBytes: number, maxBytes: number) {
    this.#headBytes = headBytes;
    this.#maxBytes = maxBytes;
    this.needed = headBytes;
  }

  next(bytes: Uint8Array, start: number, end: number): boolean {
    const messageStart = start + this.#headBytes;
    if (messageStart > end) {
      this.needed = this.#headBytes;
      return false;
    }
    const length = this.#headBytes === 4
      ? ((bytes[start] << 24) | (bytes[start + 1] << 16) | (bytes[start + 2] << 8) | bytes[start + 3]) >>> 0
      : this.#headBytes === 2
      ? (bytes[start] << 8) | bytes[start + 1]
      : bytes[start];
    if (length > this.#maxBytes) throw tooLarge(bytes.subarray(start, end), length, this.#maxBytes);
    const messageEnd = messageStart + length;
    if (messageEnd > end) {
      if (length === muxHelloAsLength && isMuxHello(bytes, start, end)) throw noLength();
      this.needed = messageEnd - start;
      return false;
    }
    this.messageStart = messageStart;
    this.messageEnd = messageEnd;
    this.frameEnd = messageEnd;
    return true;
  }
}

function tooLarge(bytes: Uint8Array, length: number, maxBytes: number): TransportError {
  const guess = guessProtocol(bytes);
  return new TransportError(
    "message-too-large",
    `Frame refused: its length says ${length} bytes, ${maxBytes} are allowed${
      guess === undefined ? "" : `; the bytes look like ${guess}`
    }`,
    { details: { length, maxBytes } },
  );
}

function noLength(): TransportError {
  const why = "Frame refused: the bytes look like a hello of mux() without a length: does the peer use newline()?";
  return new TransportError("protocol", why, { processed: "no" });
}

/** What a peer most likely speaks whose first bytes are not a frame: the usual cause is a wrong port or TLS on one end only. */
function guessProtocol(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0x16 && bytes[1] === 0x03) return "a TLS handshake: is TLS switched on at one end only?";
  if (bytes[0] === 0x15 && bytes[1] === 0x03) return "a TLS alert: is TLS switched on at one end only?";
  const text = String.fromCharCode(...bytes.subarray(0, 4));
  if (/^(GET |POST|PUT |HEAD|PRI |OPTI|DELE|HTTP)/.test(text)) return "HTTP: is this the right port?";
  const start = bytes.subarray(0, shownBytes);
  const end = start.findIndex((byte) => !isPrintable(byte));
  // A length is four bytes at most: less of a text says nothing.
  if (start.length < 4 || (end >= 0 && end < 4)) return undefined;
  const said = JSON.stringify(String.fromCharCode(...(end < 0 ? start : start.subarray(0, end))));
  return `text, ${said}: does something print to the same stream, or is this the wrong port?`;
}

/** How much of a text is shown, in bytes. */
const shownBytes = 40;

/** Whether a byte is one of a line of ASCII. */
function isPrintable(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}
