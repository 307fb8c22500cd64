/**
 * What a head means for its connection: whether it serves another message,
 * whether the body waits to be asked for, whether it changes its protocol.
 *
 * @module
 */

import { responseBody } from "./http1_body.ts";
import { refusal } from "./http1_errors.ts";
import type { HttpFields } from "./http1_fields.ts";
import type { RequestHead, ResponseHead } from "./http1_head.ts";

/**
 * Whether the client allows another request on the connection (RFC 9112
 * section 9.3): in HTTP/1.1 unless it says `close`, in HTTP/1.0 if it says
 * `keep-alive`.
 */
export function requestPersists(head: RequestHead): boolean {
  return persists(head.minor, head.fields);
}

/**
 * Whether the connection serves another request after this response and its
 * body. `method` is the request's.
 *
 * False too where the body ends with the connection, where the connection is no
 * longer HTTP (101, 2xx to CONNECT), and where a response that has no body says
 * it has one (1xx and 204): what follows it can't be trusted.
 */
export function responsePersists(head: ResponseHead, method: string): boolean {
  const { status, declaredBody } = head;
  if (status === 101 || (method === "CONNECT" && status >= 200 && status < 300)) return false;
  if ((status < 200 || status === 204) && declaredBody !== undefined && declaredBody !== 0) return false;
  return responseBody(head, method) !== "close" && persists(head.minor, head.fields);
}

/**
 * Whether the client waits for an interim response (status 100) before it sends
 * the body (RFC 9110 section 10.1.1). Never in HTTP/1.0 or without a body.
 *
 * Throws `protocol` with status 417 for any other expectation.
 */
export function expectsContinue(head: RequestHead): boolean {
  if (head.minor === 0 || !head.fields.has("expect")) return false;
  const expectations = head.fields.tokens("expect");
  if (expectations.some((each) => each !== "100-continue")) {
    throw refusal("request", "head", 417, "an expectation other than 100-continue");
  }
  return expectations.length > 0 && head.declaredBody !== undefined && head.declaredBody !== 0;
}

/**
 * Whether the client asks for `protocol`, in lower case and without a version,
 * on this connection (RFC 9110 section 7.8). Never in HTTP/1.0.
 *
 * A body comes before the first byte of the new protocol: read or refuse it.
 */
export function requestsUpgrade(head: RequestHead, protocol: string): boolean {
  return names(head, protocol);
}

/** Whether the response (status 101) changes the connection to `protocol`, in lower case. What follows is no longer HTTP. */
export function acceptsUpgrade(head: ResponseHead, protocol: string): boolean {
  return head.status === 101 && names(head, protocol);
}

function names(head: RequestHead | ResponseHead, protocol: string): boolean {
  const { minor, fields } = head;
  return minor === 1 && fields.hasToken("connection", "upgrade") && fields.hasToken("upgrade", protocol);
}

function persists(minor: 0 | 1, fields: HttpFields): boolean {
  if (fields.hasToken("connection", "close")) return false;
  return minor === 1 || fields.hasToken("connection", "keep-alive");
}
