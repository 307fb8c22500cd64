/**
 * Messages that end with a line feed: newline-delimited JSON, and whatever one
 * types into netcat.
 *
 * @module
 */

import { named } from "../core/describe.ts";
import { TransportError } from "../core/errors.ts";
import { flag, integer, readOptions } from "../core/options.ts";
import { isMuxHello } from "../util/hello_bytes.ts";
import type { FrameDecoder, Framing } from "./framing.ts";

/**
 * Options of {@linkcode newline}.
 *
 * @example
 * ```ts
 * import { newline, type NewlineOptions } from "@wireway/wireway";
 * const options: NewlineOptions = { maxBytes: 4096, stripCarriageReturn: true };
 * newline(options);
 * ```
 */
export interface NewlineOptions {
  /** The longest line without its end, in bytes. @default {1048576} 1 MiB */
  maxBytes?: number;
  /** Whether a carriage return before the line feed is taken off what is received. @default {false} */
  stripCarriageReturn?: boolean;
  /**
   * Whether a message may have line feeds in it when it is sent: the far side then takes each of its lines for a
   * message. For `batch({ format: "newline" })` above. @default {false}
   */
  manyLines?: boolean;
}

const lineFeed = 10;
const carriageReturn = 13;

/**
 * Messages that end with a line feed. What stands after the last line feed when
 * the peer ends is not a message.
 *
 * Errors: `message-too-large` for a line over the limit; `invalid-request` for
 * sending a message with a line feed in it; `invalid-option`.
 *
 * @example
 * ```ts
 * import { newline, tcp } from "@wireway/wireway";
 * const transport = tcp({ port: 9000, framing: newline({ stripCarriageReturn: true }) });
 * ```
 */
export function newline(options: NewlineOptions = {}): Framing {
  const { maxBytes, stripCarriageReturn, manyLines } = readOptions("newline()", options, {
    maxBytes: integer(1024 * 1024, 1, 0x7fff_ffff),
    stripCarriageReturn: flag(false),
    manyLines: flag(false),
  });
  // What holds by default is not worth a word in every chain.
  const shown = { maxBytes, stripCarriageReturn, manyLines: manyLines || undefined };
  return named("newline", shown, new Newline(maxBytes, stripCarriageReturn, manyLines));
}

class Newline implements Framing {
  readonly maxBytes: number;
  readonly headBytes = 0;
  readonly tailBytes = 1;
  readonly #strip: boolean;
  readonly #manyLines: boolean;

  constructor(maxBytes: number, strip: boolean, manyLines: boolean) {
    this.maxBytes = maxBytes;
    this.#strip = strip;
    this.#manyLines = manyLines;
  }

  writeHead(): void {}

  writeTail(target: Uint8Array, offset: number): void {
    target[offset] = lineFeed;
  }

  check(message: Uint8Array): void {
    if (this.#manyLines) return;
    const at = message.indexOf(lineFeed);
    if (at >= 0) {
      throw new TransportError("invalid-request", `Cannot send message as a line: it has a line feed at byte ${at}`);
    }
  }

  decoder(): FrameDecoder {
    return new NewlineDecoder(this.maxBytes, this.#strip);
  }
}

class NewlineDecoder implements FrameDecoder {
  messageStart = 0;
  messageEnd = 0;
  frameEnd = 0;
  needed = 1;
  readonly #maxBytes: number;
  readonly #strip: boolean;
  /** Bytes from the start of the line that were searched already, so that a slow line is not searched again and again. */
  #searched = 0;

  constructor(maxBytes: number, strip: boolean) {
    this.#maxBytes = maxBytes;
    this.#strip = strip;
  }

  next(bytes: Uint8Array, start: number, end: number): boolean {
    const from = start + this.#searched;
    const found = bytes.subarray(from, end).indexOf(lineFeed);
    const at = found < 0 ? -1 : from + found;
    const length = (at < 0 ? end : at) - start;
    const last = start + length - 1;
    // A carriage return may still turn out to belong to the line's end.
    const stripped = this.#strip && length > 0 && bytes[last] === carriageReturn ? length - 1 : length;
    if (stripped > this.#maxBytes) {
      throw new TransportError(
        "message-too-large",
        `Line refused: it has ${stripped} bytes or more, ${this.#maxBytes} are allowed`,
        { details: { maxBytes: this.#maxBytes } },
      );
    }
    if (at < 0) {
      refuseLengthPrefix(bytes, start, end);
      this.#searched = length;
      // How long the line will be is not known: room for twice as much keeps the copying linear.
      this.needed = Math.min(2 * length, Math.max(length, this.#maxBytes)) + 1;
      return false;
    }
    this.#searched = 0;
    this.messageStart = start;
    this.messageEnd = start + stripped;
    this.frameEnd = at + 1;
    return true;
  }
}

/** What begins as the hello of mux() behind a length has no line feed to wait for: the two ends mark off differently. */
function refuseLengthPrefix(bytes: Uint8Array, start: number, end: number): void {
  if (bytes[start] !== 0 || !(isMuxHello(bytes, start + 4, end) || isMuxHello(bytes, start + 2, end))) return;
  const why = "Line refused: the bytes look like a hello of mux() behind its length: does the peer use lengthPrefix()?";
  throw new TransportError("protocol", why, { processed: "no" });
}
