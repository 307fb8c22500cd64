/**
 * Calls over messages: many at once on one connection, in both directions.
 *
 * @module
 */

import type { ChannelTransport } from "../core/channel.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { named } from "../core/describe.ts";
import { TransportError } from "../core/errors.ts";
import { liveSettings } from "../core/live_settings.ts";
import type { Observer } from "../core/observer.ts";
import { duration, flag, given, integer, readOptions } from "../core/options.ts";
import type { Handler, Middleware } from "../core/service.ts";
import {
  emptyCallCounters,
  type Session,
  type SessionDialOptions,
  type SessionListener,
  type SessionListenOptions,
  type SessionTransport,
} from "../core/session.ts";
import { SessionFigures } from "../core/session_figures.ts";
import type { StreamedBytes } from "./mux_call_streams.ts";
export type { StreamedBytes } from "./mux_call_streams.ts";
import { MuxSession } from "./mux_session.ts";
import type { MuxSettings } from "./mux_settings.ts";
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
  /**
   * Time for the peer's hello, in milliseconds. A session that is closed before waits for it, too: the peer may take it
   * for ready, and have sent calls. @default {5000}
   */
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
 * Options of {@linkcode mux} where requests and replies may be streams.
 *
 * @example
 * ```ts
 * import { mux, type StreamingMuxOptions } from "@wireway/wireway";
 * const options: StreamingMuxOptions = { streams: true, streamWindowBytes: 65_536 };
 * mux(options);
 * ```
 */
export interface StreamingMuxOptions extends MuxOptions {
  /** Lets a request and a reply be a {@linkcode Streamed}. Both ends must want that. */
  streams: true;
  /**
   * Bytes of one stream that may be on their way to this end, or wait here for their reader; each item counts 64 more.
   * The sender asks its source for no more than that, and one item. @default {262144} 256 KiB
   */
  streamWindowBytes?: number;
  /**
   * What that grows to while a reader takes items as fast as they come: a window that is small beside what the buffers
   * between two processes hold makes them wait for each other. @default {4194304} 4 MiB
   */
  maxStreamWindowBytes?: number;
  /**
   * The same for all streams of a connection together, in each direction. Readers that are slow hold a stream's window
   * each; where those of all hold this much, every stream waits for them. @default {33554432} 32 MiB
   */
  allStreamsBytes?: number;
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
 * With `streams: true` a request, a reply or both may be a {@linkcode Streamed}:
 * bytes, and items behind them, each with a window of its own. A source is asked
 * for an item only when its reader has room. Leaving the loop over a reply
 * cancels the call: the handler's signal aborts, its generator is left. A
 * handler that leaves the loop over a request, or replies before its end, stops
 * the caller's source. An error of a source reaches the loop of the reader; that
 * of a request also fails its call. A connection that is lost gives the reader
 * what has come, then `connection-lost`. The deadline of a call's context, where
 * no middleware keeps it, holds for its streams too. A call is in flight, at
 * both ends, until its streams have ended. A peer without streams is sent none:
 * such calls fail with `unsupported`.
 *
 * `maxInFlight`, `maxQueuedBytes` and the times can be changed while it works ({@linkcode adjustablesOf}). Calls of this end go
 * by a new `maxInFlight` at once; what the peer may send was promised to it, and changes with its next connection.
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
 * @example Streams
 * ```ts
 * import { chain, mux, reconnect, serve, Streamed, tcp, text } from "@wireway/wireway";
 * const wire = chain(tcp({ port: 9000 }), mux({ streams: true }), text());
 * async function* count(): AsyncGenerator<string> {
 *   for (let n = 0; n < 3; n++) yield `${n}`;
 * }
 * await using server = await serve(wire, () => new Streamed("three numbers", count()));
 * await using call = chain(wire, reconnect());
 * const reply = await call("count");
 * if (reply instanceof Streamed) { for await (const n of reply) console.log(n); }
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
export function mux(
  options: StreamingMuxOptions,
): Middleware<ChannelTransport, SessionTransport<StreamedBytes, StreamedBytes>>;
/** Makes calls out of messages, without streams. The same function: see above. */
export function mux(
  options?: MuxOptions & { streams?: false },
): Middleware<ChannelTransport, SessionTransport<Uint8Array, Uint8Array>>;
/** Makes calls out of messages, where a config file says whether there are streams. The same function: see above. */
export function mux(
  options: Omit<StreamingMuxOptions, "streams"> & { streams?: boolean },
): Middleware<ChannelTransport, SessionTransport<StreamedBytes, StreamedBytes>>;
export function mux(
  options: Omit<StreamingMuxOptions, "streams"> & { streams?: boolean } = {},
): Middleware<ChannelTransport, SessionTransport<StreamedBytes, StreamedBytes>> {
  const { streams, streamWindowBytes, maxStreamWindowBytes, allStreamsBytes, ...read } = readOptions(
    "mux()",
    options,
    muxRules,
  );
  const { clock, observer: _, ...rest } = read;
  const figures = new SessionFigures();
  const settings: MuxSettings = {
    ...read,
    sent: figures.sent,
    streams: streams
      ? { windowBytes: streamWindowBytes, maxWindowBytes: maxStreamWindowBytes, allBytes: allStreamsBytes }
      : undefined,
  };
  const shown = streams ? { ...rest, streams, streamWindowBytes, maxStreamWindowBytes, allStreamsBytes } : rest;
  return named(
    "mux",
    shown,
    (inner: ChannelTransport): SessionTransport<StreamedBytes, StreamedBytes> => {
      return {
        async dial(
          dialOptions: SessionDialOptions<StreamedBytes, StreamedBytes> = {},
        ): Promise<Session<StreamedBytes, StreamedBytes>> {
          const { signal, handler } = dialOptions;
          const channel = await inner.dial({ signal });
          const ready = Promise.withResolvers<void>();
          const session = new MuxSession(channel, settings, handler, emptyCallCounters(), {
            sessionReady: (one, error) => {
              if (error !== undefined) return ready.reject(error);
              figures.opened(one);
              ready.resolve();
            },
            sessionEnded: (one) => figures.ended(one),
          });
          const onAbort = (): void =>
            session.abort(TransportError.from(signal!.reason, "cancelled", { processed: "no" }));
          signal?.addEventListener("abort", onAbort, { once: true });
          if (signal?.aborted) onAbort();
          try {
            await ready.promise;
          } catch (error) {
            // What was given up has failed when nothing is left of it. A peer that was refused lingers: nobody waits for that.
            if (signal?.aborted) await channel.close();
            throw error;
          } finally {
            signal?.removeEventListener("abort", onAbort);
          }
          return session;
        },

        listen(
          handler: Handler<StreamedBytes, StreamedBytes>,
          listenOptions: SessionListenOptions<StreamedBytes, StreamedBytes> = {},
        ): Promise<SessionListener> {
          return listenSessions(
            inner,
            clock,
            (channel, calls, owner) => new MuxSession(channel, settings, handler, calls, owner),
            listenOptions.onSession,
          ).then((listener) => figures.serves(listener));
        },
      };
    },
    figures.figures,
    liveSettings("mux()", settings, muxRules, liveNames),
  );
}

const muxRules = {
  maxInFlight: integer(1024, 1, 1_000_000),
  maxMessageBytes: integer(undefined, 1, 0x7fff_ffff),
  helloTimeoutMs: duration(5000, 1),
  closeTimeoutMs: duration(30_000),
  pingTimeoutMs: duration(10_000, 1),
  maxQueuedBytes: integer(64 * 1024 * 1024, 1, 0x7fff_ffff),
  windowBytes: integer(1024 * 1024, 1, 0x7fff_ffff),
  streams: flag(false),
  streamWindowBytes: integer(256 * 1024, 1, 0x7fff_ffff),
  maxStreamWindowBytes: integer(4 * 1024 * 1024, 1, 0x7fff_ffff),
  allStreamsBytes: integer(32 * 1024 * 1024, 1, 0x7fff_ffff),
  clock: given<Clock>(systemClock, "an object"),
  observer: given<Observer | undefined>(undefined, "a function"),
};

/** What can be changed while it works. What was said to the peer in the hello of a connection stays as it was there. */
const liveNames = ["maxInFlight", "helloTimeoutMs", "closeTimeoutMs", "pingTimeoutMs", "maxQueuedBytes"] as const;
