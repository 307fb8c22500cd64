/**
 * The answering end of httpCalls().
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import type { CallContext } from "../core/context.ts";
import { TransportError } from "../core/errors.ts";
import { readBody } from "../core/read_body.ts";
import type { Handler } from "../core/service.ts";
import type { CallCounters } from "../core/session.ts";
import { textOf } from "../core/thrown.ts";
import { encodeError, timeLeftField, tooLarge } from "./http_calls_wire.ts";
import { noBytes } from "./refuse_stream.ts";

/** Settings of both ends. */
export interface HttpCallSettings {
  readonly path: string;
  readonly maxMessageBytes: number;
  readonly clock: Clock;
}

/** A handler for one path; all others are not found. */
export function atPath(
  path: string,
  handler: (request: Request, context: CallContext) => Promise<Response>,
): typeof handler {
  return async function atPath(request: Request, context: CallContext): Promise<Response> {
    if (new URL(request.url).pathname === path) return await handler(request, context);
    await discardBody(request);
    return new Response(`Not found: calls are posted to ${path}\n`, { status: 404 });
  };
}

/** A handler of requests that runs a handler of bytes. */
export function answering(
  handler: Handler<Uint8Array, Uint8Array>,
  { maxMessageBytes, clock }: HttpCallSettings,
  calls: CallCounters,
): (request: Request, context: CallContext) => Promise<Response> {
  return async function answering(request: Request, context: CallContext): Promise<Response> {
    if (request.method !== "POST") {
      await discardBody(request);
      return new Response("Method not allowed: calls are posted\n", { status: 405, headers: { allow: "POST" } });
    }
    let started = false;
    try {
      const timeLeft = request.headers.get(timeLeftField);
      const arrivedAt = timeLeft === null ? 0 : clock.now();
      const body = await readWhole(request, maxMessageBytes);
      const deadline = timeLeft === null ? Infinity : arrivedAt + readTimeLeft(timeLeft);
      if (deadline <= clock.now()) {
        throw new TransportError("deadline-exceeded", "Call refused: its deadline has passed", { processed: "no" });
      }
      started = true;
      calls.started++;
      calls.inFlight++;
      const reply = await handler(body, deadline === Infinity ? context : context.with({ deadline }));
      if (!(reply instanceof Uint8Array)) throw noBytes(reply, "httpCalls()");
      if (reply.length > maxMessageBytes) throw tooLarge(reply.length, maxMessageBytes, "yes");
      return new Response(reply as Uint8Array<ArrayBuffer>, {
        headers: { "content-type": "application/octet-stream" },
      });
    } catch (error) {
      if (started) calls.failed++;
      else calls.refused++;
      return encodeError(TransportError.from(error, "remote"));
    } finally {
      if (started) calls.inFlight--;
    }
  };
}

async function readWhole(request: Request, maxBytes: number): Promise<Uint8Array> {
  const claimed = Number(request.headers.get("content-length"));
  if (claimed > maxBytes) {
    await discardBody(request);
    throw tooLarge(claimed, maxBytes, "no");
  }
  try {
    return await readBody(request, maxBytes);
  } catch (error) {
    // The caller has gone, or the platform, which ends the bodies that still come in when a server ends.
    if (error instanceof TransportError) throw error;
    const why = `Call refused: its request did not arrive whole: ${textOf(error)}`;
    throw new TransportError("connection-lost", why, { processed: "no", cause: error });
  }
}

/** What of a refused request is read all the same, in bytes. */
const maxDiscardedBytes = 1024 * 1024;

/** Reads a request away: over HTTP/2 an answer that comes before its end can be lost with the rest of it. */
async function discardBody(request: Request): Promise<void> {
  if (request.body === null) return;
  let left = maxDiscardedBytes;
  try {
    for await (const chunk of request.body) {
      left -= chunk.length;
      // Leaving the loop cancels the rest.
      if (left < 0) return;
    }
  } catch {
    // Whoever goes away needs no answer.
  }
}

function readTimeLeft(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new TransportError(
    "invalid-request",
    `Call refused: ${timeLeftField} is ${JSON.stringify(text)}, not a time in ms`,
  );
}
