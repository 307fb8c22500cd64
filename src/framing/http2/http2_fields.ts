/**
 * What the fields of a header block must be to be those of an HTTP message (RFC
 * 9113 section 8).
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { space, tab, targetBytes, textBytes, tokenBytes } from "../http1/http1_bytes.ts";
import { nameOf } from "../http1/http1_errors.ts";
import { mayTrail } from "../http1/http1_field_names.ts";
import { HttpFields } from "../http1/http1_fields.ts";
import { isAuthority } from "../http1/http1_start_line.ts";
import type { HeaderField, HeaderList } from "./hpack_fields.ts";

/** Fields of a connection, which HTTP/2 has other means for. */
const ofConnection: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** Fields that a message may have once at most, as in HTTP/1.1. */
const once: Readonly<Record<"request" | "response", ReadonlySet<string>>> = {
  request: new Set(["host", "content-length", "content-type", "content-range", "authorization", "origin", "range"]),
  response: new Set(["content-length", "content-type", "content-range", "location"]),
};

const responseNames: ReadonlySet<string> = new Set([":status"]);
const requestNames: ReadonlySet<string> = new Set([":method", ":scheme", ":authority", ":path"]);

/** The head of a response, final or interim. */
export interface Http2ResponseHead {
  /** The status, 100 to 599. */
  readonly status: number;
  /** The fields. */
  readonly fields: HttpFields;
  /** The length that the body says it has. */
  readonly contentLength: number | undefined;
}

/** The head of a request. */
export interface Http2RequestHead {
  /** The method. */
  readonly method: string;
  /** The scheme; none for CONNECT. */
  readonly scheme: string | undefined;
  /** Host and port, where the request says them. */
  readonly authority: string | undefined;
  /** Path and query; none for CONNECT. */
  readonly path: string | undefined;
  /** The fields. */
  readonly fields: HttpFields;
  /** The length that the body says it has. */
  readonly contentLength: number | undefined;
}

/** What is wrong with a message, in words. Thrown to leave the reading of one block. */
class Malformed extends Error {}

/** Reads the head of a response; a text says why it is none, which is its stream's error. */
export function readResponseHead(list: HeaderList): Http2ResponseHead | string {
  return guarded(() => {
    const { pseudo, fields, contentLength } = readFields(list, "response", responseNames);
    const text = pseudo.get(":status");
    if (text === undefined) throw new Malformed("a response without a status");
    if (!/^[1-5]\d\d$/.test(text)) throw new Malformed(`the status ${JSON.stringify(text.slice(0, 20))}`);
    const status = Number(text);
    if (status === 101) throw new Malformed("the status 101, which HTTP/2 does not have");
    return { status, fields, contentLength };
  });
}

/** Reads the head of a request; a text says why it is none. */
export function readRequestHead(list: HeaderList): Http2RequestHead | string {
  return guarded(() => {
    const { pseudo, fields, contentLength } = readFields(list, "request", requestNames);
    const method = pseudo.get(":method");
    const scheme = pseudo.get(":scheme");
    const authority = pseudo.get(":authority");
    const path = pseudo.get(":path");
    if (method === undefined || !isName(method, false)) throw new Malformed("a request without a method");
    if (authority !== undefined && !isAuthority(authority, false)) throw new Malformed("an authority that is no host");
    const connects = method === "CONNECT";
    if (connects ? authority === undefined : scheme === undefined || path === undefined) {
      throw new Malformed(`a ${method.slice(0, 20)} without all that it needs`);
    }
    if (connects && (scheme !== undefined || path !== undefined)) throw new Malformed("a CONNECT with a path");
    if (path !== undefined && !isPath(path, method)) throw new Malformed("a path that is none");
    return { method, scheme, authority, path, fields, contentLength };
  });
}

/** Reads a trailer section. Fields that may not stand there are left out. */
export function readTrailers(list: HeaderList): HttpFields | string {
  return guarded(() => {
    const { fields } = readFields(list, "trailers", new Set());
    const kept = new HttpFields();
    for (const [name, value] of fields) if (mayTrail(name)) kept.append(name, value);
    return kept;
  });
}

/** Checks a field that is to be sent. Throws `invalid-request`. */
export function checkField(name: string, value: string): void {
  const fault = name === ":path"
    ? (isPath(value, "OPTIONS") ? null : "a path that is none")
    : name === ":authority"
    ? (isAuthority(value, false) ? null : "an authority that is no host")
    : name === ":method"
    ? (isName(value, false) ? null : "a method that is none")
    : faultOf(name, value);
  if (fault === null) return;
  throw new TransportError("invalid-request", `Cannot send request: it has ${fault}`);
}

interface ReadFields {
  readonly pseudo: ReadonlyMap<string, string>;
  readonly fields: HttpFields;
  readonly contentLength: number | undefined;
}

function readFields(
  { fields: list, excess }: HeaderList,
  part: "request" | "response" | "trailers",
  allowed: ReadonlySet<string>,
): ReadFields {
  if (excess !== undefined) throw new Malformed(excess);
  const pseudo = new Map<string, string>();
  const names: string[] = [];
  const values: string[] = [];
  let contentLength: number | undefined;
  for (const field of list) {
    const { name, value } = field;
    const fault = faultIn(field);
    if (fault !== null) throw new Malformed(fault);
    if (name.charCodeAt(0) === 0x3a) {
      if (!allowed.has(name)) throw new Malformed(`the field ${name.slice(0, 20)}`);
      if (names.length > 0) throw new Malformed(`${name} behind other fields`);
      if (pseudo.has(name)) throw new Malformed(`a second ${name}`);
      pseudo.set(name, value);
      continue;
    }
    if (part !== "trailers" && once[part].has(name) && names.includes(name)) {
      throw new Malformed(`a second ${name} field`);
    }
    if (name === "te" && value !== "trailers") throw new Malformed("a te field with more than trailers");
    if (name === "content-length") contentLength = lengthOf(value);
    names.push(name);
    values.push(value);
  }
  return { pseudo, fields: new HttpFields(names, values), contentLength };
}

function guarded<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) return error.message;
    throw error;
  }
}

/** What is wrong with a field; remembered, since most are met again. */
function faultIn(field: HeaderField): string | null {
  return field.fault === undefined ? field.fault = faultOf(field.name, field.value) : field.fault;
}

function faultOf(name: string, value: string): string | null {
  const isPseudo = name.charCodeAt(0) === 0x3a;
  if (!isName(isPseudo ? name.slice(1) : name, true)) {
    return `a field with the name ${JSON.stringify(name.slice(0, 40))}`;
  }
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (!(textBytes[code] > 0)) return `${code > 0xff ? "a character past 0xff" : nameOf(code)} in the field ${name}`;
  }
  if (isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1))) {
    return `a blank around the field ${name}`;
  }
  if (ofConnection.has(name)) return `the field ${name}, which is HTTP/1.1's`;
  return null;
}

/** Whether it is a token, in lower case where that is asked. */
function isName(text: string, lower: boolean): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const small = tokenBytes[code];
    if (!(small > 0) || (lower && small !== code)) return false;
  }
  return text.length > 0;
}

function isPath(path: string, method: string): boolean {
  for (let i = 0; i < path.length; i++) if (targetBytes[path.charCodeAt(i)] !== 1) return false;
  return path.charCodeAt(0) === 0x2f || (path === "*" && method === "OPTIONS");
}

function isBlank(code: number): boolean {
  return code === space || code === tab;
}

function lengthOf(text: string): number {
  const length = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(length)) throw new Malformed("a content-length that is no number");
  return length;
}
