/**
 * Measures calls, and leaves them as they are.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { background, type CallContext } from "../core/context.ts";
import { type Outcome, outcomeIn, outcomeOfReply } from "../core/outcome.ts";
import type { Service } from "../core/service.ts";

/** Hears of calls. */
export interface CallListener {
  /** A call begins. */
  begun(now: number): void;
  /** A call has ended. `error` is what it was rejected with, undefined where it was answered. */
  ended(outcome: Outcome, tookMs: number, now: number, error: unknown): void;
}

/**
 * A service that tells `listener` of each call of `inner`, and hands on the
 * promise of `inner` itself. A call that is answered by a `Response` has ended
 * when its head is there.
 */
export function measuredCalls<Req, Res>(
  inner: Service<Req, Res>,
  clock: Clock,
  listener: CallListener,
): (request: Req, context?: CallContext) => Promise<Res> {
  return (request: Req, context: CallContext = background): Promise<Res> => {
    const startedAt = clock.now();
    listener.begun(startedAt);
    const failed = (error: unknown): void => {
      const now = clock.now();
      listener.ended(outcomeIn(context, request, error), now - startedAt, now, error);
    };
    let call: Promise<Res>;
    try {
      call = inner(request, context);
    } catch (error) {
      failed(error);
      throw error;
    }
    call.then((reply) => {
      const now = clock.now();
      listener.ended(outcomeOfReply(reply), now - startedAt, now, undefined);
    }, failed);
    return call;
  };
}
