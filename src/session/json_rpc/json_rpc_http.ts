/**
 * JSON-RPC 2.0 over HTTP: each request or batch is a POST.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import type { CallContext } from "../../core/context.ts";
import { named, withFigures } from "../../core/describe.ts";
import type { MethodRequest } from "../../core/method_call.ts";
import { flag, given, integer, invalidOption, label, readOptions } from "../../core/options.ts";
import type { Handler, Middleware } from "../../core/service.ts";
import {
  emptyCallCounters,
  type Session,
  type SessionDialOptions,
  type SessionListener,
  type SessionTransport,
} from "../../core/session.ts";
import { SessionFigures } from "../../core/session_figures.ts";
import { countingListener } from "../session_listener.ts";
import { answering, type JsonRpcHttpSettings } from "./json_rpc_http_answering.ts";
import { JsonRpcHttpSession } from "./json_rpc_http_session.ts";

/**
 * Options of {@linkcode jsonRpcHttp} and {@linkcode jsonRpcHandler}.
 *
 * @example
 * ```ts
 * import { jsonRpcHttp, type JsonRpcHttpOptions } from "@wireway/wireway";
 * const options: JsonRpcHttpOptions = { path: "/api", maxBatchLength: 20 };
 * jsonRpcHttp(options);
 * ```
 */
export interface JsonRpcHttpOptions {
  /** Where calls are posted. @default {"/rpc"} */
  path?: string;
  /** The largest message, and the longest line of a stream, in bytes. @default {16777216} 16 MiB */
  maxMessageBytes?: number;
  /** How deep arrays and objects of a message that comes in may stand in each other. @default {256} */
  maxDepth?: number;
  /** Requests in one batch. @default {1000} */
  maxBatchLength?: number;
  /**
   * What answers a POST of nothing but notifications: 204, or 202. Some software takes nothing but 200 for a success,
   * with an empty body. @default {204}
   */
  notificationStatus?: 200 | 202 | 204;
  /** Sends the member `wireway`, in which deadlines travel, and takes streams. @default {true} */
  extensions?: boolean;
  /** Measures deadlines. @default {systemClock} */
  clock?: Clock;
}

/**
 * Speaks JSON-RPC 2.0 over HTTP: a call is a POST, its reply a 200 with the
 * response object, error or not. A notification is answered with 204. Metadata
 * are header fields; there are no calls back. A reply may be a stream, which
 * goes as newline-delimited JSON, or as server-sent events where the client
 * accepts nothing else. So may a request, as newline-delimited JSON, and both
 * at once where the HTTP below sends and receives at once: own sockets and
 * Deno's `fetch` do; browsers, where their `fetch` streams at all, give the
 * reply once the request has ended. A slow handler stops the source through the
 * body; a handler that answers early, and a caller that gives up, end the other
 * side's stream, and with it what may be an HTTP/1.1 connection.
 *
 * Place: directly on {@linkcode http}.
 *
 * Errors: those of the transport below; `message-too-large`, `remote` and
 * whatever the far side's handler throws; `connection-lost` for a 502, 503 or
 * 504, and for a stream that ends too soon; `invalid-reply` for any other answer
 * that is none; `unsupported` for a stream where the server takes none, where
 * `extensions` is off, and one way; `invalid-request` for an item that is not
 * JSON; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, http, jsonRpcHttp, serve } from "@wireway/wireway";
 * const wire = chain(http({ port: 8000 }), jsonRpcHttp());
 * await serve(wire, (request) => ("method" in request ? request.params : null));
 * ```
 */
export function jsonRpcHttp(
  options: JsonRpcHttpOptions = {},
): Middleware<SessionTransport<Request, Response>, SessionTransport<MethodRequest, unknown>> {
  const settings = readSettings("jsonRpcHttp()", options);
  const { clock: _, ...shown } = settings;
  return named("jsonRpcHttp", shown, (
    inner: SessionTransport<Request, Response>,
  ): SessionTransport<MethodRequest, unknown> => {
    const figures = new SessionFigures();
    return withFigures({
      async dial(
        { signal }: SessionDialOptions<MethodRequest, unknown> = {},
      ): Promise<Session<MethodRequest, unknown>> {
        return figures.dialled(new JsonRpcHttpSession(await inner.dial({ signal }), settings, figures.sent));
      },
      async listen(handler: Handler<MethodRequest, unknown>): Promise<SessionListener> {
        const calls = emptyCallCounters();
        const answer = answering(handler, settings, calls);
        const listener = await inner.listen((request, context) => {
          if (new URL(request.url).pathname === settings.path) return answer(request, context);
          return new Response(`Not found: calls are posted to ${settings.path}\n`, { status: 404 });
        });
        return figures.serves(countingListener(listener, calls));
      },
    }, figures.figures);
  });
}

/**
 * The answering end of {@linkcode jsonRpcHttp} alone, as a handler of requests:
 * for a route of somebody else's HTTP server. `path` is left to the route.
 *
 * Errors: none; they are answers: 405 for what is no POST, 415 for what is no
 * JSON, 413 for what is too large. `invalid-option`.
 *
 * @example
 * ```ts
 * import { callContext, jsonRpcHandler } from "@wireway/wireway";
 * const rpc = jsonRpcHandler((request) => ("method" in request ? request.params : null));
 * const fetch = (request: Request) => rpc(request, callContext());
 * ```
 */
export function jsonRpcHandler(
  handler: Handler<MethodRequest, unknown>,
  options: JsonRpcHttpOptions = {},
): (request: Request, context: CallContext) => Promise<Response> {
  return answering(handler, readSettings("jsonRpcHandler()", options), emptyCallCounters());
}

function readSettings(owner: string, options: JsonRpcHttpOptions): JsonRpcHttpSettings {
  const settings = readOptions(owner, options, {
    path: label("/rpc"),
    maxMessageBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
    maxDepth: integer(256, 3, 10_000),
    maxBatchLength: integer(1000, 1, 1_000_000),
    notificationStatus: {
      allowed: "200, 202 or 204",
      fallback: 204,
      accepts: (value) => value === 200 || value === 202 || value === 204,
    },
    extensions: flag(true),
    clock: given<Clock>(systemClock, "an object"),
  });
  if (!settings.path.startsWith("/")) throw invalidOption(owner, "path", settings.path, "a path that begins with /");
  return settings;
}
