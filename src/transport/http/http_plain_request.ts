/**
 * Requests that are known to be plain: what goes out of them is known without
 * the platform's `Request`.
 *
 * @module
 */

import { isToken, textBytes } from "../../framing/http1/http1_bytes.ts";
import { type PlainParts, plainRequest } from "../../core/plain_request.ts";
import { keptBytes } from "../../util/kept_bytes.ts";

/** More header fields than this are looked through by the platform. */
const maxFields = 16;

const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const redirects: ReadonlySet<unknown> = new Set(["follow", "manual", "error"]);
const noFields: PlainParts["fields"] = [];

let lastUrl: string | undefined = undefined;
let lastHref = "";

/**
 * Makes a `Request` for {@linkcode http}, several times as cheaply as the
 * platform does: own sockets take what they need straight from it, and the
 * platform's object is made when somebody else asks for it. In all that can be
 * seen it is the same as `new Request(url, init)`, and can be given to
 * whatever takes one.
 *
 * That holds for a method, a body of text or bytes, a mode of redirection and
 * header fields as an object or a list of pairs. With anything else (a signal, a
 * stream, a `Headers`) it is `new Request(url, init)` itself. To cancel a call
 * without a signal of its own, use the context.
 *
 * Throws what `new Request()` throws.
 *
 * @example
 * ```ts
 * import { chain, http, httpRequest, pool } from "@wireway/wireway";
 * await using call = chain(http({ origin: "http://127.0.0.1:8000" }), pool({ max: 8 }));
 * const body = JSON.stringify({ amount: 5 });
 * const headers = { "content-type": "application/json" };
 * const response = await call(httpRequest("http://127.0.0.1:8000/orders", { method: "POST", headers, body }));
 * ```
 */
export function httpRequest(url: string | URL, init: RequestInit = {}): Request {
  const parts = readParts(`${url}`, init);
  return parts === undefined ? new Request(url, init) : plainRequest(parts);
}

/** The parts; undefined where it takes the platform to say what they are, or what is wrong. */
function readParts(url: string, init: RequestInit): PlainParts | undefined {
  let method = "GET";
  let redirect: RequestRedirect = "follow";
  let headers: HeadersInit | undefined;
  let given: BodyInit | null | undefined;
  // A class may have what no loop over its keys shows.
  if (Object.getPrototypeOf(init) !== Object.prototype) return undefined;
  for (const key in init) {
    const value = init[key as keyof RequestInit];
    if (value === undefined) continue;
    if (key === "method" && methods.has(value as string)) method = value as string;
    else if (key === "redirect" && redirects.has(value)) redirect = value as RequestRedirect;
    else if (key === "headers") headers = value as HeadersInit;
    else if (key === "body") given = value as BodyInit | null;
    else return undefined;
  }
  const href = hrefOf(url);
  let fields = headers === undefined ? noFields : fieldsOf(headers);
  if (href === undefined || fields === undefined) return undefined;
  if (given === undefined || given === null) return { method, url: href, redirect, fields, body: undefined };
  if (method === "GET" || method === "HEAD") return undefined;
  let body: Uint8Array<ArrayBuffer>;
  if (typeof given === "string") {
    body = new TextEncoder().encode(given);
    if (!fields.some(([name]) => name === "content-type")) {
      fields = [...fields, ["content-type", "text/plain;charset=UTF-8"]];
    }
  } else if (given instanceof Uint8Array && given.buffer instanceof ArrayBuffer) {
    body = keptBytes(given);
  } else {
    return undefined;
  }
  return { method, url: href, redirect, fields, body };
}

function hrefOf(url: string): string | undefined {
  // Most callers ask for the same again.
  if (url === lastUrl) return lastHref;
  if (!URL.canParse(url)) return undefined;
  const { href } = new URL(url);
  // There may be a name and a password in it, which platforms refuse or not.
  if (href.includes("@")) return undefined;
  lastUrl = url;
  return lastHref = href;
}

function fieldsOf(headers: HeadersInit): PlainParts["fields"] | undefined {
  let pairs: unknown[];
  if (Array.isArray(headers)) pairs = headers;
  else if (Object.getPrototypeOf(headers) === Object.prototype) pairs = Object.entries(headers);
  else return undefined;
  if (pairs.length > maxFields) return undefined;
  const fields: [string, string][] = [];
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) return undefined;
    const [name, value] = pair;
    if (typeof name !== "string" || !isToken(name) || typeof value !== "string" || !isPlain(value)) return undefined;
    const lower = name.toLowerCase();
    for (const field of fields) if (field[0] === lower) return undefined;
    fields.push([lower, value]);
  }
  return fields;
}

/** Whether a value is ASCII, and stays as it is in a `Headers`. */
function isPlain(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (textBytes[value.charCodeAt(i)] !== 1) return false;
  return value === value.trim();
}
