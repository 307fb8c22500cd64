/**
 * The errors that the HTTP/2 codec refuses frames and header blocks with.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { errorCode, errorName } from "./http2_codes.ts";

/**
 * The error for bytes that HTTP/2 does not allow: `protocol`, with the error
 * code to answer in `details.http2`, and its name in the message. What throws
 * it says whether it is the stream's or the connection's.
 */
export function http2Error(code: number, why: string): TransportError {
  return new TransportError("protocol", `HTTP/2 refused: ${why} (${errorName(code)})`, { details: { http2: code } });
}

/** The code that an error is told to the peer with. */
export function http2CodeOf(error: TransportError): number {
  const code = error.details?.http2;
  return typeof code === "number" ? code : errorCode.internalError;
}
