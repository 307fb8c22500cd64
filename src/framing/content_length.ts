/**
 * Frames with a head of their own, as the Language Server Protocol has them:
 * `Content-Length: 17`, an empty line, and 17 bytes.
 *
 * @module
 */

import { named } from "../core/describe.ts";
import { integer, readOptions } from "../core/options.ts";
import { ContentLengthDecoder } from "./content_length_decoder.ts";
import type { FrameDecoder, Framing } from "./framing.ts";

/**
 * Options of {@linkcode contentLength}.
 *
 * @example
 * ```ts
 * import { contentLength, type ContentLengthOptions } from "@wireway/wireway";
 * const options: ContentLengthOptions = { maxBytes: 4 * 1024 * 1024 };
 * contentLength(options);
 * ```
 */
export interface ContentLengthOptions {
  /** The largest message, in bytes. @default {16777216} 16 MiB */
  maxBytes?: number;
  /** The longest head of a message with its empty line, in bytes. @default {4096} */
  maxHeadBytes?: number;
}

/**
 * Messages with a head, in the base protocol of the Language Server Protocol:
 * `Content-Length: n\r\n\r\n` and n bytes. Language servers, debug adapters and
 * build servers speak it, most often over {@linkcode stdio}.
 *
 * `Content-Length` must be there once, in whatever case; `Content-Type` may
 * name no charset but UTF-8; other fields are passed over. Both lengths are
 * checked before anything is allocated for them.
 *
 * Errors: `message-too-large` for a message over the limit, sent or received;
 * `protocol` for a head that is none; `invalid-option`.
 *
 * @example Talk to a language server
 * ```ts
 * import { chain, contentLength, jsonRpc, stdio } from "@wireway/wireway";
 * const server = chain(
 *   stdio({ command: { program: "deno", args: ["lsp"] }, framing: contentLength() }),
 *   jsonRpc(),
 * );
 * ```
 */
export function contentLength(options: ContentLengthOptions = {}): Framing {
  const { maxBytes, maxHeadBytes } = readOptions("contentLength()", options, {
    maxBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
    maxHeadBytes: integer(4096, 32, 1024 * 1024),
  });
  return named("contentLength", { maxBytes, maxHeadBytes }, new ContentLength(maxBytes, maxHeadBytes));
}

/** `Content-Length: ` */
const field = Uint8Array.from("Content-Length: ", (letter) => letter.charCodeAt(0));
const zero = 48;

class ContentLength implements Framing {
  readonly maxBytes: number;
  readonly tailBytes = 0;
  /** For the message that was prepared, or else for the largest. */
  headBytes: number;
  readonly #maxHeadBytes: number;

  constructor(maxBytes: number, maxHeadBytes: number) {
    this.maxBytes = maxBytes;
    this.#maxHeadBytes = maxHeadBytes;
    this.headBytes = headBytes(maxBytes);
  }

  prepare(byteLength: number): void {
    this.headBytes = headBytes(byteLength);
  }

  writeHead(target: Uint8Array, offset: number, byteLength: number): void {
    target.set(field, offset);
    let at = offset + headBytes(byteLength);
    target[--at] = 10;
    target[--at] = 13;
    target[--at] = 10;
    target[--at] = 13;
    do {
      target[--at] = zero + byteLength % 10;
      byteLength = Math.floor(byteLength / 10);
    } while (byteLength > 0);
  }

  writeTail(): void {}

  decoder(): FrameDecoder {
    return new ContentLengthDecoder(this.maxBytes, this.#maxHeadBytes);
  }
}

/** How long the head before a message of so many bytes is. */
function headBytes(byteLength: number): number {
  let digits = 1;
  for (let rest = byteLength; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return field.length + digits + 4;
}
