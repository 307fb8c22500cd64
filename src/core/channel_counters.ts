/**
 * What a listener counts.
 *
 * @module
 */

/**
 * Live counters of a listener. Each is a plain number that only its owner
 * writes; read them whenever you like.
 *
 * @example
 * ```ts
 * import { emptyCounters } from "@wireway/wireway";
 * console.log(emptyCounters().connectionsOpen); // 0
 * ```
 */
export interface ChannelCounters {
  /** Connections that are open now. */
  connectionsOpen: number;
  /** Connections accepted since the start. */
  connectionsAccepted: number;
  /** Connections turned away: over the limit, or failed in the handshake. */
  connectionsRefused: number;
  /** Connections that ended with an error. */
  connectionsFailed: number;
  /** Bytes read from the wire. */
  bytesIn: number;
  /** Bytes written to the wire. */
  bytesOut: number;
  /** Messages received. */
  messagesIn: number;
  /** Messages sent. */
  messagesOut: number;
}

/**
 * Those of the counters that a server's transport can know; the others are
 * absent, since 0 would say something. http() has none: the platform's server
 * shows requests, not connections, nor what goes over the wire.
 *
 * @example
 * ```ts
 * import { http, type KnownCounters, serve } from "@wireway/wireway";
 * const server = await serve(http({ port: 8000 }), () => new Response("hello"));
 * const { connectionsOpen }: KnownCounters = server.channels; // undefined
 * ```
 */
export type KnownCounters = Readonly<Partial<ChannelCounters>>;

/**
 * Counters that start at 0.
 *
 * @example
 * ```ts
 * import { emptyCounters } from "@wireway/wireway";
 * const counters = emptyCounters();
 * ```
 */
export function emptyCounters(): ChannelCounters {
  return {
    connectionsOpen: 0,
    connectionsAccepted: 0,
    connectionsRefused: 0,
    connectionsFailed: 0,
    bytesIn: 0,
    bytesOut: 0,
    messagesIn: 0,
    messagesOut: 0,
  };
}
