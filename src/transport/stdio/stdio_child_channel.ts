/**
 * The channel to a program that was started: over when the program is gone.
 *
 * @module
 */

import type { Address, Channel, ChannelCounters, Message, Receiver } from "../../core/channel.ts";
import type { TransportError } from "../../core/errors.ts";
import { tellClosed } from "../../core/tell_closed.ts";
import { StreamChannel } from "../stream/stream_channel.ts";
import { ChildStream } from "./stdio_child_stream.ts";
import type { CommandSettings, StdioSettings } from "./stdio_options.ts";
import { type ChildEnd, startProcess } from "./stdio_process.ts";

/** Starts a program and gives the channel to it. Throws `connect-failed`. */
export function openChild(settings: StdioSettings, command: CommandSettings, counters: ChannelCounters): Channel {
  return new ChildChannel(startProcess(settings, command), settings, command.program, counters);
}

/** A channel of bytes, whose end is that of the process. */
class ChildChannel implements Channel {
  readonly local: Address = { transport: "stdio", path: "this process" };
  readonly remote: Address;
  readonly #inner: StreamChannel;
  readonly #end: ChildEnd;
  #closing: Promise<void> | undefined = undefined;
  #aborted = false;

  constructor(end: ChildEnd, settings: StdioSettings, program: string, counters: ChannelCounters) {
    this.remote = { transport: "stdio", path: program };
    this.#end = end;
    const place = { side: "client", local: this.local, counters } as const;
    this.#inner = new StreamChannel(new ChildStream(end, settings.clock), settings, place, this.remote, null);
  }

  get maxMessageBytes(): number {
    return this.#inner.maxMessageBytes;
  }

  get bufferedBytes(): number {
    return this.#inner.bufferedBytes;
  }

  send(message: Message): void | Promise<void> {
    return this.#inner.send(message);
  }

  sendParts(head: Uint8Array, headLength: number, body: Uint8Array): void | Promise<void> {
    return this.#inner.sendParts(head, headLength, body);
  }

  receive(receiver: Receiver): void {
    this.#inner.receive({
      borrows: receiver.borrows,
      message: (message) => receiver.message(message),
      end: () => receiver.end(),
      closed: (error) => {
        if (this.#aborted) return receiver.closed(error);
        void this.#end.exited.then(() => tellClosed(receiver, error));
      },
    });
  }

  close(): Promise<void> {
    return this.#closing ??= this.#inner.close().then(() => this.#end.exited);
  }

  abort(reason: TransportError): void {
    this.#aborted = true;
    this.#inner.abort(reason);
  }
}
