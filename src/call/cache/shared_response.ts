/**
 * Giving one HTTP response to several callers.
 *
 * @module
 */

import { discardReply, responseAround, whenComplete } from "../../core/completion.ts";
import type { Service } from "../../core/service.ts";
import { joinBytes } from "../../util/join_bytes.ts";
import type { SharedCall } from "./shared_call.ts";
import type { WaitingCaller } from "../limits/waiting_caller.ts";

/** Gives the response to the one who waits. Its caller may still cancel the body. */
export function passOn<Req, Res>(call: SharedCall<Req, Res>, response: Res & Response): void {
  const [caller] = call.takeAll();
  giveTo(caller, call, response);
}

/**
 * Gives each caller a response of its own with the same body. Where that can't
 * be, the first gets the response and the others call for themselves.
 */
export async function shareResponse<Req, Res>(
  call: SharedCall<Req, Res>,
  response: Res & Response,
  inner: Service<Req, Res>,
  maxBodyBytes: number,
): Promise<void> {
  if (response.body === null) {
    for (const caller of call.takeAll()) caller.resolve(withBody(response, null) as Res & Response);
    return;
  }
  const chunks: Uint8Array[] = [];
  let whole: boolean;
  const reader = response.body.getReader();
  // Whoever is the last to leave while the body comes in ends it.
  const leave = { cancelled: (reason: unknown) => void reader.cancel(reason).catch(() => {}) };
  call.cancellation.subscribe(leave);
  try {
    whole = maySave(response, maxBodyBytes) && await readWithin(reader, chunks, maxBodyBytes);
  } catch (error) {
    return call.reject(error);
  } finally {
    call.cancellation.unsubscribe(leave);
  }
  if (call.over) return void reader.cancel().catch(() => {});
  const [first, ...others] = call.takeAll();
  if (whole) {
    const body = joinBytes(chunks);
    first.resolve(withBody(response, body) as Res & Response);
    for (const caller of others) caller.resolve(withBody(response, body) as Res & Response);
    return;
  }
  giveTo(first, call, responseAround(response, resumed(chunks, reader)) as Res & Response);
  for (const caller of others) callAlone(caller, inner);
}

/** Gives a streamed reply to the first who waits: it is read once. The others make their calls themselves. */
export function passStreamOn<Req, Res>(call: SharedCall<Req, Res>, reply: Res, inner: Service<Req, Res>): void {
  if (call.over) return discardReply(reply);
  const [first, ...others] = call.takeAll();
  if (first === undefined) discardReply(reply);
  else giveTo(first, call, reply);
  for (const caller of others) callAlone(caller, inner);
}

/** Whether a body may be kept until it is whole. */
function maySave(response: Response, maxBodyBytes: number): boolean {
  const { headers } = response;
  if (headers.get("content-type")?.startsWith("text/event-stream")) return false;
  return Number(headers.get("content-length") ?? 0) <= maxBodyBytes;
}

async function readWithin(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  chunks: Uint8Array[],
  maxBytes: number,
): Promise<boolean> {
  let bytes = 0;
  while (bytes <= maxBytes) {
    const { done, value } = await reader.read();
    if (done) return true;
    chunks.push(value);
    bytes += value.length;
  }
  return false;
}

/** What has been read already, then the rest. */
function resumed(
  chunks: Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller): Promise<void> {
      const kept = chunks.shift();
      if (kept !== undefined) return controller.enqueue(kept);
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** The caller's own cancelling ends the body for as long as it is on its way. */
function giveTo<Req, Res>(
  caller: WaitingCaller<Req, Res>,
  call: SharedCall<Req, Res>,
  response: Res,
): void {
  const { cancellation } = caller.context;
  if (cancellation === undefined || (response instanceof Response && response.body === null)) {
    caller.resolve(response);
    return;
  }
  const reply = whenComplete(response, () => cancellation.unsubscribe(call.cancellation));
  caller.resolve(reply);
  cancellation.subscribe(call.cancellation);
}

function callAlone<Req, Res>(caller: WaitingCaller<Req, Res>, inner: Service<Req, Res>): void {
  const fail = (error: unknown): void => caller.reject(error);
  try {
    inner(caller.request, caller.context).then((reply) => {
      if (caller.waiting) caller.resolve(reply);
      else discardReply(reply);
    }, fail);
  } catch (error) {
    fail(error);
  }
}

/** A response like another with a body of its own. */
export function withBody(response: Response, body: Uint8Array<ArrayBuffer> | null): Response {
  const own = new Response(body, response);
  Object.defineProperties(own, { url: { value: response.url }, redirected: { value: response.redirected } });
  return own;
}
