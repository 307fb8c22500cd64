/**
 * tapMessages(): looks at the messages of connections.
 *
 * @module
 */

import type { Channel, ChannelTransport, Message, Receiver } from "../core/channel.ts";
import { named, withFigures } from "../core/describe.ts";
import type { TransportError } from "../core/errors.ts";
import { counted } from "../core/figures.ts";
import { given, readOptions } from "../core/options.ts";
import { looking } from "../util/looking.ts";
import { type MessageCounts, WrappedChannel } from "./wrapped_channel.ts";

/**
 * What {@linkcode tapMessages} tells. What these throw, and promises of theirs
 * that fail, are ignored.
 *
 * @example
 * ```ts
 * import { tapMessages, type TapMessagesOptions } from "@wireway/wireway";
 * const options: TapMessagesOptions = { onReceive: (message) => console.log(message.length) };
 * tapMessages(options);
 * ```
 */
export interface TapMessagesOptions {
  /** A connection is there: the side that dialled it is `client`. */
  onOpen?: (channel: Channel, side: "client" | "server") => unknown;
  /** A message was given to the channel to send, which took it. Do not change its bytes. */
  onSend?: (message: Message, channel: Channel) => unknown;
  /** A message has come. Do not change its bytes. */
  onReceive?: (message: Message, channel: Channel) => unknown;
  /** A connection is over; `error` says why where that was not in order. */
  onClose?: (error: TransportError | undefined, channel: Channel) => unknown;
}

/**
 * Shows the messages of all connections to whoever wants to see them, and
 * changes nothing. {@linkcode tap} does it for calls.
 *
 * Messages that are sent in two parts to save a copy are joined for `onSend`;
 * without it they go through as they are.
 *
 * Place: anywhere among the middleware for messages; it sees what passes there.
 *
 * Errors: `invalid-option`, and those of the channel.
 *
 * @example
 * ```ts
 * import { chain, mux, tapMessages, tcp } from "@wireway/wireway";
 * const wire = chain(
 *   tcp({ port: 9000 }),
 *   tapMessages({ onReceive: (message) => console.log("in", message.length) }),
 *   mux(),
 * );
 * ```
 */
export function tapMessages(options: TapMessagesOptions): (inner: ChannelTransport) => ChannelTransport {
  const settings = readOptions("tapMessages()", options, {
    onOpen: given<TapMessagesOptions["onOpen"]>(undefined, "a function"),
    onSend: given<TapMessagesOptions["onSend"]>(undefined, "a function"),
    onReceive: given<TapMessagesOptions["onReceive"]>(undefined, "a function"),
    onClose: given<TapMessagesOptions["onClose"]>(undefined, "a function"),
  });
  return named("tapMessages", settings, (inner: ChannelTransport): ChannelTransport => {
    const counts: MessageCounts = { messagesIn: 0, messagesOut: 0 };
    return withFigures({
      dial: (how) => inner.dial(how).then((channel) => tapped(channel, "client", settings, counts)),
      listen: (accept) => inner.listen((channel) => accept(tapped(channel, "server", settings, counts))),
    }, () => [counted("messages in", counts.messagesIn), counted("messages out", counts.messagesOut)]);
  });
}

function tapped(
  channel: Channel,
  side: "client" | "server",
  settings: TapMessagesOptions,
  counts: MessageCounts,
): Channel {
  const outer = new TappedChannel(channel, settings, counts);
  const { onOpen } = settings;
  if (onOpen !== undefined) looking(() => onOpen(outer, side));
  return outer;
}

class TappedChannel extends WrappedChannel {
  readonly #settings: TapMessagesOptions;
  readonly #counts: MessageCounts;
  readonly sendParts: Channel["sendParts"];

  constructor(inner: Channel, settings: TapMessagesOptions, counts: MessageCounts) {
    super(inner);
    this.#counts = counts;
    this.#settings = settings;
    // Without it a sender joins the parts itself, and they come by as one message.
    this.sendParts = settings.onSend !== undefined || inner.sendParts === undefined ? undefined : (...parts) => {
      const room = inner.sendParts!(...parts);
      counts.messagesOut++;
      return room;
    };
  }

  override send(message: Message, priority?: number): void | Promise<void> {
    const room = this.inner.send(message, priority);
    this.#counts.messagesOut++;
    const { onSend } = this.#settings;
    if (onSend !== undefined) looking(() => onSend(message, this));
    return room;
  }

  override receive(receiver: Receiver): void {
    const { onReceive, onClose } = this.#settings;
    this.inner.receive({
      message: (message) => {
        this.#counts.messagesIn++;
        if (onReceive !== undefined) looking(() => onReceive(message, this));
        return receiver.message(message);
      },
      end: () => receiver.end(),
      closed: (error) => {
        if (onClose !== undefined) looking(() => onClose(error, this));
        receiver.closed(error);
      },
    });
  }
}
