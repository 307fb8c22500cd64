/**
 * Reads header blocks (RFC 7541).
 *
 * @module
 */

import { textOfBytes } from "../http1/http1_bytes.ts";
import { DynamicTable, HeaderField, type HeaderList, staticFields } from "./hpack_fields.ts";
import { readHuffman } from "./huffman.ts";
import { errorCode } from "./http2_codes.ts";
import { http2Error } from "./http2_errors.ts";

/** Numbers are refused from here on: nothing in a block is that large. */
const maxInteger = 0x0fff_ffff;

/** How often a block may change the size of the table: down to the smallest, and up to the last. */
const maxResizes = 2;

/** Texts of up to this many bytes are made of their characters: a decoder of the platform costs more to call. */
const shortText = 24;

/** Reads the header blocks of one connection, in order. */
export class HpackDecoder {
  readonly #table: DynamicTable;
  readonly #maxTableBytes: number;
  #scratch = new Uint8Array(256);
  #bytes: Uint8Array = this.#scratch;
  #at = 0;
  #end = 0;

  /** `maxTableBytes` is the size of the table that the peer was told. */
  constructor(maxTableBytes = 4096) {
    this.#maxTableBytes = maxTableBytes;
    this.#table = new DynamicTable(maxTableBytes);
  }

  /** As long as it stays, the same block means the same. */
  get version(): number {
    return this.#table.version;
  }

  /**
   * Reads a block to its end. What the list does not take is read all the same:
   * the table must know it.
   *
   * Throws `protocol`, for the connection.
   */
  read(bytes: Uint8Array, start: number, end: number, list: HeaderList): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    let resizes = 0;
    let begun = false;
    while (this.#at < end) {
      const first = bytes[this.#at];
      if ((first & 0xe0) === 0x20) {
        if (begun) throw refused("a new table size behind a field");
        if (++resizes > maxResizes) throw refused(`more than ${maxResizes} new table sizes`);
        const size = this.#integer(5);
        if (size > this.#maxTableBytes) throw refused(`a table of ${size} bytes, ${this.#maxTableBytes} are allowed`);
        this.#table.resize(size);
        continue;
      }
      begun = true;
      if (first >= 0x80) {
        list.add(this.#fieldAt(this.#integer(7)));
      } else if (first >= 0x40) {
        const field = this.#literal(6);
        this.#table.add(field);
        list.add(field);
      } else {
        list.add(this.#literal(4));
      }
    }
    // Not to be kept alive by a connection that idles.
    this.#bytes = this.#scratch;
  }

  #fieldAt(index: number): HeaderField {
    const count = staticFields.length;
    const field = index <= count ? staticFields[index - 1] : this.#table.at(index - count - 1);
    if (field === undefined) throw refused(`number ${index} of a table of ${count + this.#table.length} fields`);
    return field;
  }

  #literal(prefix: number): HeaderField {
    const index = this.#integer(prefix);
    const name = index === 0 ? this.#text() : this.#fieldAt(index).name;
    return new HeaderField(name, this.#text());
  }

  #integer(prefix: number): number {
    const mask = (1 << prefix) - 1;
    const bytes = this.#bytes;
    let value = bytes[this.#at++] & mask;
    if (value < mask) return value;
    for (let shift = 0;; shift += 7) {
      if (this.#at === this.#end) throw refused("an unfinished number");
      const byte = bytes[this.#at++];
      // Leading zeros are no reason to read for ever.
      if (shift > 21) throw refused("a number of too many bytes");
      value += (byte & 0x7f) << shift;
      if (value > maxInteger) throw refused("a number that is too large");
      if (byte < 0x80) return value;
    }
  }

  #text(): string {
    if (this.#at === this.#end) throw refused("an unfinished field");
    const coded = this.#bytes[this.#at] >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) throw refused("an unfinished text");
    this.#at = end;
    if (!coded) return textOf(this.#bytes, start, end);
    if (this.#scratch.length < length * 2) this.#scratch = new Uint8Array(length * 2);
    const decoded = readHuffman(this.#bytes, start, end, this.#scratch);
    return textOf(this.#scratch, 0, decoded);
  }
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= shortText) return String.fromCharCode(...bytes.subarray(start, end));
  let bits = 0;
  for (let i = start; i < end; i++) bits |= bytes[i];
  return textOfBytes(bytes, start, end, bits < 0x80);
}

function refused(why: string): Error {
  return http2Error(errorCode.compressionError, `${why} in a header block`);
}
