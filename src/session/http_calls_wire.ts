/**
 * What httpCalls() puts on the wire beside the payload: header fields, and
 * errors as answers.
 *
 * @module
 */

import { type Processed, TransportError } from "../core/errors.ts";
import { retryAfterField, statusOf } from "../core/http_status.ts";
import { readBody } from "../core/read_body.ts";
import { describeError, readError } from "./error_text.ts";

/** Time left of a call, in milliseconds. */
export const timeLeftField = "wireway-time-left-ms";

/** The code of an error; its presence says that the body describes one. */
const errorField = "wireway-error";

/** An error as an answer. */
export function encodeError(error: TransportError): Response {
  const headers = new Headers({ "content-type": "application/json", [errorField]: error.code });
  const retryAfter = retryAfterField(error.retryAfterMs);
  if (retryAfter !== undefined) headers.set("retry-after", retryAfter);
  return new Response(describeError(error), { status: statusOf(error), headers });
}

/** What a server that had to end, or a proxy without one behind it, answers in place of the service. */
const lostStatuses = new Set([502, 503, 504]);

/** The longest description of an error that is read, in bytes. */
const maxErrorBytes = 1024 * 1024;

/** The error that an answer stands for. */
export async function decodeError(response: Response): Promise<TransportError> {
  const code = response.headers.get(errorField);
  const body = new TextDecoder().decode(await readBody(response, maxErrorBytes));
  if (code === null) {
    const why = `Call failed: the server answered ${response.status}: ${body.slice(0, 200).trim()}`;
    return new TransportError(lostStatuses.has(response.status) ? "connection-lost" : "invalid-reply", why, {
      processed: "maybe",
      remote: true,
    });
  }
  return readError(code, body);
}

/** The error for a request or a reply over the limit. */
export function tooLarge(bytes: number, allowed: number, processed: Processed): TransportError {
  return new TransportError("message-too-large", `Message refused: it has ${bytes} bytes, ${allowed} are allowed`, {
    processed,
    details: { bytes, allowed },
  });
}
