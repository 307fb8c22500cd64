/**
 * Writes header blocks (RFC 7541).
 *
 * @module
 */

import { DynamicTable, HeaderField, type OnEvicted, staticFields } from "./hpack_fields.ts";
import { huffmanLength, writeHuffman } from "./huffman.ts";

/** Fields that no table may have, here or at a proxy: a table can be probed for what is in it (section 7.1.3). */
const secret: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "x-api-key",
]);

/** Fields that hardly have the same value twice: in a table they would push out those that do. */
const changing: ReadonlySet<string> = new Set(
  (":path age content-length content-range date etag if-match if-modified-since if-none-match if-range " +
    "if-unmodified-since last-modified location range traceparent tracestate x-request-id").split(" "),
);

/** What goes into a block as a literal, and how (section 6.2): in the first byte, with the prefix for the name. */
const indexed = { first: 0x40, prefix: 6 };
const unindexed = { first: 0x00, prefix: 4 };
const neverIndexed = { first: 0x10, prefix: 4 };

/** Names that are remembered; those of a program are fewer. */
const maxNames = 512;

/** After so many values in a row that were new, a field is taken for one that changes. */
const maxMisses = 8;

/** What is known of a name. */
interface NameEntry {
  readonly kind: typeof indexed;
  /** Its first number in the static table, 0 for none. */
  readonly staticIndex: number;
  /** Numbers of its values in the static table. */
  readonly staticValues: ReadonlyMap<string, number> | undefined;
  /** Its values in the dynamic table, and as which one since the beginning each came in. */
  readonly added: Map<string, number>;
  /** The last value that was written as a literal that leaves the table alone, and its bytes. */
  lastValue: string | undefined;
  /** How many values in a row were none of those in the table. */
  misses: number;
  lastBytes: Uint8Array | undefined;
}

/** Says what can't be sent, by throwing. Called once for a value that is then remembered. */
export type CheckField = (name: string, value: string) => void;

/** Writes the header blocks of one connection, in order: each must be sent. */
export class HpackEncoder {
  readonly #check: CheckField | undefined;
  readonly #table: DynamicTable;
  readonly #maxTableBytes: number;
  readonly #names = new Map<string, NameEntry>();
  readonly #onEvicted: OnEvicted;
  #bytes = new Uint8Array(1024);
  #at = 0;
  /** Sizes of the table to be told, in order. */
  #resizes: number[] = [];

  /** A name is in lower case, and a character of name and value stands for a byte; `check` sees to that, or the caller. */
  constructor(check?: CheckField, maxTableBytes = 4096) {
    this.#check = check;
    this.#maxTableBytes = maxTableBytes;
    this.#onEvicted = ({ name, value }) => {
      this.#names.get(name)?.added.delete(value);
    };
    this.#table = new DynamicTable(Math.min(maxTableBytes, 4096), this.#onEvicted);
  }

  /** The peer allows a table of so many bytes; `least` is the smallest that it has allowed in between. */
  limitTable(bytes: number, least: number = bytes): void {
    const size = Math.min(bytes, this.#maxTableBytes);
    const low = Math.min(least, size);
    if (low >= this.#table.maxBytes && size === this.#table.maxBytes) return;
    for (const step of low < size ? [low, size] : [size]) {
      this.#table.resize(step);
      this.#resizes.push(step);
    }
    // Only the smallest and the last one matter.
    if (this.#resizes.length > 2) this.#resizes = [Math.min(...this.#resizes), size];
  }

  /** Begins a block. */
  begin(): void {
    this.#at = 0;
    if (this.#resizes.length === 0) return;
    for (const size of this.#resizes) {
      this.#room(8);
      this.#integer(0x20, 5, size);
    }
    this.#resizes = [];
  }

  /** Adds a field. Throws what the check throws: the block is to be given up then, by {@linkcode HpackEncoder.giveUp}. */
  add(name: string, value: string): void {
    const entry = this.#names.get(name) ?? this.#learn(name);
    if (value === entry.lastValue) return this.#copy(entry.lastBytes!);
    if (entry.kind === indexed) {
      const added = entry.added.get(value);
      if (added !== undefined) {
        entry.misses = 0;
        this.#room(8);
        return this.#integer(0x80, 7, staticFields.length + this.#table.added - added);
      }
    }
    const index = entry.staticValues?.get(value);
    if (index !== undefined) {
      this.#room(8);
      return this.#integer(0x80, 7, index);
    }
    this.#check?.(name, value);
    this.#literal(entry, name, value);
  }

  /** The block, valid until the next one is begun. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A block that was begun won't be sent: what it told the peer's table is told again, by emptying it. */
  giveUp(): void {
    const { maxBytes } = this.#table;
    this.#table.resize(0);
    this.#table.resize(maxBytes);
    this.#resizes = [0, maxBytes];
  }

  #literal(entry: NameEntry, name: string, value: string): void {
    const { staticIndex } = entry;
    // One large field would push out all the others.
    const large = (name.length + value.length) * 4 > this.#table.maxBytes;
    const kind = entry.kind === indexed && (large || ++entry.misses > maxMisses) ? unindexed : entry.kind;
    const start = this.#at;
    this.#room(name.length + value.length + 24);
    this.#integer(kind.first, kind.prefix, staticIndex);
    if (staticIndex === 0) this.#text(name);
    this.#text(value);
    if (kind !== indexed) {
      if (large) return;
      entry.lastBytes = this.#bytes.slice(start, this.#at);
      entry.lastValue = value;
      return;
    }
    if (this.#table.add(new HeaderField(name, value))) entry.added.set(value, this.#table.added - 1);
  }

  #learn(name: string): NameEntry {
    const known = staticByName.get(name);
    const isSecret = secret.has(name);
    const remembered = this.#names.size < maxNames;
    const plain = changing.has(name) || name.startsWith("meta-") || !remembered;
    const entry: NameEntry = {
      kind: isSecret ? neverIndexed : plain ? unindexed : indexed,
      staticIndex: known?.index ?? 0,
      staticValues: known?.values,
      added: new Map(),
      lastValue: undefined,
      misses: 0,
      lastBytes: undefined,
    };
    if (remembered) this.#names.set(name, entry);
    return entry;
  }

  #copy(bytes: Uint8Array): void {
    this.#room(bytes.length);
    const target = this.#bytes;
    let at = this.#at;
    if (bytes.length > 64) {
      target.set(bytes, at);
      at += bytes.length;
    } else {
      for (let i = 0; i < bytes.length; i++) target[at++] = bytes[i];
    }
    this.#at = at;
  }

  #room(byteLength: number): void {
    const wanted = this.#at + byteLength;
    if (wanted <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }

  #integer(first: number, prefix: number, value: number): void {
    const mask = (1 << prefix) - 1;
    const bytes = this.#bytes;
    if (value < mask) {
      bytes[this.#at++] = first | value;
      return;
    }
    bytes[this.#at++] = first | mask;
    value -= mask;
    while (value >= 0x80) {
      bytes[this.#at++] = value & 0x7f | 0x80;
      value >>>= 7;
    }
    bytes[this.#at++] = value;
  }

  #text(text: string): void {
    const coded = huffmanLength(text);
    if (coded < text.length) {
      this.#integer(0x80, 7, coded);
      this.#at = writeHuffman(this.#bytes, this.#at, text);
      return;
    }
    this.#integer(0x00, 7, text.length);
    for (let i = 0; i < text.length; i++) this.#bytes[this.#at++] = text.charCodeAt(i);
  }
}

/** Names of the static table: the first number of each, and the numbers of its values. */
const staticByName = new Map<string, { index: number; values: Map<string, number> | undefined }>();
staticFields.forEach(({ name, value }, position) => {
  const known = staticByName.get(name) ?? { index: position + 1, values: undefined };
  if (value !== "") (known.values ??= new Map()).set(value, position + 1);
  staticByName.set(name, known);
});
