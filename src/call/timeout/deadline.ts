/**
 * deadline(): keeps to the deadline that a call came with.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import { background, type CallContext } from "../../core/context.ts";
import { deadlinesOf } from "../../core/deadline_queue.ts";
import { named } from "../../core/describe.ts";
import { counted } from "../../core/figures.ts";
import { enforceDeadline, expiredBefore } from "../../core/enforce.ts";
import { duration, given, readOptions } from "../../core/options.ts";
import type { CallMiddleware, Service } from "../../core/service.ts";

/**
 * Options of {@linkcode deadline}.
 *
 * @example
 * ```ts
 * import { deadline, type DeadlineOptions } from "@wireway/wireway";
 * const options: DeadlineOptions = { defaultMs: 1000, maxMs: 10_000 };
 * deadline(options);
 * ```
 */
export interface DeadlineOptions {
  /** Time for a call that came with no deadline, in milliseconds. @default {Infinity} */
  defaultMs?: number;
  /** The most time that any call gets, in milliseconds, whatever its caller allows. @default {Infinity} */
  maxMs?: number;
  /** Measures it. @default {systemClock} */
  clock?: Clock;
}

/**
 * Keeps to the deadline in a call's context: rejects a call whose deadline has
 * passed without running it, and ends one that runs past it, so that a server
 * does no work that nobody waits for.
 *
 * A call has kept it when its reply is there: the body of a response, or the
 * stream behind a streamed reply, may take longer.
 *
 * Place: outermost on a server; on a client outside everything that may wait.
 *
 * Errors: `deadline-exceeded`, with `processed: "no"` where the call did not
 * run; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, deadline, mux, serve, tcp } from "@wireway/wireway";
 * const handler = (request: Uint8Array) => request;
 * await serve(chain(tcp({ port: 9000 }), mux()), chain(handler, deadline({ defaultMs: 1000, maxMs: 10_000 })));
 * ```
 */
export function deadline(options: DeadlineOptions = {}): CallMiddleware {
  const { defaultMs, maxMs, clock } = readOptions("deadline()", options, {
    defaultMs: duration(Infinity, 0),
    maxMs: duration(Infinity, 0),
    clock: given<Clock>(systemClock, "an object"),
  });
  const deadlines = deadlinesOf(clock);
  let cutShort = 0;
  const describe = (): string => {
    cutShort++;
    return "its deadline has passed";
  };
  return named(
    "deadline",
    { defaultMs, maxMs },
    <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> =>
      function deadline(request: Req, context: CallContext = background): Promise<Res> {
        const unbounded = context.deadline === Infinity;
        const limitMs = unbounded ? Math.min(defaultMs, maxMs) : maxMs;
        if (unbounded && limitMs === Infinity) return inner(request, context);
        const now = clock.now();
        if (context.deadline <= now) return Promise.reject(expiredBefore());
        const due = Math.min(context.deadline, now + limitMs);
        if (context.deadlineEnforced && context.deadline <= due) return inner(request, context);
        return enforceDeadline(inner, request, context, due, deadlines, describe);
      },
    () => [counted("cut short", cutShort)],
  );
}
