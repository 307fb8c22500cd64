/**
 * Fields of header blocks, and the tables that they are in (RFC 7541).
 *
 * @module
 */

/** A field as it is in a table or a block. A character of name and value stands for each byte. */
export class HeaderField {
  /** The name. */
  readonly name: string;
  /** The value. */
  readonly value: string;
  /** What is wrong with it by the rules of HTTP, null for nothing; undefined where nobody has looked. */
  fault: string | null | undefined = undefined;

  /** Makes one. */
  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
  }

  /** What it counts for in a table and in a list (RFC 7541 section 4.1). */
  get size(): number {
    return this.name.length + this.value.length + 32;
  }
}

const listed =
  ":authority\n:method|GET\n:method|POST\n:path|/\n:path|/index.html\n:scheme|http\n:scheme|https\n:status|200\n" +
  ":status|204\n:status|206\n:status|304\n:status|400\n:status|404\n:status|500\naccept-charset\n" +
  "accept-encoding|gzip, deflate\naccept-language\naccept-ranges\naccept\naccess-control-allow-origin\nage\nallow\n" +
  "authorization\ncache-control\ncontent-disposition\ncontent-encoding\ncontent-language\ncontent-length\n" +
  "content-location\ncontent-range\ncontent-type\ncookie\ndate\netag\nexpect\nexpires\nfrom\nhost\nif-match\n" +
  "if-modified-since\nif-none-match\nif-range\nif-unmodified-since\nlast-modified\nlink\nlocation\nmax-forwards\n" +
  "proxy-authenticate\nproxy-authorization\nrange\nreferer\nrefresh\nretry-after\nserver\nset-cookie\n" +
  "strict-transport-security\ntransfer-encoding\nuser-agent\nvary\nvia\nwww-authenticate";

/** The static table (RFC 7541 appendix A). The first is number 1. */
export const staticFields: readonly HeaderField[] = listed.split("\n").map((line) => {
  const [name, value = ""] = line.split("|");
  return new HeaderField(name, value);
});

/** Hears of a field that leaves a table. */
export type OnEvicted = (field: HeaderField) => void;

/** A dynamic table: what came in first is the first to go. */
export class DynamicTable {
  /** What its fields count for, in bytes. */
  bytes = 0;
  /** How many fields were ever added. */
  added = 0;
  /** Another one after each change: as long as it stays, a number means the same field. */
  version = 0;
  /** The most that its fields may count for, in bytes. */
  maxBytes: number;
  /** In the order of their coming; those before `#first` have gone. */
  #fields: HeaderField[] = [];
  #first = 0;
  readonly #onEvicted: OnEvicted | undefined;

  /** An empty table. */
  constructor(maxBytes: number, onEvicted?: OnEvicted) {
    this.maxBytes = maxBytes;
    this.#onEvicted = onEvicted;
  }

  /** How many fields there are. */
  get length(): number {
    return this.#fields.length - this.#first;
  }

  /** A field by its age, the newest one first; undefined where there is none. */
  at(age: number): HeaderField | undefined {
    const index = this.#fields.length - 1 - age;
    return index < this.#first ? undefined : this.#fields[index];
  }

  /** Adds a field, for which others may have to go. One that is larger than the table empties it; returns false then. */
  add(field: HeaderField): boolean {
    const { size } = field;
    this.version++;
    this.#evict(this.maxBytes - size);
    if (size > this.maxBytes) return false;
    this.#fields.push(field);
    this.bytes += size;
    this.added++;
    return true;
  }

  /** Changes its size. */
  resize(maxBytes: number): void {
    this.version++;
    this.maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  #evict(maxBytes: number): void {
    const fields = this.#fields;
    while (this.bytes > maxBytes && this.#first < fields.length) {
      const field = fields[this.#first++];
      this.bytes -= field.size;
      this.#onEvicted?.(field);
    }
    // Those that have gone are let go of, a table's worth at a time.
    if (this.#first > 64 && this.#first * 2 > fields.length) {
      this.#fields = fields.slice(this.#first);
      this.#first = 0;
    }
  }
}

/** The fields of one header block, up to a limit. */
export class HeaderList {
  /** The fields. */
  readonly fields: HeaderField[] = [];
  /** What was over the limit, in words. Fields behind it are not kept; undefined where nothing was. */
  excess: string | undefined = undefined;
  readonly #maxBytes: number;
  readonly #maxFields: number;
  #bytes = 0;

  /** A list with limits of what its fields count for (RFC 9113 section 6.5.2), and of how many there are. */
  constructor(maxBytes: number, maxFields: number) {
    this.#maxBytes = maxBytes;
    this.#maxFields = maxFields;
  }

  /** Adds a field, unless there are too many. */
  add(field: HeaderField): void {
    if (this.excess !== undefined) return;
    this.#bytes += field.size;
    if (this.#bytes > this.#maxBytes) this.excess = `more than ${this.#maxBytes} bytes of header fields`;
    else if (this.fields.length === this.#maxFields) this.excess = `more than ${this.#maxFields} header fields`;
    else this.fields.push(field);
  }
}
