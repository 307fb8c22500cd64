/**
 * Reading the Cache-Control field (RFC 9111, section 5.2).
 *
 * @module
 */

/** Directives by their names in lower case; `true` where one has no value. */
export type Directives = ReadonlyMap<string, string | true>;

/** More than any time that makes sense, in seconds: what a larger number is taken for (RFC 9111, section 1.2.2). */
const maxSeconds = 2 ** 31;

const directive = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?/g;

/** The directives of a field. Of one that stands there twice the first holds. */
export function directivesOf(headers: Headers): Directives {
  const found = new Map<string, string | true>();
  const field = headers.get("cache-control");
  if (field === null) {
    // What HTTP/1.0 says for it in a request (RFC 9111, section 5.4).
    if (headers.get("pragma")?.toLowerCase().includes("no-cache")) found.set("no-cache", true);
    return found;
  }
  for (const [, name, quoted, plain] of field.matchAll(directive)) {
    const key = name.toLowerCase();
    if (!found.has(key)) found.set(key, quoted?.replace(/\\(.)/g, "$1") ?? plain ?? true);
  }
  return found;
}

/**
 * The time of a directive in milliseconds: undefined where there is none, 0
 * where it is not a whole number, so that what can't be read is not fresh.
 */
export function timeOf(directives: Directives, name: string): number | undefined {
  const value = directives.get(name);
  if (value === undefined) return undefined;
  if (value === true || !/^\d+$/.test(value)) return 0;
  return Math.min(Number(value), maxSeconds) * 1000;
}
