/**
 * Measures calls, and leaves them as they are.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { endsLater, whenComplete } from "../core/completion.ts";
import { background, type CallContext } from "../core/context.ts";
import { type Outcome, outcomeIn, outcomeOfReply } from "../core/outcome.ts";
import type { Service } from "../core/service.ts";
import { Streamed } from "../core/streamed.ts";

/** Hears of calls. */
export interface CallListener {
  /** A call begins. */
  begun(now: number): void;
  /** The first word of an answer is there, or the call has failed without one. Each call has that once, before its end. */
  answered?(now: number, failed: boolean): void;
  /** A call has ended. `error` is what it was rejected with, or what cut its body off; undefined where there was none. */
  ended(outcome: Outcome, tookMs: number, now: number, error: unknown): void;
}

/**
 * A service that tells `listener` of each call of `inner`. With `streams` a
 * call that succeeded lasts until its body or its stream has ended, without
 * until its head is there.
 *
 * It hands on the promise of `inner` itself; only of an HTTP request with
 * `streams` it does not, for its body must be watched.
 */
export function measuredCalls<Req, Res>(
  inner: Service<Req, Res>,
  clock: Clock,
  listener: CallListener,
  streams: boolean,
): (request: Req, context?: CallContext) => Promise<Res> {
  return (request: Req, context: CallContext = background): Promise<Res> => {
    const startedAt = clock.now();
    listener.begun(startedAt);
    const http = typeof request === "object" && request instanceof Request;
    const failed = (error: unknown): void => {
      const now = clock.now();
      listener.answered?.(now, true);
      listener.ended(outcomeIn(context, request, error), now - startedAt, now, error);
    };
    const replied = (reply: Res): Res => {
      const now = clock.now();
      listener.answered?.(now, false);
      const outcome = outcomeOfReply(reply);
      if (streams && outcome === "success" && (http ? endsLater(reply) : reply instanceof Streamed)) {
        return whenComplete(reply, (error) => {
          const endedAt = clock.now();
          const end = error === undefined ? outcome : outcomeIn(context, request, error);
          listener.ended(end, endedAt - startedAt, endedAt, error);
        });
      }
      listener.ended(outcome, now - startedAt, now, undefined);
      return reply;
    };
    let call: Promise<Res>;
    try {
      call = inner(request, context);
    } catch (error) {
      failed(error);
      throw error;
    }
    if (!streams || !http) {
      call.then(replied, failed);
      return call;
    }
    return call.then(replied, (error) => {
      failed(error);
      throw error;
    });
  };
}
