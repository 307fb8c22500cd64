/**
 * tap(): looks at calls.
 *
 * @module
 */

import { background, type CallContext } from "../core/context.ts";
import { named, withFigures } from "../core/describe.ts";
import { counted, type Figure } from "../core/figures.ts";
import { given, readOptions } from "../core/options.ts";
import type { Service } from "../core/service.ts";
import { looking } from "../util/looking.ts";

/**
 * What {@linkcode tap} tells. What these throw, and promises of theirs that
 * fail, are ignored.
 *
 * @example
 * ```ts
 * import { tap, type TapOptions } from "@wireway/wireway";
 * const options: TapOptions<string, string> = { onError: (error, request) => console.error(request, error) };
 * tap(options);
 * ```
 */
export interface TapOptions<Req, Res> {
  /** A call begins. */
  onRequest?: (request: Req, context: CallContext) => unknown;
  /** A call was answered. The body of a `Response` is the caller's: do not read it. */
  onReply?: (reply: Res, request: Req, context: CallContext) => unknown;
  /** A call failed. */
  onError?: (error: unknown, request: Req, context: CallContext) => unknown;
}

/**
 * Shows calls, replies and errors to whoever wants to see them, and changes
 * nothing: the caller gets the inner service's own promise. What has not been
 * given costs nothing.
 *
 * {@linkcode tapMessages} does it for the messages of a connection.
 *
 * Place: anywhere; it sees what passes there.
 *
 * Errors: `invalid-option`, and those of the inner service.
 *
 * @example
 * ```ts
 * import { chain, tap } from "@wireway/wireway";
 * const call = chain(
 *   (name: string) => `hello, ${name}`,
 *   tap({ onReply: (reply, request) => console.log(`${request}: ${reply}`) }),
 * );
 * await call("world");
 * ```
 */
export function tap<Req, Res>(options: TapOptions<Req, Res>): (inner: Service<Req, Res>) => Service<Req, Res> {
  const { onRequest, onReply, onError } = readOptions("tap()", options, {
    onRequest: given<TapOptions<Req, Res>["onRequest"]>(undefined, "a function"),
    onReply: given<TapOptions<Req, Res>["onReply"]>(undefined, "a function"),
    onError: given<TapOptions<Req, Res>["onError"]>(undefined, "a function"),
  });
  const shown = { onRequest, onReply, onError };
  return named("tap", shown, (inner: Service<Req, Res>): Service<Req, Res> => {
    let calls = 0;
    const figures = (): Figure[] => [counted("calls", calls)];
    if (onReply === undefined && onError === undefined) {
      return withFigures(function tap(request: Req, context: CallContext = background): Promise<Res> {
        calls++;
        if (onRequest !== undefined) looking(onRequest, request, context);
        return inner(request, context);
      }, figures);
    }
    return withFigures(function tap(request: Req, context: CallContext = background): Promise<Res> {
      calls++;
      if (onRequest !== undefined) looking(onRequest, request, context);
      const call = inner(request, context);
      call.then((reply) => {
        if (onReply !== undefined) looking(onReply, reply, request, context);
      }, (error) => {
        if (onError !== undefined) looking(onError, error, request, context);
      });
      return call;
    }, figures);
  });
}
