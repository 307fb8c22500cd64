/**
 * Validating kept responses, and what writes make of them, as pure functions
 * (RFC 9111, sections 4.3 and 4.4).
 *
 * @module
 */

import { dateOf } from "./http_cache_rules.ts";

/** Fields of a connection, not of a response (RFC 9111, section 3.1). */
const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Fields that say what the kept body is; a 304 has none of it. */
const ofBody = new Set(["content-length", "content-encoding", "content-type", "content-range"]);

/** The fields by which a request is conditional. */
export const conditions: readonly string[] = [
  "if-none-match",
  "if-modified-since",
  "if-match",
  "if-unmodified-since",
  "if-range",
];

/** The fields of a response that may be kept. */
export function keptFields(headers: Headers): Headers {
  const kept = new Headers(headers);
  for (const name of headers.get("connection")?.split(",") ?? []) {
    // What is no name of a field can't be one that is there.
    if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name.trim())) kept.delete(name.trim());
  }
  for (const name of hopByHop) kept.delete(name);
  return kept;
}

/** The fields of a request that asks whether a kept response still holds; undefined where it has no validator. */
export function validating(request: Headers, kept: Headers): Headers | undefined {
  const etag = kept.get("etag");
  const modified = kept.get("last-modified");
  if (etag === null && modified === null) return undefined;
  const fields = new Headers(request);
  if (etag !== null) fields.set("if-none-match", etag);
  if (modified !== null) fields.set("if-modified-since", modified);
  return fields;
}

/** Whether a 304 means the kept response: it names the same validators, as far as it names any. */
export function meansKept(notModified: Headers, kept: Headers): boolean {
  const etag = notModified.get("etag");
  if (etag !== null) return weak(etag) === weak(kept.get("etag") ?? "");
  const modified = notModified.get("last-modified");
  return modified === null || modified === kept.get("last-modified");
}

/** The fields of a kept response after a 304 has renewed them (RFC 9111, section 3.2). */
export function renewed(kept: Headers, notModified: Headers): Headers {
  const fields = new Headers(kept);
  // What was on its way has no age of before.
  fields.delete("age");
  const given = keptFields(notModified);
  for (const name of new Set(given.keys())) {
    if (ofBody.has(name)) continue;
    fields.delete(name);
    for (const value of name === "set-cookie" ? given.getSetCookie() : [given.get(name)!]) fields.append(name, value);
  }
  return fields;
}

/** Whether a request that came with conditions has what is kept already, so that a 304 answers it. */
export function hasAlready(request: Headers, kept: Headers): boolean {
  const wanted = request.get("if-none-match");
  if (wanted !== null) {
    const etag = kept.get("etag");
    if (wanted.trim() === "*") return true;
    return etag !== null && (wanted.match(/(?:W\/)?"[^"]*"/g) ?? []).some((one) => weak(one) === weak(etag));
  }
  const since = dateOf(request, "if-modified-since");
  const modified = dateOf(kept, "last-modified") ?? dateOf(kept, "date");
  return since !== undefined && modified !== undefined && modified <= since;
}

/** A validator without the mark that it is weak: caches compare them so. */
function weak(etag: string): string {
  return etag.startsWith("W/") ? etag.slice(2) : etag;
}

/** The methods that change nothing (RFC 9110, section 9.2.1). */
const safe = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Which addresses a response makes invalid: those that a write may have changed (RFC 9111, section 4.4). */
export function madeInvalid(method: string, url: string, status: number, headers: Headers): string[] {
  if (safe.has(method) || status < 200 || status >= 400) return [];
  const target = new URL(url);
  target.hash = "";
  const urls = [target.href];
  for (const name of ["location", "content-location"]) {
    const field = headers.get(name);
    if (field === null || !URL.canParse(field, target)) continue;
    const other = new URL(field, target);
    other.hash = "";
    // Nobody may throw out what belongs to another origin.
    if (other.origin === target.origin) urls.push(other.href);
  }
  return urls;
}
