/**
 * timeout(): bounds the time of a call.
 *
 * @module
 */

import { adjustable } from "../../core/adjustable.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { background, type CallContext } from "../../core/context.ts";
import { deadlinesOf } from "../../core/deadline_queue.ts";
import { named } from "../../core/describe.ts";
import { counted } from "../../core/figures.ts";
import { enforceDeadline, expiredBefore } from "../../core/enforce.ts";
import { duration, given, invalidOption, readOptions } from "../../core/options.ts";
import type { CallMiddleware, Service } from "../../core/service.ts";

/**
 * Options of {@linkcode timeout}.
 *
 * @example
 * ```ts
 * import { timeout, type TimeoutOptions } from "@wireway/wireway";
 * const options: TimeoutOptions = { ms: 200 };
 * timeout(options);
 * ```
 */
export interface TimeoutOptions {
  /** How long a call may take, in milliseconds. */
  ms: number;
  /** Measures it. @default {systemClock} */
  clock?: Clock;
}

/**
 * Gives each call at most `ms` milliseconds. When they have passed the call is
 * cancelled, all the way to the far side's handler, and rejected. An earlier
 * deadline that the call came with stays.
 *
 * All timeouts of a process share one timer, so one costs well under a
 * microsecond. It ends a call up to a few milliseconds late, as the platform's
 * timers do, and never early.
 *
 * A call's time is over when its reply is there: the body of a response, or the
 * stream behind a streamed reply, may take longer. Such a call can still be
 * cancelled, through its context or by its reader.
 *
 * Place: around everything whose time it shall bound. Outside a retry it bounds
 * all attempts together, inside it each of them.
 *
 * While it runs `ms` can be changed ({@linkcode adjustablesOf}), for calls that begin after that.
 *
 * Errors: `deadline-exceeded`, with `processed: "maybe"`, or `"no"` where the
 * call had still waited for its turn or a connection; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, mux, reconnect, tcp, timeout } from "@wireway/wireway";
 * await using call = chain(tcp({ port: 9000 }), mux(), reconnect(), timeout({ ms: 200 }));
 * ```
 */
export function timeout(options: TimeoutOptions): CallMiddleware {
  const rule = duration(undefined, 0);
  const { ms: given, clock } = readOptions("timeout()", options, { ms: rule, clock: clockRule });
  if (given === undefined) throw invalidOption("timeout()", "ms", given, "a time in milliseconds");
  let ms: number = given;
  const deadlines = deadlinesOf(clock);
  let cutShort = 0;
  const describe = (): string => {
    cutShort++;
    return `it took longer than ${ms} ms`;
  };
  return named(
    "timeout",
    { ms },
    <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> =>
      function timeout(request: Req, context: CallContext = background): Promise<Res> {
        const now = clock.now();
        if (context.deadline <= now) return Promise.reject(expiredBefore());
        const deadline = now + ms;
        // An outer layer sees to an earlier deadline already.
        if (context.deadlineEnforced && context.deadline <= deadline) return inner(request, context);
        return enforceDeadline(inner, request, context, Math.min(deadline, context.deadline), deadlines, describe);
      },
    () => [counted("cut short", cutShort)],
    adjustable("timeout()", { ms: { rule, min: rule.min, get: () => ms, set: (value) => ms = Number(value) } }),
  );
}

const clockRule = given<Clock>(systemClock, "an object");
