/**
 * Channels: message-oriented connections, and the transports that make them.
 *
 * @module
 */

import type { ChannelCounters } from "./channel_counters.ts";
import type { TransportError } from "./errors.ts";

export { type ChannelCounters, emptyCounters, type KnownCounters } from "./channel_counters.ts";

/**
 * What a channel moves. Text is sent as UTF-8; whether it arrives as text or as
 * bytes is the transport's.
 *
 * @example
 * ```ts
 * import type { Message } from "@wireway/wireway";
 * const messages: Message[] = ["hello", new Uint8Array([1, 2, 3])];
 * ```
 */
export type Message = Uint8Array | string;

/**
 * Where an end of a connection is.
 *
 * @example
 * ```ts
 * import { type Address, formatAddress } from "@wireway/wireway";
 * const address: Address = { transport: "tcp", hostname: "127.0.0.1", port: 9000 };
 * formatAddress(address); // "127.0.0.1:9000"
 * ```
 */
export interface Address {
  /** The kind of transport: `tcp`, `unix`, `memory`, `http` … */
  readonly transport: string;
  /** Host name or IP address, where there is one. */
  readonly hostname?: string;
  /** Port, where there is one. */
  readonly port?: number;
  /** Path of a unix socket, or the name of an in-process transport. */
  readonly path?: string;
}

/**
 * An address as people write it: `127.0.0.1:9000`, `[::1]:9000` or a path.
 *
 * @example
 * ```ts
 * import { formatAddress } from "@wireway/wireway";
 * formatAddress({ transport: "tcp", hostname: "::1", port: 9000 }); // "[::1]:9000"
 * ```
 */
export function formatAddress(address: Address): string {
  if (address.hostname === undefined) return address.path ?? address.transport;
  const host = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  return address.port === undefined ? host : `${host}:${address.port}`;
}

/**
 * Takes what arrives on a channel.
 *
 * @example
 * ```ts
 * import type { Receiver } from "@wireway/wireway";
 * const receiver: Receiver = {
 *   message: (message) => console.log(message.length),
 *   end: () => console.log("the peer sends no more"),
 *   closed: (error) => console.log(error?.message ?? "closed"),
 * };
 * ```
 */
export interface Receiver {
  /**
   * Says that the bytes of a message are looked at only during `message()`, or
   * until the promise that it returned has settled. A channel on a socket then
   * reads into the same memory again: an echo of 1 KB messages was measured at
   * 1.3 times the rate. What is kept must be copied; what goes on to `send()` of
   * a channel on a socket need not be (`batch()` and `shape()` around it keep
   * what they are given), and messages of 64 KiB or more are never overwritten.
   * Read once, by `receive()`. Default false.
   */
  readonly borrows?: boolean;
  /**
   * One message. A message that was handed out is never overwritten, unless the
   * receiver {@linkcode Receiver.borrows}. Returning a promise stops the reading
   * until it has settled: that is the receiver's backpressure.
   */
  message(message: Message): void | Promise<void>;
  /** The beginning of a message has come, and the rest may be held back: see {@linkcode Channel.peerHoldsBack}. */
  begun?(): void;
  /** The peer sends no more, but may still read. */
  end(): void;
  /**
   * The channel is over: the last call, made exactly once. `error` says why where the end was not in order. What this
   * throws is told to the observer of the transport and goes no further.
   */
  closed(error: TransportError | undefined): void;
}

/**
 * One live, duplex, message-oriented connection.
 *
 * @example Answer every message with itself
 * ```ts
 * import type { Channel } from "@wireway/wireway";
 * function echo(channel: Channel): void {
 *   channel.receive({
 *     message: (message) => channel.send(message),
 *     end: () => void channel.close(),
 *     closed: () => {},
 *   });
 * }
 * ```
 */
export interface Channel {
  /** This end. */
  readonly local: Address;
  /** The far end. */
  readonly remote: Address;
  /** The largest message that this channel sends and takes, in bytes. */
  readonly maxMessageBytes: number;
  /** Bytes taken by `send()` that the platform has not taken yet. */
  readonly bufferedBytes: number;
  /** The protocol agreed in the TLS handshake, where there was one. */
  readonly alpnProtocol?: string | null;
  /** The subprotocol agreed on when the connection was opened, where there is such a thing; empty where none was. */
  readonly protocol?: string;
  /** What `authenticate` said of a client that it let in, where that was more than `true`. */
  readonly identity?: unknown;
  /**
   * Bytes of messages that wait here while the receiver pauses, where pausing
   * does not stop the peer: past that, and one message more, the channel ends
   * with `overloaded`. mux() then gives its peer credits. Absent where a pause
   * stops the peer.
   */
  readonly receiveLimitBytes?: number;
  /**
   * The far end may hold what it sends back until all before it is acknowledged
   * (Nagle's algorithm), as TLS listeners do on Deno, which can't be told not to.
   * mux() then says something while it waits: an acknowledgement goes along.
   */
  readonly peerHoldsBack?: boolean;

  /**
   * Sends a message. The channel owns it from then on: do not change its bytes.
   *
   * Returns a promise once more than the high-water mark is buffered, resolved
   * when there is room again: wait for it before sending more.
   *
   * Throws `closed` after the end, `message-too-large` past
   * {@linkcode Channel.maxMessageBytes}, and `overloaded` where a sender that
   * did not wait has filled the buffer to its limit. A message that was refused
   * has not been sent in part.
   *
   * `priority` is 0 (most urgent) to 7, as that of a call, or
   * {@linkcode lastPriority}; without it, 3. Where messages wait, channels that
   * can send urgent ones first; others ignore it. Messages of one priority keep
   * their order.
   */
  send(message: Message, priority?: number): void | Promise<void>;

  /**
   * Sends the first `headLength` bytes of `head` followed by `body` as one
   * message, without joining them first. Unlike the body, `head` is copied and
   * may be used again at once. Channels that can't save a copy leave it out.
   */
  sendParts?(head: Uint8Array, headLength: number, body: Uint8Array, priority?: number): void | Promise<void>;

  /** Starts the receiving. To be called once; nothing is read before. */
  receive(receiver: Receiver): void;

  /**
   * Ends in order: sends what was given to `send()`, tells the peer, takes
   * nothing new. Resolves when all is over. Calling it again returns the same
   * promise. `reason` is what the peer is told, where the protocol has words for
   * that, as WebSocket does.
   */
  close(reason?: TransportError): Promise<void>;

  /** Ends at once; what was not sent yet is lost. The receiver's `closed` gets `reason`. */
  abort(reason: TransportError): void;
}

/**
 * The priority of a message that must not overtake any that was sent before:
 * a farewell, say. It goes when nothing else waits.
 *
 * @example
 * ```ts
 * import { type Channel, lastPriority } from "@wireway/wireway";
 * declare const channel: Channel;
 * channel.send("that was all", lastPriority);
 * ```
 */
export const lastPriority = 8;

/**
 * What a dial may be given.
 *
 * @example
 * ```ts
 * import type { ChannelTransport, DialOptions } from "@wireway/wireway";
 * declare const transport: ChannelTransport;
 * const options: DialOptions = { signal: AbortSignal.timeout(1000) };
 * const channel = await transport.dial(options);
 * ```
 */
export interface DialOptions {
  /** Gives up the connecting. */
  signal?: AbortSignal;
}

/**
 * A place that accepts channels.
 *
 * @example
 * ```ts
 * import { type Channel, formatAddress, tcp } from "@wireway/wireway";
 * const listener = await tcp({ port: 0 }).listen((channel: Channel) => void channel.close());
 * console.log(formatAddress(listener.addr));
 * await listener.close();
 * ```
 */
export interface Listener {
  /** Where it listens, with the port that the system chose where it was left to it. */
  readonly addr: Address;
  /** Live counters. */
  readonly counters: ChannelCounters;
  /** Resolves when it has stopped accepting; rejects where it had to. */
  readonly finished: Promise<void>;
  /**
   * Stops accepting. The channels it has accepted live on, and are not waited for: a server that ends lets their calls
   * finish afterwards. (The callback of Node's `server.close()` does wait for them.)
   */
  close(): Promise<void>;
}

/**
 * Makes channels: by dialling and by listening. One value describes both ends.
 *
 * @example
 * ```ts
 * import { type ChannelTransport, tcp } from "@wireway/wireway";
 * const transport: ChannelTransport = tcp({ port: 9000 });
 * ```
 */
export interface ChannelTransport {
  /** Connects. Rejects with `connect-failed`, `connect-timeout` or `cancelled`. */
  dial(options?: DialOptions): Promise<Channel>;
  /** Listens. `accept` is called with each new channel and must set its receiver. Rejects with `address-in-use`, say. */
  listen(accept: (channel: Channel) => void): Promise<Listener>;
}
