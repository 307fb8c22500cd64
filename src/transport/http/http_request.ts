/**
 * A request as it goes out on a connection: made of a platform's `Request` and
 * the metadata of its call.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { type Metadata, noMetadata } from "../../core/metadata.ts";
import type { PlainParts } from "../../core/plain_request.ts";
import { encodeRequestHead } from "../../framing/http1/http1_write.ts";
import { fieldOf } from "./http_metadata.ts";
import type { HttpSettings } from "./http_options.ts";

/** A request that can be sent, and sent again to another place. */
export interface OutgoingRequest {
  readonly method: string;
  /** Without a fragment. */
  readonly url: string;
  readonly origin: string;
  /** Header fields, in lower case, without those that a connection or a body makes. */
  readonly fields: [name: string, value: string][];
  /** The Host field where the caller gave one. */
  readonly host: string | undefined;
  /** The caller wants no other request on the connection. */
  readonly closes: boolean;
  /** The body waits to be asked for. */
  readonly expectsContinue: boolean;
  /** The body is a form, as the platform writes them. */
  readonly isForm: boolean;
  /** The length of the body, where the caller gave one. */
  readonly declaredLength: number | undefined;
  /** The head as it was encoded last, for a body of that length. */
  encoded: { readonly body: number | "chunked" | undefined; readonly bytes: Uint8Array } | undefined;
}

/**
 * Fields of a connection, which are not the caller's to say: dropped, so that a
 * request that came in from elsewhere can be passed on.
 */
const ofConnection: ReadonlySet<string> = new Set([
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** Makes a request ready to be sent; `plain` is what it is known to be made of. Throws `invalid-request`. */
export function outgoing(
  request: Request,
  plain: PlainParts | undefined,
  origin: string,
  metadata: Metadata,
  settings: HttpSettings,
): OutgoingRequest {
  if (plain === undefined || metadata !== noMetadata) return made(request, plain, origin, metadata, settings);
  const { repeats } = settings;
  const known = repeats.find(plain, origin);
  if (known !== undefined) return known;
  const out = made(request, plain, origin, metadata, settings);
  repeats.keep(plain, origin, out);
  return out;
}

/** The bytes of the head, not to be written to. Throws `invalid-request`. */
export function encodeOutgoing(request: OutgoingRequest, body: number | "chunked" | undefined): Uint8Array {
  if (request.encoded !== undefined && request.encoded.body === body) return request.encoded.bytes;
  const bytes = encoded(request, body);
  request.encoded = { body, bytes };
  return bytes;
}

function made(
  request: Request,
  plain: PlainParts | undefined,
  origin: string,
  metadata: Metadata,
  settings: HttpSettings,
): OutgoingRequest {
  const { method } = request;
  const fields: [string, string][] = [];
  let host: string | undefined;
  let closes = false;
  let expectsContinue = false;
  let declaredLength: number | undefined;
  let accept = false;
  let agent = false;
  let encodings = false;
  let ranged = false;
  let isForm = false;
  if (metadata !== noMetadata) {
    for (const key of Object.keys(metadata)) fields.push([fieldOf(key), metadata[key]]);
  }
  const given = fields.length;
  const add = (value: string, name: string): void => {
    switch (name) {
      case "accept":
        accept = true;
        break;
      case "user-agent":
        agent = true;
        break;
      case "accept-encoding":
        encodings = true;
        break;
      case "content-type":
        isForm = value.startsWith("multipart/form-data; boundary=");
        break;
      case "range":
        ranged = true;
        break;
      case "host":
        host = value;
        return;
      case "content-length":
        declaredLength = lengthOf(value);
        return;
      case "expect":
        expectsContinue = isContinue(value);
        return;
      case "connection":
        closes = /(^|,)\s*close\s*(,|$)/i.test(value);
        return;
    }
    if (!ofConnection.has(name) && (given === 0 || !isAmong(fields, given, name))) fields.push([name, value]);
  };
  if (plain === undefined) request.headers.forEach(add);
  else for (const [name, value] of plain.fields) add(value, name);
  if (!accept) fields.push(["accept", "*/*"]);
  // A part of a body is a part of its bytes as they are stored.
  if (!encodings && ranged) fields.push(["accept-encoding", "identity"]);
  else if (!encodings && settings.decompress) fields.push(["accept-encoding", "gzip, deflate, br"]);
  if (!agent) fields.push(["user-agent", "Wireway"]);
  const { url: full } = request;
  const hash = full.indexOf("#");
  const url = hash < 0 ? full : full.slice(0, hash);
  return { method, url, origin, fields, host, closes, expectsContinue, isForm, declaredLength, encoded: undefined };
}

function encoded(request: OutgoingRequest, body: number | "chunked" | undefined): Uint8Array {
  const { method, url, origin, fields, host, closes, expectsContinue } = request;
  const lines: [string, string][] = [["host", host ?? origin.slice(origin.indexOf("//") + 2)], ...fields];
  if (closes) lines.push(["connection", "close"]);
  if (expectsContinue && body !== undefined && body !== 0) lines.push(["expect", "100-continue"]);
  // A method that is expected to have a body says so where it has none (RFC 9110 section 8.6).
  const none = method === "POST" || method === "PUT" || method === "PATCH" ? 0 : undefined;
  return encodeRequestHead({ method, target: url.slice(origin.length), fields: lines, body: body ?? none });
}

function isAmong(fields: [string, string][], count: number, name: string): boolean {
  for (let i = 0; i < count; i++) if (fields[i][0] === name) return true;
  return false;
}

function lengthOf(value: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw new TransportError("invalid-request", `Cannot send request: its content-length is ${JSON.stringify(value)}`);
}

function isContinue(value: string): boolean {
  if (value.toLowerCase() === "100-continue") return true;
  throw new TransportError("invalid-request", `Cannot send request: nobody can expect ${JSON.stringify(value)}`);
}
