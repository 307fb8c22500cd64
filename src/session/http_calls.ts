/**
 * Calls in bytes over HTTP: the same service as over TCP, by POST.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import type { CallContext } from "../core/context.ts";
import { named, withFigures } from "../core/describe.ts";
import { given, integer, invalidOption, label, readOptions } from "../core/options.ts";
import type { Handler, Middleware } from "../core/service.ts";
import {
  emptyCallCounters,
  type Session,
  type SessionDialOptions,
  type SessionListener,
  type SessionTransport,
} from "../core/session.ts";
import { SessionFigures } from "../core/session_figures.ts";
import { answering, atPath, type HttpCallSettings } from "./http_calls_answering.ts";
import { HttpCallSession } from "./http_calls_session.ts";
import { countingListener } from "./session_listener.ts";

/**
 * Options of {@linkcode httpCalls}.
 *
 * @example
 * ```ts
 * import { httpCalls, type HttpCallsOptions } from "@wireway/wireway";
 * const options: HttpCallsOptions = { path: "/rpc", maxMessageBytes: 65_536 };
 * httpCalls(options);
 * ```
 */
export interface HttpCallsOptions {
  /** Where calls are posted. @default {"/call"} */
  path?: string;
  /** The largest request or reply, in bytes. @default {16777216} 16 MiB */
  maxMessageBytes?: number;
  /** Measures deadlines. @default {systemClock} */
  clock?: Clock;
}

/**
 * Carries calls in bytes over HTTP: a call is a POST with the request as its
 * body, its reply a 200 with the reply as its body. Deadlines, metadata,
 * cancelling and errors travel as with {@linkcode mux}; any HTTP client can
 * call, too. There are no one-way sends and no calls back.
 *
 * An error is a status of 400 or above, `wireway-error: CODE`, and a JSON body
 * with `message`, `processed`, `retryAfterMs` and `details`.
 *
 * Place: directly on {@linkcode http}.
 *
 * Errors: those of the transport below; `message-too-large`, `remote` and
 * whatever {@linkcode TransportError} the far side's handler throws;
 * `connection-lost` for a 502, 503 or 504 that is none of ours, `invalid-reply`
 * for any other such answer; `invalid-option`.
 *
 * @example The same service on TCP and HTTP
 * ```ts
 * import { chain, http, httpCalls, mux, serve, tcp, text } from "@wireway/wireway";
 * const hello = (name: string) => `hello ${name}`;
 * await serve(chain(tcp({ port: 9000 }), mux(), text()), hello);
 * await serve(chain(http({ port: 8000 }), httpCalls(), text()), hello);
 * ```
 */
export function httpCalls(
  options: HttpCallsOptions = {},
): Middleware<SessionTransport<Request, Response>, SessionTransport<Uint8Array, Uint8Array>> {
  const settings = readSettings("httpCalls()", options);
  const { path, maxMessageBytes } = settings;
  return named("httpCalls", { path, maxMessageBytes }, (
    inner: SessionTransport<Request, Response>,
  ): SessionTransport<Uint8Array, Uint8Array> => {
    const figures = new SessionFigures();
    return withFigures({
      async dial(
        { signal }: SessionDialOptions<Uint8Array, Uint8Array> = {},
      ): Promise<Session<Uint8Array, Uint8Array>> {
        return figures.dialled(new HttpCallSession(await inner.dial({ signal }), settings, figures.sent));
      },
      async listen(handler: Handler<Uint8Array, Uint8Array>): Promise<SessionListener> {
        const calls = emptyCallCounters();
        const listener = await inner.listen(atPath(path, answering(handler, settings, calls)));
        return figures.serves(countingListener(listener, calls));
      },
    }, figures.figures);
  });
}

/**
 * The answering end of {@linkcode httpCalls} alone, as a handler of requests:
 * for a route of somebody else's HTTP server. `path` is left to the route.
 *
 * Errors: none; they are answers. `invalid-option`.
 *
 * @example
 * ```ts
 * import { answerCalls, http, serve } from "@wireway/wireway";
 * const calls = answerCalls((request) => request);
 * await serve(http({ port: 8000 }), (request, context) => {
 *   return new URL(request.url).pathname === "/call" ? calls(request, context) : new Response("hello");
 * });
 * ```
 */
export function answerCalls(
  handler: Handler<Uint8Array, Uint8Array>,
  options: HttpCallsOptions = {},
): (request: Request, context: CallContext) => Promise<Response> {
  return answering(handler, readSettings("answerCalls()", options), emptyCallCounters());
}

function readSettings(owner: string, options: HttpCallsOptions): HttpCallSettings {
  const settings = readOptions(owner, options, {
    path: label("/call"),
    maxMessageBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
    clock: given<Clock>(systemClock, "an object"),
  });
  if (!settings.path.startsWith("/")) throw invalidOption(owner, "path", settings.path, "a path that begins with /");
  return settings;
}
