/**
 * The rules of HTTP caching as pure functions: which responses may be kept, for
 * how long they are fresh, and what a request accepts (RFC 9111, RFC 5861).
 *
 * @module
 */

import { type Directives, directivesOf, timeOf } from "./http_cache_control.ts";

/** Statuses whose responses may be kept where nothing says for how long (RFC 9110, section 15.1); 206 is left out. */
const heuristic = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);

/** Statuses whose rules are kept here; `must-understand` allows no others. */
const understood = new Set([...heuristic, 302, 303, 307, 400, 403, 451, 500, 502, 503, 504]);

/** What a rule needs to know of a response that is kept, or might be. */
export interface ResponseFacts {
  readonly status: number;
  readonly headers: Headers;
}

/** Whether a response to a GET may be kept (RFC 9111, section 3). */
export function mayStore(request: Headers, { status, headers }: ResponseFacts, shared: boolean): boolean {
  const response = directivesOf(headers);
  if (status < 200 || status === 206 || status === 304) return false;
  if (directivesOf(request).has("no-store")) return false;
  if (response.has("must-understand")) {
    if (!understood.has(status)) return false;
  } else if (response.has("no-store")) return false;
  if (headers.get("vary")?.includes("*")) return false;
  if (shared) {
    if (response.has("private")) return false;
    // A cookie is set for one: not a rule of the RFC, but what shared caches do.
    if (headers.has("set-cookie")) return false;
    if (request.has("authorization") && !allowsAuthorized(response)) return false;
  }
  const explicit = response.has("public") || response.has("max-age") || headers.has("expires") ||
    (shared ? response.has("s-maxage") : response.has("private"));
  return explicit || heuristic.has(status);
}

/** Whether a response to a request with credentials may be given to others (RFC 9111, section 3.5). */
function allowsAuthorized(response: Directives): boolean {
  return response.has("public") || response.has("s-maxage") || response.has("must-revalidate");
}

/** How long a response is fresh from when it was made, in milliseconds (RFC 9111, section 4.2.1). */
export function freshnessMs({ status, headers }: ResponseFacts, shared: boolean, maxHeuristicMs: number): number {
  const response = directivesOf(headers);
  const said = (shared ? timeOf(response, "s-maxage") : undefined) ?? timeOf(response, "max-age");
  if (said !== undefined) return said;
  const date = dateOf(headers, "date");
  if (headers.has("expires")) {
    const expires = dateOf(headers, "expires");
    // A date that can't be read, such as 0, lies in the past.
    return expires === undefined || date === undefined ? 0 : Math.max(0, expires - date);
  }
  const modified = dateOf(headers, "last-modified");
  if (modified === undefined || date === undefined || !(heuristic.has(status) || response.has("public"))) return 0;
  return Math.min(maxHeuristicMs, Math.max(0, date - modified) / 10);
}

/** How old a response was when it came, in milliseconds (RFC 9111, section 4.2.3). */
export function initialAgeMs(headers: Headers, delayMs: number, cameAt: number): number {
  const apparent = Math.max(0, cameAt - (dateOf(headers, "date") ?? cameAt));
  const field = headers.get("age")?.split(",")[0].trim() ?? "0";
  // An Age that can't be read is ignored, as the section says.
  const told = /^\d+$/.test(field) ? Number(field) * 1000 : 0;
  return Math.max(apparent, told + delayMs);
}

/** What becomes of a request for which a response is kept. */
export type Verdict = "give" | "give-and-refresh" | "validate";

/** How a kept response stands. */
export interface Standing {
  /** Its age now, in milliseconds. */
  readonly ageMs: number;
  /** How long it is fresh from when it was made, in milliseconds. */
  readonly freshMs: number;
  /** How long after that it may be given during a refresh, where it does not say so itself. */
  readonly staleMs: number;
}

/** What becomes of a request for which a response is kept (RFC 9111, sections 4.2.4 and 5.2; RFC 5861, section 3). */
export function verdictOn(request: Headers, response: Headers, shared: boolean, standing: Standing): Verdict {
  const asked = directivesOf(request);
  const kept = directivesOf(response);
  const { ageMs, freshMs, staleMs } = standing;
  if (asked.has("no-cache") || kept.has("no-cache")) return "validate";
  const maxAge = timeOf(asked, "max-age");
  const minFresh = timeOf(asked, "min-fresh") ?? 0;
  if (ageMs < freshMs) {
    return (maxAge !== undefined && ageMs > maxAge) || freshMs - ageMs < minFresh ? "validate" : "give";
  }
  if (mustValidate(kept, shared) || minFresh > 0 || (maxAge !== undefined && ageMs > maxAge)) return "validate";
  const overdue = ageMs - freshMs;
  const maxStale = asked.get("max-stale");
  if (maxStale === true || (maxStale !== undefined && overdue <= timeOf(asked, "max-stale")!)) return "give";
  return overdue < (timeOf(kept, "stale-while-revalidate") ?? staleMs) ? "give-and-refresh" : "validate";
}

/** Whether a stale response may be given where no other can be had (RFC 5861, section 4). */
export function mayStandIn(
  request: Headers,
  response: Headers,
  shared: boolean,
  { ageMs, freshMs }: Standing,
  errorMs: number,
): boolean {
  const kept = directivesOf(response);
  const asked = directivesOf(request);
  if (kept.has("no-cache") || asked.has("no-cache") || mustValidate(kept, shared)) return false;
  const allowed = Math.max(timeOf(kept, "stale-if-error") ?? errorMs, timeOf(asked, "stale-if-error") ?? 0);
  return ageMs - freshMs < allowed;
}

/** Whether a response must never be given stale (RFC 9111, section 5.2.2). */
function mustValidate(kept: Directives, shared: boolean): boolean {
  return kept.has("must-revalidate") || (shared && (kept.has("proxy-revalidate") || kept.has("s-maxage")));
}

/** The names of the fields of a request that a response depends on (RFC 9111, section 4.1). */
export function varyNames(headers: Headers): string[] {
  const field = headers.get("vary");
  if (field === null) return [];
  return Array.from(new Set(field.toLowerCase().split(",").map((name) => name.trim()).filter(Boolean))).sort();
}

/** What tells the variants of a resource apart: the request's own values of those fields. */
export function variantOf(names: readonly string[], request: Headers): string {
  return names.map((name) => `${name}:${request.get(name)?.replace(/\s*,\s*/g, ",").trim() ?? "\0"}`).join("\n");
}

/** A date of a field, in milliseconds since 1970; undefined where there is none or it can't be read. */
export function dateOf(headers: Headers, name: string): number | undefined {
  const field = headers.get(name);
  // Anything shorter is no date of HTTP; Date.parse() would take "0" for a year.
  if (field === null || field.length < 20) return undefined;
  const time = Date.parse(field);
  return Number.isNaN(time) ? undefined : time;
}
