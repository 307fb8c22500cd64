/**
 * Reads field lines as they arrive: those of a head and those of a trailer
 * section, up to and with the empty line that ends them.
 *
 * @module
 */

import { carriageReturn, colon, lineFeed, space, tab, textBytes, tokenBytes } from "./http1_bytes.ts";
import { type FieldName, findFieldName, onceBits } from "./http1_field_names.ts";
import { HttpFields } from "./http1_fields.ts";
import { type Http1Side, nameOf, refusal } from "./http1_errors.ts";

/** Numbers kept of each line: where its name and its value begin and end. */
const marksPerLine = 4;

/**
 * The field lines of one section. Goes over each byte once, however the bytes
 * arrive; all positions it keeps are counted from the start of the part, since
 * the window may move.
 */
export class FieldLines {
  /** The bits of the field names that were met. */
  seen = 0;
  readonly #side: Http1Side;
  readonly #part: "head" | "trailers";
  readonly #maxFields: number;
  readonly #once: number;
  readonly #marks: number[] = [];
  readonly #names: (FieldName | undefined)[] = [];
  #count = 0;
  #at = 0;
  #lineStart = 0;
  /** Where the name of the unfinished line ends, −1 while that is not known. */
  #nameEnd = -1;
  #kinds = 0;

  constructor(side: Http1Side, part: "head" | "trailers", maxFields: number) {
    this.#side = side;
    this.#part = part;
    this.#maxFields = maxFields;
    this.#once = part === "head" ? onceBits[side] : 0;
  }

  /** Begins a section. Its first line is `offset` bytes from the start of the part. */
  begin(offset: number): void {
    this.seen = 0;
    this.#count = 0;
    this.#at = offset;
    this.#lineStart = offset;
    this.#nameEnd = -1;
    this.#kinds = 0;
  }

  /** Whether every byte of the values is ASCII. */
  get ascii(): boolean {
    return (this.#kinds & 2) === 0;
  }

  /**
   * Reads on in a part that begins at `start`. Returns where the section ends,
   * or −1 where more bytes are needed.
   *
   * Throws `protocol`.
   */
  read(bytes: Uint8Array, start: number, end: number): number {
    let at = start + this.#at;
    for (;;) {
      if (this.#nameEnd < 0) {
        const lineStart = start + this.#lineStart;
        while (at < end && tokenBytes[bytes[at]] !== 0) at++;
        if (at === end) break;
        if (bytes[at] !== colon || at === lineStart) {
          if (bytes[at] !== carriageReturn || at !== lineStart) throw this.#badName(bytes[at], at - start);
          if (at + 1 === end) break;
          if (bytes[at + 1] !== lineFeed) throw this.#bare(carriageReturn, at - start);
          return at + 2;
        }
        this.#name(bytes, start, lineStart, at);
        at++;
      }
      let kinds = this.#kinds;
      let kind = 1;
      while (at < end && (kind = textBytes[bytes[at]]) !== 0) {
        kinds |= kind;
        at++;
      }
      this.#kinds = kinds;
      if (at === end) break;
      if (bytes[at] !== carriageReturn) throw this.#bare(bytes[at], at - start);
      if (at + 1 === end) break;
      if (bytes[at + 1] !== lineFeed) throw this.#bare(carriageReturn, at - start);
      this.#line(bytes, start, at);
      at += 2;
    }
    this.#at = at - start;
    return -1;
  }

  /** The fields. `text` is the part's, a character for each byte; `accepts` may leave out some by their name. */
  take(text: string, accepts?: (name: string) => boolean): HttpFields {
    const names: string[] = [];
    const values: string[] = [];
    const marks = this.#marks;
    for (let i = 0, mark = 0; i < this.#count; i++, mark += marksPerLine) {
      const name = this.#names[i]?.text ?? text.slice(marks[mark], marks[mark + 1]).toLowerCase();
      if (accepts !== undefined && !accepts(name)) continue;
      names.push(name);
      values.push(text.slice(marks[mark + 2], marks[mark + 3]));
    }
    return new HttpFields(names, values);
  }

  #name(bytes: Uint8Array, start: number, from: number, to: number): void {
    if (this.#count === this.#maxFields) {
      const why = `more than ${this.#maxFields} field lines`;
      throw refusal(this.#side, this.#part, 431, why, from - start);
    }
    const name = findFieldName(bytes, from, to);
    if (name !== undefined) {
      if ((name.bit & this.seen & this.#once) !== 0) {
        throw refusal(this.#side, this.#part, 400, `a second ${name.text} field`, from - start);
      }
      this.seen |= name.bit;
    }
    this.#names[this.#count] = name;
    this.#nameEnd = to - start;
  }

  #line(bytes: Uint8Array, start: number, lineEnd: number): void {
    let from = start + this.#nameEnd + 1;
    let to = lineEnd;
    while (from < to && (bytes[from] === space || bytes[from] === tab)) from++;
    while (to > from && (bytes[to - 1] === space || bytes[to - 1] === tab)) to--;
    const marks = this.#marks;
    const mark = marksPerLine * this.#count++;
    marks[mark] = this.#lineStart;
    marks[mark + 1] = this.#nameEnd;
    marks[mark + 2] = from - start;
    marks[mark + 3] = to - start;
    this.#lineStart = lineEnd + 2 - start;
    this.#nameEnd = -1;
  }

  #badName(byte: number, at: number): Error {
    const first = at === this.#lineStart;
    if (byte === lineFeed || byte === carriageReturn) {
      if (byte === carriageReturn) return this.#refused("a field line without a colon", at);
      return this.#bare(byte, at);
    }
    if (first && (byte === space || byte === tab)) return this.#refused("a folded field line", at);
    if (first && byte === colon) return this.#refused("an empty field name", at);
    return this.#refused(`${nameOf(byte)} in a field name`, at);
  }

  #bare(byte: number, at: number): Error {
    const crlf = byte === carriageReturn || byte === lineFeed;
    return this.#refused(crlf ? nameOf(byte) : `${nameOf(byte)} in a field value`, at);
  }

  #refused(why: string, at: number): Error {
    return refusal(this.#side, this.#part, 400, why, at);
  }
}
