/**
 * When a reply is whole: at once for most, at the end of its body for a
 * response that is still being read, at the end of its stream for a streamed
 * one.
 *
 * @module
 */

import { Streamed } from "./streamed.ts";
import { tellAll } from "./tell_all.ts";

/**
 * Hears that a reply is whole: once, with the error where it failed. One that
 * throws at the end of a body or a stream keeps no other from hearing; what it
 * throws is then reported as any uncaught error is.
 *
 * @example
 * ```ts
 * import type { CompletionListener } from "@wireway/wireway";
 * const listener: CompletionListener = (error) => console.log(error ?? "whole");
 * ```
 */
export type CompletionListener = (error?: unknown) => void;

/** In a `Response` whose body is all here already: nothing of the work is left, whether it is read or not. */
export const arrivedWhole: unique symbol = Symbol("arrived whole");

/** The listeners of each body that was given out and has not ended. */
const openBodies = new WeakMap<Response, CompletionListener[]>();

/**
 * Calls `done` when the reply is whole, and returns the reply to pass on. A
 * `Response` with a body is whole when the body was read to its end, cancelled
 * or has failed (then with the error), a {@linkcode Streamed} when its stream
 * was; all else is whole at once, and so is a response of `http()` on own
 * sockets that came with its body.
 *
 * Middleware that holds something for the time of a call (a slot, a count of
 * calls in flight, a measurement) lets go of it here, not when the promise
 * resolves: the work is not over while a body is on its way.
 *
 * The first to ask puts a stream around the body; those outside of it share
 * that one.
 *
 * @example Count responses that are still being read
 * ```ts
 * import { type CallMiddleware, whenComplete } from "@wireway/wireway";
 * let open = 0;
 * const counting: CallMiddleware = (inner) => async (request, context) => {
 *   open++;
 *   return whenComplete(await inner(request, context), () => open--);
 * };
 * ```
 */
export function whenComplete<Res>(reply: Res, done: CompletionListener): Res {
  if (reply instanceof Streamed) {
    reply.whenEnded(done);
    return reply;
  }
  if (!(reply instanceof Response) || arrivedWhole in reply) {
    done();
    return reply;
  }
  const listeners = openBodies.get(reply);
  if (listeners !== undefined) {
    listeners.push(done);
    return reply;
  }
  // Whoever reads it already has not waited for this.
  if (reply.body === null || reply.body.locked) {
    done();
    return reply;
  }
  return watched(reply, reply.body, done) as Response & Res;
}

/** Whether a reply may be whole only later than it is there: a response, or a streamed reply. */
export function endsLater(reply: unknown): reply is Response | Streamed<unknown, unknown> {
  return typeof reply === "object" && (reply instanceof Response || reply instanceof Streamed);
}

/** Lets go of what a reply brings after its first word: nobody will read it. */
export function discardReply(reply: unknown): void {
  if (!endsLater(reply)) return;
  const gone = reply instanceof Streamed ? reply.cancel() : reply.body?.cancel();
  gone?.catch(() => {});
}

/** The response around a body that tells of its end. */
function watched(response: Response, inner: ReadableStream<Uint8Array>, first: CompletionListener): Response {
  const listeners = [first];
  const reader = inner.getReader();
  const end = (error?: unknown): void => {
    openBodies.delete(outer);
    tellAll(listeners.splice(0), error);
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        controller.error(error);
        return end(error);
      }
      end();
    },
    cancel(reason): Promise<void> {
      end();
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  const outer = responseAround(response, body);
  openBodies.set(outer, listeners);
  return outer;
}

/** A response like another, with another body. What the platform takes from the network alone is carried over, too. */
export function responseAround(response: Response, body: ReadableStream<Uint8Array>): Response {
  const outer = new Response(body, response);
  Object.defineProperties(outer, {
    url: { value: response.url },
    redirected: { value: response.redirected },
  });
  return outer;
}
