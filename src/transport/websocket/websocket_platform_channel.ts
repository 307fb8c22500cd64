/**
 * A channel over the platform's `WebSocket`.
 *
 * What that can't do shapes it: reading can't be paused, so what comes while
 * the receiver pauses waits here, up to a limit; the goodbye of the peer ends
 * both directions; only some close codes may be sent.
 *
 * @module
 */

import { type Address, type Channel, formatAddress, type Message } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { closeCodeOf, closeReason, errorOfClose } from "../../framing/websocket/websocket_close.ts";
import { tooLarge as refusedTooLarge } from "../../framing/websocket/websocket_frames.ts";
import { byteLengthOf } from "../../util/byte_length.ts";
import { tooLarge } from "../stream/stream_errors.ts";
import type { StreamPlace } from "../stream/byte_stream.ts";
import { WatchedChannel, type WatchedSettings } from "../stream/watched_channel.ts";
import { whenClosed } from "./websocket_platform_end.ts";
import { PlatformInbox } from "./websocket_platform_inbox.ts";
import { PlatformSender, type SenderSettings } from "./websocket_platform_sender.ts";

/** Settings of a channel over the platform's object. */
export interface PlatformChannelSettings extends SenderSettings, WatchedSettings {
  readonly maxMessageBytes: number;
}

/** See the module. The socket is open. */
export class PlatformChannel extends WatchedChannel implements Channel {
  readonly protocol: string;
  readonly identity: unknown;
  // Its peer reckons with both, so they are those that held when it was opened.
  readonly maxMessageBytes: number;
  readonly receiveLimitBytes: number;
  readonly #socket: WebSocket;
  readonly #settings: PlatformChannelSettings;
  readonly #sender: PlatformSender;
  readonly #inbox: PlatformInbox;
  readonly #onMessage = (event: MessageEvent): void => this.#message(event.data);
  readonly #onClose = (event: CloseEvent): void => this.#socketClosed(event.code, event.reason);
  /** The goodbye was given to the platform. */
  #saidGoodbye = false;
  /** The peer has had its time to answer the goodbye, or to give a sign of life. */
  #late = false;
  /** The socket is closed: what has come by then is still handed out. */
  #closed: { readonly error: TransportError | undefined } | undefined = undefined;

  /** `protocol` is given, because the sockets of a server do not always know it. */
  constructor(
    socket: WebSocket,
    settings: PlatformChannelSettings,
    place: StreamPlace,
    remote: Address,
    protocol: string | undefined,
    identity?: unknown,
  ) {
    super(settings, place, remote);
    this.protocol = protocol ?? "";
    this.identity = identity;
    this.#socket = socket;
    this.#settings = settings;
    this.#sender = new PlatformSender(socket, settings);
    this.maxMessageBytes = settings.maxMessageBytes;
    this.receiveLimitBytes = settings.maxBufferedBytes;
    this.#inbox = new PlatformInbox(this.receiveLimitBytes + this.maxMessageBytes);
    // By addEventListener, since not every edge runtime has the properties that stand for it.
    socket.addEventListener("message", this.#onMessage);
    socket.addEventListener("close", this.#onClose);
    this.opened();
  }

  get bufferedBytes(): number {
    return this.#sender.bufferedBytes;
  }

  send(message: Message): void | Promise<void> {
    if (this.closing !== undefined || this.over || this.#closed !== undefined) throw this.#closedError();
    const bytes = byteLengthOf(message);
    const { maxMessageBytes } = this;
    if (bytes > maxMessageBytes) throw tooLarge(bytes, maxMessageBytes);
    const backpressure = this.#sender.send(message as string | Uint8Array<ArrayBuffer>, bytes);
    const { counters } = this.place;
    counters.messagesOut++;
    counters.bytesOut += bytes;
    return backpressure;
  }

  abort(reason: TransportError): void {
    if (this.over) return;
    if (!this.#saidGoodbye) this.#sayGoodbye(reason);
    this.end(reason);
  }

  // Watched

  probe(): void {}

  timedOut(error: TransportError): void {
    this.#late = true;
    this.abort(error);
  }

  lingered(): void {
    this.#late = true;
    this.end(this.#closed?.error);
  }

  protected override receiving(): void {
    if (this.#inbox.length > 0 || this.#closed !== undefined) queueMicrotask(() => this.deliver());
  }

  #message(data: unknown): void {
    if (this.over) return;
    if (typeof data !== "string" && !(data instanceof ArrayBuffer)) {
      return this.abort(new TransportError("unsupported", "Message refused: it is neither text nor an ArrayBuffer"));
    }
    const message = typeof data === "string" ? data : new Uint8Array(data);
    const bytes = byteLengthOf(message);
    const { maxMessageBytes } = this;
    if (bytes > maxMessageBytes) {
      return this.abort(refusedTooLarge(bytes, maxMessageBytes));
    }
    const { counters } = this.place;
    counters.messagesIn++;
    counters.bytesIn += bytes;
    this.watch.noteBytes();
    if (this.receiver !== undefined && !this.paused && this.#inbox.length === 0) return this.#hand(message);
    if (this.#inbox.add(message, bytes)) return;
    const why = `Connection closed: ${formatAddress(this.remote)} sent more than the ${this.#inbox.maxBytes} bytes ` +
      `that may wait for a receiver that pauses`;
    this.abort(new TransportError("overloaded", why, { processed: "maybe" }));
  }

  /** Gives a message to the receiver. */
  #hand(message: Message): void {
    try {
      const pause = this.receiver!.message(message);
      if (pause !== undefined) this.pause(pause);
    } catch (error) {
      this.abort(TransportError.from(error, "protocol"));
    }
  }

  /** Hands out what has waited, and then the end where it has come. */
  protected override deliver(): void {
    while (this.#inbox.length > 0 && !this.paused && !this.over) this.#hand(this.#inbox.take());
    if (this.#closed !== undefined && !this.paused && !this.over) this.#ended(this.#closed.error);
  }

  /** The end in order: everything out, then the goodbye, then the peer's awaited. */
  protected override finish(reason: TransportError | undefined): void {
    this.watch.linger();
    this.drain();
    if (this.#closed !== undefined || this.bufferedBytes === 0) return this.#sayGoodbye(reason);
    void this.#sender.flushed().then(() => {
      if (this.over || this.#closed !== undefined) return;
      this.watch.linger();
      this.#sayGoodbye(reason);
    });
  }

  #sayGoodbye(error: TransportError | undefined): void {
    this.#saidGoodbye = true;
    const code = closeCodeOf(error, this.place.side);
    const reason = error === undefined ? "" : new TextDecoder().decode(closeReason(error.message));
    try {
      this.#socket.close(code, reason);
    } catch {
      // Most platforms let a program say 1000 and the codes from 3000 on: what it stands for is said in those.
      this.#socket.close(3000 + code, reason);
    }
  }

  #socketClosed(code: number, reason: string): void {
    if (this.over) return;
    // Deno's has no code where the connection was lost.
    let error = errorOfClose(code === 0 ? 1006 : code, reason);
    // A peer that closed while this end was ending in order has only been faster.
    if (this.#saidGoodbye && error?.code === "connection-lost") error = undefined;
    this.#closed = { error };
    if (this.receiver !== undefined && this.#inbox.length === 0 && !this.paused) this.#ended(error);
  }

  #ended(error: TransportError | undefined): void {
    if (error?.code !== "connection-lost" && !this.tellEnd()) return;
    this.end(error);
  }

  protected override release(): Promise<void> | void {
    this.#socket.removeEventListener("message", this.#onMessage);
    this.#socket.removeEventListener("close", this.#onClose);
    this.#sender.stop();
    this.#inbox.clear();
    // The platform has no way to close a socket at once: its peer is asked, and answers.
    if (this.#closed !== undefined || this.#late) return;
    return whenClosed(this.#socket, this.#settings.clock, this.#settings.lingerMs);
  }

  #closedError(): TransportError {
    return new TransportError("closed", `Cannot use connection to ${formatAddress(this.remote)}: it is closed`);
  }
}
