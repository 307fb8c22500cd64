/**
 * JSON-RPC 2.0: calls by name over messages, in both directions.
 *
 * @module
 */

import type { ChannelTransport } from "../../core/channel.ts";
import { named, withFigures } from "../../core/describe.ts";
import type { MethodRequest } from "../../core/method_call.ts";
import type { Handler, Middleware } from "../../core/service.ts";
import {
  emptyCallCounters,
  type Session,
  type SessionDialOptions,
  type SessionListener,
  type SessionListenOptions,
  type SessionTransport,
} from "../../core/session.ts";
import { SessionFigures } from "../../core/session_figures.ts";
import { listenSessions } from "../session_listener.ts";
import { JsonRpcSession } from "./json_rpc_session.ts";
import { type JsonRpcOptions, readJsonRpcOptions } from "./json_rpc_settings.ts";

export { jsonRpcError } from "./json_rpc_errors.ts";
export type { JsonRpcOptions } from "./json_rpc_settings.ts";

/**
 * Speaks JSON-RPC 2.0 in place of {@linkcode mux}: with language servers, with
 * whatever software has a JSON-RPC library, and between two ends of Wireway.
 * Either end may call the other. What goes over the wire is described in
 * `src/session/json_rpc/json_rpc.md`.
 *
 * A call is a request, `session.send()` a notification. Arguments that are
 * neither an array nor an object go as an array of one item. Errors travel as
 * error objects whose `data` has our code, `processed`, `retryAfterMs` and
 * `details`; those of other software become `remote` with its `code` and `data`
 * for details. {@linkcode jsonRpcError} makes one with a code of your own.
 *
 * Deadlines, priorities and metadata travel in a member `wireway`, which other
 * software passes over; so do streams ({@linkcode Streamed}), as notifications
 * with credit for items and characters. A call that is given up is told with
 * `$/cancelRequest`. `$/ping` is answered; any answer to it is a sign of life.
 *
 * JSON-RPC has no greeting: a call that is made while its connection is being
 * closed by a far side that has not heard of this end yet may be lost, and says
 * `maybe`.
 *
 * Place: on a channel transport, framed by {@linkcode newline} or
 * {@linkcode contentLength} for other software, or on the message middleware
 * around it. Over HTTP: {@linkcode jsonRpcHttp}.
 *
 * Errors: `too-many-calls`, `message-too-large`, `overloaded`, `draining`,
 * `closed`, `invalid-request` before a call is sent; `connection-lost`,
 * `deadline-exceeded`, `cancelled`, `remote`, `invalid-reply` and whatever the
 * far side's handler throws afterwards; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, jsonRpc, newline, serve, tcp } from "@wireway/wireway";
 * const wire = chain(tcp({ port: 9000, framing: newline() }), jsonRpc());
 * await using server = await serve(wire, (request) => ("method" in request ? request.params : null));
 * ```
 *
 * @example Call a language server
 * ```ts
 * import { chain, contentLength, jsonRpc, stdio } from "@wireway/wireway";
 * const wire = chain(
 *   stdio({ command: { program: "deno", args: ["lsp"] }, framing: contentLength() }),
 *   jsonRpc({ extensions: false }),
 * );
 * const session = await wire.dial();
 * await session.call({ method: "initialize", params: { processId: null, rootUri: null, capabilities: {} } });
 * ```
 */
export function jsonRpc(
  options: JsonRpcOptions = {},
): Middleware<ChannelTransport, SessionTransport<MethodRequest, unknown>> {
  const settings = readJsonRpcOptions(options);
  const { clock, observer: _, ...shown } = settings;
  return named("jsonRpc", shown, (inner: ChannelTransport): SessionTransport<MethodRequest, unknown> => {
    const figures = new SessionFigures();
    const counting = { ...settings, sent: figures.sent };
    return withFigures({
      async dial(
        { signal, handler }: SessionDialOptions<MethodRequest, unknown> = {},
      ): Promise<Session<MethodRequest, unknown>> {
        const channel = await inner.dial({ signal });
        return figures.dialled(new JsonRpcSession(channel, counting, handler, emptyCallCounters(), nobody));
      },

      listen(
        handler: Handler<MethodRequest, unknown>,
        { onSession }: SessionListenOptions<MethodRequest, unknown> = {},
      ): Promise<SessionListener> {
        return listenSessions(
          inner,
          clock,
          (channel, calls, owner) => new JsonRpcSession(channel, counting, handler, calls, owner),
          onSession,
        ).then((listener) => figures.serves(listener));
      },
    }, figures.figures);
  });
}

const nobody = { sessionReady: (): void => {}, sessionEnded: (): void => {} };
