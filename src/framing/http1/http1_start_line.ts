/**
 * The first line of a head: request lines and status lines, and the forms that
 * a request target may have (RFC 9112 sections 3 and 4).
 *
 * @module
 */

import { colon, hexDigits, hostBytes, space, targetBytes, tokenBytes } from "./http1_bytes.ts";
import { type Http1Side, nameOf, refusal } from "./http1_errors.ts";

/** How a request says what it is for (RFC 9112 section 3.2). */
export type TargetForm = "origin" | "absolute" | "authority" | "asterisk";

/** A request target, taken apart. */
export interface RequestTarget {
  /** Its form. */
  readonly form: TargetForm;
  /** Host and port where the target says them. */
  readonly authority: string | undefined;
  /** The path and the query: begins with a slash, `*` in asterisk form, empty in authority form. */
  readonly path: string;
}

const slash = 0x2f;
const version = "HTTP/1.";

/**
 * Where the parts of a request line are, counted from the start of the head,
 * and the minor version.
 */
export interface RequestLine {
  readonly methodEnd: number;
  readonly targetEnd: number;
  readonly minor: 0 | 1;
}

/** Reads the request line in `bytes[from..to)`, whose head begins at `start`. Throws `protocol`. */
export function readRequestLine(bytes: Uint8Array, start: number, from: number, to: number): RequestLine {
  let at = from;
  while (at < to && tokenBytes[bytes[at]] !== 0) at++;
  if (at === from) {
    throw bad(from === to ? "an empty line before the request line" : "no method", at - start);
  }
  const methodEnd = at;
  if (at === to) throw bad("a request line without a target", at - start);
  if (bytes[at] !== space) throw bad(`${nameOf(bytes[at])} in the method`, at - start);
  const targetStart = ++at;
  while (at < to && targetBytes[bytes[at]] !== 0) at++;
  if (at === targetStart) throw bad("no request target", at - start);
  if (at === to) throw bad("a request line without a version", at - start);
  if (bytes[at] !== space) throw bad(`${nameOf(bytes[at])} in the request target`, at - start);
  return {
    methodEnd: methodEnd - start,
    targetEnd: at - start,
    minor: readVersion("request", bytes, start, at + 1, to),
  };
}

/** Reads the status line in `bytes[start..to)`. The reason begins 13 bytes into it. Throws `protocol`. */
export function readStatusLine(bytes: Uint8Array, start: number, to: number): { status: number; minor: 0 | 1 } {
  const versionEnd = start + version.length + 1;
  const minor = readVersion("response", bytes, start, start, Math.min(versionEnd, to));
  let status = 0;
  for (let at = versionEnd + 1; at < versionEnd + 4; at++) {
    const digit = at < to ? bytes[at] - 0x30 : -1;
    if (!(digit >= 0 && digit <= 9)) {
      throw refusal("response", "head", 400, "a status that is not three digits", versionEnd + 1 - start);
    }
    status = status * 10 + digit;
  }
  const statusEnd = versionEnd + 4;
  // A line that ends with the status lacks a space by the letter; servers send it, and nothing can be read into it.
  if (bytes[versionEnd] !== space || (statusEnd < to && bytes[statusEnd] !== space)) {
    throw refusal("response", "head", 400, "a malformed status line", versionEnd - start);
  }
  if (status < 100) throw refusal("response", "head", 400, `the status ${status}`);
  return { status, minor };
}

function readVersion(side: Http1Side, bytes: Uint8Array, start: number, from: number, to: number): 0 | 1 {
  let same = 0;
  while (same < version.length && from + same < to && bytes[from + same] === version.charCodeAt(same)) same++;
  const major = bytes[from + 5] - 0x30;
  const minor = bytes[from + 7] - 0x30;
  const shaped = to - from === version.length + 1 && same >= 5 && bytes[from + 6] === 0x2e && major >= 0 &&
    major <= 9 && minor >= 0 && minor <= 9;
  if (!shaped) {
    const why = side === "request" ? "a malformed version or a space too many" : "a malformed version";
    throw refusal(side, "head", 400, why, from - start);
  }
  if (major !== 1) throw refusal(side, "head", 505, `version ${major}.${minor} of HTTP`, from - start);
  // A later minor version is read as the latest that is known (RFC 9110 section 2.5).
  return minor === 0 ? 0 : 1;
}

/** Takes a request target apart. Returns undefined for one that is not allowed with the method. */
export function parseTarget(method: string, target: string): RequestTarget | undefined {
  if (method === "CONNECT") {
    return isAuthority(target, true) ? { form: "authority", authority: target, path: "" } : undefined;
  }
  if (target.charCodeAt(0) === slash) return { form: "origin", authority: undefined, path: target };
  if (target === "*") {
    return method === "OPTIONS" ? { form: "asterisk", authority: undefined, path: "*" } : undefined;
  }
  const scheme = /^https?:\/\//i.exec(target);
  if (scheme === null) return undefined;
  const from = scheme[0].length;
  const found = target.slice(from).search(/[/?]/);
  const end = found < 0 ? target.length : from + found;
  const authority = target.slice(from, end);
  if (!isAuthority(authority, false)) return undefined;
  const rest = target.slice(end);
  // An OPTIONS for a whole server has no path at all (RFC 9112 section 3.2.4).
  const path = rest === "" && method === "OPTIONS" ? "*" : rest.charCodeAt(0) === slash ? rest : `/${rest}`;
  return { form: "absolute", authority, path };
}

/** Whether a text is a host name or address with a port, as in a Host field (RFC 9110 section 7.2). */
export function isAuthority(text: string, needsPort: boolean): boolean {
  let at = 0;
  if (text.charCodeAt(0) === 0x5b) {
    at = text.indexOf("]") + 1;
    if (at < 4) return false;
    for (let i = 1; i < at - 1; i++) {
      const code = text.charCodeAt(i);
      if (code !== colon && code !== 0x2e && !(hexDigits[code] > 0)) return false;
    }
  } else {
    for (; at < text.length && hostBytes[text.charCodeAt(at)] > 0; at++) {
      const escape = text.charCodeAt(at) === 0x25;
      if (escape && !(hexDigits[text.charCodeAt(at + 1)] > 0 && hexDigits[text.charCodeAt(at + 2)] > 0)) return false;
    }
    if (at === 0) return false;
  }
  if (at === text.length) return !needsPort;
  if (text.charCodeAt(at) !== colon) return false;
  const digits = text.length - at - 1;
  let port = 0;
  for (let i = at + 1; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return false;
    port = port * 10 + digit;
  }
  return digits <= 5 && port <= 65_535 && (digits > 0 || !needsPort);
}

function bad(why: string, byte: number): Error {
  return refusal("request", "head", 400, why, byte);
}
