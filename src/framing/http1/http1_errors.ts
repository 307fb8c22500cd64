/**
 * The errors that the HTTP/1.1 codec refuses messages with.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";

/** Which way a message goes. */
export type Http1Side = "request" | "response";

/** The status of a gateway whose server answered something that is not HTTP. */
const badGateway = 502;

/**
 * The error for a message that HTTP/1.1 does not allow: `protocol`, with
 * `details.status` for the answer to a bad request and 502 for a bad response,
 * and `details.byte`, counted from the start of `part`, where it is known.
 */
export function refusal(
  side: Http1Side,
  part: "head" | "body" | "trailers",
  status: number,
  why: string,
  byte?: number,
): TransportError {
  const subject = `${side === "request" ? "Request" : "Response"} ${part}`;
  return new TransportError("protocol", `${subject} refused: ${why}${byte === undefined ? "" : ` at byte ${byte}`}`, {
    details: { status: side === "request" ? status : badGateway, ...(byte === undefined ? undefined : { byte }) },
  });
}

/** A byte in words, for an error message. */
export function nameOf(byte: number): string {
  switch (byte) {
    case 0x00:
      return "a NUL";
    case 0x09:
      return "a tab";
    case 0x0a:
      return "a bare line feed";
    case 0x0d:
      return "a bare carriage return";
    case 0x20:
      return "a space";
  }
  const hex = `0x${byte.toString(16).padStart(2, "0")}`;
  return byte > 0x20 && byte < 0x7f ? JSON.stringify(String.fromCharCode(byte)) : `the byte ${hex}`;
}

/** The error for a body over its limit. A response that is too large was made all the same. */
export function bodyTooLarge(side: Http1Side, maxBodyBytes: number): TransportError {
  return new TransportError("message-too-large", `${bodyOf(side)} refused: more than ${maxBodyBytes} bytes`, {
    processed: side === "request" ? "no" : "yes",
    details: { status: side === "request" ? 413 : badGateway, maxBodyBytes },
  });
}

/** The error for a body whose connection ended first. `had` is what had arrived, in words. */
export function bodyTruncated(side: Http1Side, had: string): TransportError {
  return new TransportError("connection-lost", `${bodyOf(side)} lost: the connection ended after ${had}`);
}

function bodyOf(side: Http1Side): string {
  return side === "request" ? "Request body" : "Response body";
}
