/**
 * Calls over messages: many at once on one connection, in both directions.
 *
 * @module
 */

import type { ChannelTransport } from "../core/channel.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { named, withFigures } from "../core/describe.ts";
import { TransportError } from "../core/errors.ts";
import { counted, current } from "../core/figures.ts";
import type { Observer } from "../core/observer.ts";
import { duration, given, integer, readOptions } from "../core/options.ts";
import type { Handler, Middleware } from "../core/service.ts";
import {
  type CallCounters,
  emptyCallCounters,
  type Session,
  type SessionDialOptions,
  type SessionListener,
  type SessionListenOptions,
  type SessionTransport,
} from "../core/session.ts";
import type { MuxSettings } from "./mux_link.ts";
import { MuxSession } from "./mux_session.ts";
import { listenSessions } from "./session_listener.ts";

/**
 * Options of {@linkcode mux}.
 *
 * @example
 * ```ts
 * import { mux, type MuxOptions } from "@wireway/wireway";
 * const options: MuxOptions = { maxInFlight: 256, maxMessageBytes: 65_536 };
 * mux(options);
 * ```
 */
export interface MuxOptions {
  /** Calls in flight at once on a connection, in each direction. The smaller of the two ends' limits holds. @default {1024} */
  maxInFlight?: number;
  /** The largest request or reply, in bytes. Default: what the channel takes, less 5 bytes. */
  maxMessageBytes?: number;
  /** Time for the peer's hello, in milliseconds. @default {5000} */
  helloTimeoutMs?: number;
  /** Time for calls in flight to finish when a session is closed, in milliseconds. @default {30000} */
  closeTimeoutMs?: number;
  /** Time for the answer to a ping, in milliseconds. @default {10000} */
  pingTimeoutMs?: number;
  /**
   * Bytes that wait for a peer that reads slowly. Past it calls are refused with
   * `overloaded`, and where replies wait, nothing more is read. @default {67108864} 64 MiB
   */
  maxQueuedBytes?: number;
  /**
   * Bytes of calls and replies that may be on their way to this end before it has taken them up, where the channel of
   * either end can't stop its peer: the platform's WebSocket. Half of what such a channel holds is the most.
   * @default {1048576} 1 MiB
   */
  windowBytes?: number;
  /** Measures deadlines. @default {systemClock} */
  clock?: Clock;
  /** Hears of sessions that drain. */
  observer?: Observer;
}

/**
 * Makes calls out of messages. Any number of calls share one connection, and
 * either side may call the other. Deadlines, priorities, metadata, cancelling
 * and errors travel with the calls. The bytes on the wire are described in
 * `src/session/mux.md`; a call without metadata takes 5 bytes beside its
 * payload, 9 with a length prefix of 4.
 *
 * A call whose caller gives up is rejected at once, and the far side's handler
 * sees its signal abort. A call with a deadline is rejected when it has passed,
 * and the far side refuses it if it has passed on arrival.
 *
 * A channel that can't stop its peer says so, and the two ends then give each
 * other credits: a peer that does not take up what it is sent stops its sender
 * after `windowBytes`.
 *
 * Place: directly on a channel transport, or on the message middleware around
 * it.
 *
 * Errors: `too-many-calls`, `message-too-large`, `overloaded`, `draining`,
 * `closed` before a call is sent; `connection-lost`, `deadline-exceeded`,
 * `cancelled`, `remote` and whatever {@linkcode TransportError} the far side's
 * handler throws afterwards; `version-mismatch`, `protocol`, `connect-timeout`
 * from dialling; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, mux, serve, tcp } from "@wireway/wireway";
 * const wire = chain(tcp({ port: 9000 }), mux({ maxInFlight: 256 }));
 * await using server = await serve(wire, (request) => request);
 * ```
 *
 * @example Call back
 * ```ts
 * import { chain, type Handler, mux, serve, tcp, text } from "@wireway/wireway";
 * const handler: Handler<string, string> = async (request, context) => {
 *   const name = await context.peer?.call("who are you?");
 *   return `${name} said ${request}`;
 * };
 * await serve(chain(tcp({ port: 9000 }), mux(), text()), handler);
 * ```
 */
export function mux(options: MuxOptions = {}): Middleware<ChannelTransport, SessionTransport<Uint8Array, Uint8Array>> {
  const settings: MuxSettings = readOptions("mux()", options, {
    maxInFlight: integer(1024, 1, 1_000_000),
    maxMessageBytes: integer(undefined, 1, 0x7fff_ffff),
    helloTimeoutMs: duration(5000, 1),
    closeTimeoutMs: duration(30_000),
    pingTimeoutMs: duration(10_000, 1),
    maxQueuedBytes: integer(64 * 1024 * 1024, 1, 0x7fff_ffff),
    windowBytes: integer(1024 * 1024, 1, 0x7fff_ffff),
    clock: given<Clock>(systemClock, "an object"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
  const { clock, observer: _, ...shown } = settings;
  return named("mux", shown, (inner: ChannelTransport): SessionTransport<Uint8Array, Uint8Array> => {
    const dialled = new Set<Session<Uint8Array, Uint8Array>>();
    let served: CallCounters | undefined;
    const transport: SessionTransport<Uint8Array, Uint8Array> = {
      async dial(
        dialOptions: SessionDialOptions<Uint8Array, Uint8Array> = {},
      ): Promise<Session<Uint8Array, Uint8Array>> {
        const { signal, handler } = dialOptions;
        const channel = await inner.dial({ signal });
        const ready = Promise.withResolvers<void>();
        const session = new MuxSession(channel, settings, handler, emptyCallCounters(), {
          sessionReady: (one, error) => {
            if (error !== undefined) return ready.reject(error);
            dialled.add(one);
            ready.resolve();
          },
          sessionEnded: (one) => void dialled.delete(one),
        });
        const onAbort = (): void =>
          session.abort(TransportError.from(signal!.reason, "cancelled", { processed: "no" }));
        signal?.addEventListener("abort", onAbort, { once: true });
        if (signal?.aborted) onAbort();
        try {
          await ready.promise;
        } finally {
          signal?.removeEventListener("abort", onAbort);
        }
        return session;
      },

      listen(
        handler: Handler<Uint8Array, Uint8Array>,
        listenOptions: SessionListenOptions<Uint8Array, Uint8Array> = {},
      ): Promise<SessionListener> {
        return listenSessions(
          inner,
          clock,
          (channel, calls, owner) => new MuxSession(channel, settings, handler, calls, owner),
          listenOptions.onSession,
        ).then((listener) => {
          served = listener.calls;
          return listener;
        });
      },
    };
    return withFigures(transport, () => [
      ...(served === undefined || dialled.size > 0
        ? [
          current("sessions", dialled.size),
          current("in flight", Array.from(dialled).reduce((sum, { load }) => sum + load, 0)),
        ]
        : []),
      ...(served === undefined ? [] : [
        current("answering", served.inFlight),
        counted("answered", served.started),
        counted("failed", served.failed),
        counted("turned away", served.refused),
      ]),
    ]);
  });
}
