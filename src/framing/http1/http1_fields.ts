/**
 * The fields of an HTTP message: cheap to make, in the order of the wire.
 *
 * @module
 */

import { space, tab } from "./http1_bytes.ts";

/**
 * Field lines as they stood in the message. Names are in lower case, here and
 * in every call; values are texts of a character for each byte (ISO 8859-1), as
 * in the platform's `Headers`.
 */
export class HttpFields implements Iterable<[string, string]> {
  readonly #names: string[];
  readonly #values: string[];

  /** Takes the two lists over. The names must be in lower case. */
  constructor(names: string[] = [], values: string[] = []) {
    this.#names = names;
    this.#values = values;
  }

  /** How many lines there are. */
  get size(): number {
    return this.#names.length;
  }

  /** The name of a line. */
  nameAt(index: number): string {
    return this.#names[index];
  }

  /** The value of a line. */
  valueAt(index: number): string {
    return this.#values[index];
  }

  /** Whether there is a line of that name. */
  has(name: string): boolean {
    return this.#names.includes(name);
  }

  /** The value of a field; those of several lines are joined by `", "` (RFC 9110 section 5.3). */
  get(name: string): string | undefined {
    const names = this.#names;
    let value: string | undefined;
    for (let i = 0; i < names.length; i++) {
      if (names[i] === name) value = value === undefined ? this.#values[i] : `${value}, ${this.#values[i]}`;
    }
    return value;
  }

  /** The values of all lines of that name: what `set-cookie` needs. */
  getAll(name: string): string[] {
    return this.#values.filter((_, index) => this.#names[index] === name);
  }

  /**
   * Whether a field that is a list of tokens, like `connection` or `upgrade`,
   * has the token, in any case. `token` is in lower case.
   */
  hasToken(name: string, token: string): boolean {
    const names = this.#names;
    for (let i = 0; i < names.length; i++) {
      if (names[i] !== name) continue;
      const value = this.#values[i];
      if (value === token || (value.length >= token.length && tokensOf(value).includes(token))) return true;
    }
    return false;
  }

  /** The members of a field that is a list of tokens, in lower case. A comma in a quoted text separates all the same. */
  tokens(name: string): string[] {
    return this.#names.flatMap((each, index) => each === name ? tokensOf(this.#values[index]) : []);
  }

  /** Adds a line. `name` is in lower case; neither is checked before the fields are written. */
  append(name: string, value: string): void {
    this.#names.push(name);
    this.#values.push(value);
  }

  /** The lines as pairs of name and value. */
  *[Symbol.iterator](): IterableIterator<[string, string]> {
    for (let i = 0; i < this.#names.length; i++) yield [this.#names[i], this.#values[i]];
  }
}

function tokensOf(value: string): string[] {
  const tokens: string[] = [];
  for (const member of value.toLowerCase().split(",")) {
    let start = 0;
    let end = member.length;
    // By hand: trim() would take a non-breaking space off as well, and a pattern takes quadratic time.
    while (start < end && isBlank(member.charCodeAt(start))) start++;
    while (end > start && isBlank(member.charCodeAt(end - 1))) end--;
    if (end > start) tokens.push(member.slice(start, end));
  }
  return tokens;
}

function isBlank(code: number): boolean {
  return code === space || code === tab;
}
