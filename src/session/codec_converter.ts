/**
 * Converting values to bytes and back, and counting it.
 *
 * @module
 */

import { discardReply } from "../core/completion.ts";
import { TransportError } from "../core/errors.ts";
import { counted, type Figure } from "../core/figures.ts";
import { mapStreamed, Streamed } from "../core/streamed.ts";
import { textOf } from "../core/thrown.ts";
import type { Codec } from "./codec.ts";

/** Bytes, with or without a stream. */
export type Bytes = Uint8Array | Streamed<Uint8Array>;

/** What was converted: heads and items alike. */
export interface CodecCounts {
  encoded: number;
  encodedBytes: number;
  decoded: number;
  decodedBytes: number;
  refused: number;
}

/** The figures of what was converted. */
export function codecFigures({ encoded, encodedBytes, decoded, decodedBytes, refused }: CodecCounts): Figure[] {
  return [
    counted("encoded", encoded),
    counted("bytes encoded", encodedBytes, "By"),
    counted("decoded", decoded),
    counted("bytes decoded", decodedBytes, "By"),
    counted("refused", refused),
  ];
}

/** Makes bytes of values and values of bytes, and of streams the same. */
export class Converter<T, Item> {
  readonly #counts: CodecCounts;
  readonly #codec: Codec<T>;
  readonly #code: ConversionCode;
  readonly #encodeItem: (item: Item) => Uint8Array;
  readonly #decodeItem: (bytes: Uint8Array) => Item;

  constructor(codec: Codec<T>, items: Codec<Item> | undefined, code: ConversionCode, counts: CodecCounts) {
    this.#counts = counts;
    this.#codec = codec;
    this.#code = code;
    const itemCodec = items ?? codec as unknown as Codec<Item>;
    this.#encodeItem = (item) => converted(itemCodec, "encode", item, code, counts) as Uint8Array;
    this.#decodeItem = (bytes) => converted(itemCodec, "decode", bytes, code, counts) as Item;
  }

  encode(value: T | Streamed<T, Item>): Bytes {
    if (!(value instanceof Streamed)) {
      return converted(this.#codec, "encode", value, this.#code, this.#counts) as Uint8Array;
    }
    try {
      return mapStreamed(
        value,
        converted(this.#codec, "encode", value.head, this.#code, this.#counts) as Uint8Array,
        this.#encodeItem,
      );
    } catch (error) {
      // A request that was not sent is its caller's still; nobody else will let go of a reply.
      if (this.#code === "invalid-reply") discardReply(value);
      throw error;
    }
  }

  decode(bytes: Bytes): T | Streamed<T, Item> {
    if (!(bytes instanceof Streamed)) {
      return converted(this.#codec, "decode", bytes, this.#code, this.#counts) as T;
    }
    try {
      const head = converted(this.#codec, "decode", bytes.head, this.#code, this.#counts) as T;
      return mapStreamed(bytes, head, this.#decodeItem);
    } catch (error) {
      discardReply(bytes);
      throw error;
    }
  }
}

type ConversionCode = "invalid-request" | "invalid-reply";

function converted<T>(
  codec: Codec<T>,
  way: "encode" | "decode",
  value: T | Uint8Array,
  code: ConversionCode,
  counts: CodecCounts,
): T | Uint8Array {
  try {
    if (way === "encode") {
      const bytes = codec.encode(value as T);
      counts.encoded++;
      counts.encodedBytes += bytes.length;
      return bytes;
    }
    const decoded = codec.decode(value as Uint8Array);
    counts.decoded++;
    counts.decodedBytes += (value as Uint8Array).length;
    return decoded;
  } catch (error) {
    counts.refused++;
    const what = code === "invalid-request" ? "request" : "reply";
    throw new TransportError(code, `Cannot convert ${what}: ${textOf(error)}`, { cause: error });
  }
}
