/**
 * Calls over messages by their order alone: one message is a request, one its
 * reply.
 *
 * @module
 */

import type { ChannelTransport } from "../core/channel.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { named, withFigures } from "../core/describe.ts";
import type { TransportError } from "../core/errors.ts";
import { duration, given, integer, readOptions } from "../core/options.ts";
import type { Handler, Middleware } from "../core/service.ts";
import type {
  Session,
  SessionDialOptions,
  SessionListener,
  SessionListenOptions,
  SessionTransport,
} from "../core/session.ts";
import { SessionFigures } from "../core/session_figures.ts";
import { PipelineAnswerer } from "./pipeline_answerer.ts";
import { PipelineCaller } from "./pipeline_caller.ts";
import { listenSessions } from "./session_listener.ts";

/**
 * Options of {@linkcode pipeline}.
 *
 * @example
 * ```ts
 * import { pipeline, type PipelineOptions } from "@wireway/wireway";
 * const options: PipelineOptions = {
 *   errorReply: (error) => new TextEncoder().encode(`ERROR ${error.message}`),
 * };
 * pipeline(options);
 * ```
 */
export interface PipelineOptions {
  /** Calls in flight at once on a connection; the answering end reads no further than that. @default {64} */
  maxInFlight?: number;
  /** Makes the reply to a request whose handler failed. Default: none, the connection is closed. */
  errorReply?: (error: TransportError) => Uint8Array;
  /** Time for calls in flight to finish when a session is closed, in milliseconds. @default {30000} */
  closeTimeoutMs?: number;
  /** Measures deadlines. @default {systemClock} */
  clock?: Clock;
}

/**
 * Makes calls out of messages with nothing added: every message from the
 * dialling end is a request, every message back is the reply to the oldest
 * request without one. That is how Erlang's `gen_tcp`, netcat and any program
 * that can frame a message talk to a Wireway server.
 *
 * Handlers run side by side; replies go out in the order of the requests.
 * Deadlines, metadata and cancelling do not travel: a caller that gives up is
 * rejected, and the reply is dropped when it comes. There are no one-way sends
 * and no calls back. Use {@linkcode mux} between two Wireway ends.
 *
 * Place: directly on a channel transport, or on the message middleware around
 * it.
 *
 * Errors: `too-many-calls`, `draining`, `closed` before a call is sent;
 * `connection-lost`, `deadline-exceeded`, `cancelled` afterwards;
 * `unsupported`; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, newline, pipeline, serve, tcp, text } from "@wireway/wireway";
 * await serve(chain(tcp({ port: 9001, framing: newline() }), pipeline(), text()), (line) => line.toUpperCase());
 * ```
 */
export function pipeline(
  options: PipelineOptions = {},
): Middleware<ChannelTransport, SessionTransport<Uint8Array, Uint8Array>> {
  const settings = readOptions("pipeline()", options, {
    maxInFlight: integer(64, 1, 1_000_000),
    errorReply: given<((error: TransportError) => Uint8Array) | undefined>(undefined, "a function"),
    closeTimeoutMs: duration(30_000),
    clock: given<Clock>(systemClock, "an object"),
  });
  const { clock, ...shown } = settings;
  return named("pipeline", shown, (inner: ChannelTransport): SessionTransport<Uint8Array, Uint8Array> => {
    const figures = new SessionFigures();
    const counting = { ...settings, sent: figures.sent };
    return withFigures({
      async dial(
        { signal }: SessionDialOptions<Uint8Array, Uint8Array> = {},
      ): Promise<Session<Uint8Array, Uint8Array>> {
        return figures.dialled(new PipelineCaller(await inner.dial({ signal }), counting));
      },

      listen(
        handler: Handler<Uint8Array, Uint8Array>,
        { onSession }: SessionListenOptions<Uint8Array, Uint8Array> = {},
      ): Promise<SessionListener> {
        return listenSessions(
          inner,
          clock,
          (channel, calls, owner) => new PipelineAnswerer(channel, counting, handler, calls, owner),
          onSession,
        ).then((listener) => figures.serves(listener));
      },
    }, figures.figures);
  });
}
