/**
 * What the HTTP/1.1 server itself answers where a request can't be served.
 *
 * @module
 */

import { type Address, formatAddress } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { statusOf } from "../../core/http_status.ts";
import { textOf } from "../../core/thrown.ts";
import { reasonOf } from "../../framing/http1/http1_reasons.ts";
import { encodeResponseHead } from "../../framing/http1/http1_write.ts";
import type { Http1ServerSettings } from "./http1_server_options.ts";
import type { Http1Wait } from "./http1_server_watch.ts";

/**
 * The answer that says what is wrong: with the status in the details of a
 * TransportError, or the one that its code stands for; 500 for other errors, of
 * which nothing is told. `cut` says that the client itself ended too early.
 */
export function refusalBytes(error: unknown, cut: boolean, headOnly: boolean): Uint8Array {
  const status = cut ? 400 : statusFor(error);
  const text = new TextEncoder().encode(`${status < 500 ? textOf(error) : reasonOf(status)}\n`);
  const fields: [string, string][] = [["connection", "close"], ["content-type", "text/plain; charset=utf-8"]];
  const head = encodeResponseHead({ status, fields, body: text.length });
  if (headOnly) return head;
  const answer = new Uint8Array(head.length + text.length);
  answer.set(head);
  answer.set(text, head.length);
  return answer;
}

function statusFor(error: unknown): number {
  if (!(error instanceof TransportError)) return 500;
  const named = error.details?.status;
  const isStatus = typeof named === "number" && Number.isInteger(named) && named >= 400 && named <= 599;
  return isStatus ? named : statusOf(error);
}

/** The error for a client that keeps the server waiting. */
export function lateError(wait: Http1Wait, remote: Address, settings: Http1ServerSettings): TransportError {
  const where = formatAddress(remote);
  if (wait === "write") {
    const why = `Connection closed: ${where} did not take its answer within ${settings.writeTimeoutMs} ms`;
    return new TransportError("connection-lost", why);
  }
  const limit = wait === "head" ? `within ${settings.headTimeoutMs} ms` : "in time";
  const why = `Request refused: ${where} did not send its ${wait} ${limit}`;
  return new TransportError("protocol", why, { details: { status: 408 } });
}
