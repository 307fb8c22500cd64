/**
 * A channel that stands around another one, and the transport of such channels.
 *
 * @module
 */

import type {
  Address,
  Channel,
  ChannelCounters,
  ChannelTransport,
  Listener,
  Message,
  Receiver,
} from "../core/channel.ts";
import type { TransportError } from "../core/errors.ts";

/** Passes everything on to the channel within. */
export class WrappedChannel implements Channel {
  protected readonly inner: Channel;

  constructor(inner: Channel) {
    this.inner = inner;
  }

  get local(): Address {
    return this.inner.local;
  }
  get remote(): Address {
    return this.inner.remote;
  }
  get maxMessageBytes(): number {
    return this.inner.maxMessageBytes;
  }
  get bufferedBytes(): number {
    return this.inner.bufferedBytes;
  }
  get peerHoldsBack(): boolean | undefined {
    return this.inner.peerHoldsBack;
  }

  get alpnProtocol(): string | null | undefined {
    return this.inner.alpnProtocol;
  }
  get protocol(): string | undefined {
    return this.inner.protocol;
  }
  get identity(): unknown {
    return this.inner.identity;
  }
  get receiveLimitBytes(): number | undefined {
    return this.inner.receiveLimitBytes;
  }

  send(message: Message, priority?: number): void | Promise<void> {
    return this.inner.send(message, priority);
  }

  receive(receiver: Receiver): void {
    this.inner.receive(receiver);
  }

  close(reason?: TransportError): Promise<void> {
    return this.inner.close(reason);
  }

  abort(reason: TransportError): void {
    this.inner.abort(reason);
  }
}

/** Messages that went through the channels of a transport, or of one listener. */
export interface MessageCounts {
  messagesIn: number;
  messagesOut: number;
}

/** A transport that wraps each channel of another one. Messages are counted as they are out here, all else is the other's. */
export function wrapTransport<C extends Channel>(
  inner: ChannelTransport,
  wrap: (channel: Channel, counts: MessageCounts, side: "client" | "server") => C,
): {
  dial: (...how: Parameters<ChannelTransport["dial"]>) => Promise<C>;
  listen: (accept: (channel: C) => void) => Promise<Listener>;
} {
  return {
    dial: async (how) => wrap(await inner.dial(how), { messagesIn: 0, messagesOut: 0 }, "client"),
    async listen(accept) {
      const counts: MessageCounts = { messagesIn: 0, messagesOut: 0 };
      const listener = await inner.listen((channel) => accept(wrap(channel, counts, "server")));
      return {
        addr: listener.addr,
        counters: new WrappedCounters(listener.counters, counts),
        finished: listener.finished,
        close: () => listener.close(),
      };
    },
  };
}

/** The counters of the listener within, but for the messages. */
class WrappedCounters implements ChannelCounters {
  readonly #inner: ChannelCounters;
  readonly #counts: MessageCounts;

  constructor(inner: ChannelCounters, counts: MessageCounts) {
    this.#inner = inner;
    this.#counts = counts;
  }

  get connectionsOpen(): number {
    return this.#inner.connectionsOpen;
  }
  get connectionsAccepted(): number {
    return this.#inner.connectionsAccepted;
  }
  get connectionsRefused(): number {
    return this.#inner.connectionsRefused;
  }
  get connectionsFailed(): number {
    return this.#inner.connectionsFailed;
  }
  get bytesIn(): number {
    return this.#inner.bytesIn;
  }
  get bytesOut(): number {
    return this.#inner.bytesOut;
  }
  get messagesIn(): number {
    return this.#counts.messagesIn;
  }
  get messagesOut(): number {
    return this.#counts.messagesOut;
  }
}
