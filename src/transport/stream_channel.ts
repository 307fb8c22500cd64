/**
 * A channel over a stream of bytes: a framing below, one coalescing writer, one
 * reader, and the end of the connection in all its forms.
 *
 * @module
 */

import {
  type Address,
  type Channel,
  type ChannelCounters,
  formatAddress,
  type Message,
  type Receiver,
} from "../core/channel.ts";
import type { Clock } from "../core/clock.ts";
import { type DeadlineEntry, deadlinesOf } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import { notify, type Observer } from "../core/observer.ts";
import type { FrameDecoder, Framing } from "../framing/framing.ts";
import { ReceiveBuffer } from "../framing/receive_buffer.ts";
import { type ByteSink, CoalescingWriter, noHead, type WriterLimits } from "./coalescing_writer.ts";

/** The stream that a channel is made of: `Deno.Conn` and its like. */
export interface ByteStream extends ByteSink {
  /** Reads into `bytes`; resolves with how many, or null at the end. */
  read(bytes: Uint8Array): Promise<number | null>;
  /** Tells the peer that nothing more comes. */
  closeWrite(): Promise<void>;
  /** Closes; whatever is under way is rejected. */
  close(): void;
}

/** Settings of a stream channel. */
export interface StreamSettings extends WriterLimits {
  readonly framing: Framing;
  /** Time without a byte received after which the connection ends, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Time in which a frame that was begun must be whole, in milliseconds. */
  readonly frameTimeoutMs: number;
  /** Time that a peer has to end its side after this one did, in milliseconds. */
  readonly lingerMs: number;
  readonly clock: Clock;
  readonly observer: Observer | undefined;
}

/** What the connections of one listener have in common, or what is known of a dialled one. */
export interface StreamPlace {
  readonly side: "client" | "server";
  readonly local: Address;
  readonly counters: ChannelCounters;
}

const encoder = new TextEncoder();

/** See the module. */
export class StreamChannel implements Channel, DeadlineEntry {
  readonly remote: Address;
  readonly alpnProtocol: string | null;
  readonly #stream: ByteStream;
  readonly #settings: StreamSettings;
  readonly #place: StreamPlace;
  readonly #writer: CoalescingWriter;
  readonly #decoder: FrameDecoder;
  readonly #received = new ReceiveBuffer();
  readonly #onRead = (count: number | null): void => this.#read(count);
  readonly #onReadFailed = (error: unknown): void => this.#lost("read from", error);
  #receiver: Receiver | undefined = undefined;
  /** The peer has sent its last byte. */
  #peerEnded = false;
  /** `close()` was called. */
  #closing: PromiseWithResolvers<void> | undefined = undefined;
  #over = false;
  /** Why it is over, where that was not in order. */
  #reason: TransportError | undefined = undefined;
  /** The receiver has asked for a pause. */
  #paused = false;
  #lastByteAt = 0;
  /** Since when a frame is unfinished; Infinity while none is. */
  #frameSince = Infinity;
  #lingerUntil = Infinity;
  /** What was still to be sent when the lingering was last looked at. */
  #lingerBytes = 0;

  // As an entry of the deadline queue the channel watches over itself.
  dueAt = Infinity;
  position = -1;
  readonly holds = false;

  constructor(
    stream: ByteStream,
    settings: StreamSettings,
    place: StreamPlace,
    remote: Address,
    alpnProtocol: string | null,
  ) {
    this.#stream = stream;
    this.#settings = settings;
    this.#place = place;
    this.remote = remote;
    this.alpnProtocol = alpnProtocol;
    this.#writer = new CoalescingWriter(stream, settings.framing, settings, this);
    this.#decoder = settings.framing.decoder();
    place.counters.connectionsOpen++;
    if (settings.observer !== undefined) {
      notify(settings.observer, {
        type: "connection-opened",
        side: place.side,
        local: place.local,
        remote: this.remote,
      });
    }
  }

  get local(): Address {
    return this.#place.local;
  }

  get maxMessageBytes(): number {
    return this.#settings.framing.maxBytes;
  }

  get bufferedBytes(): number {
    return this.#writer.bufferedBytes;
  }

  send(message: Message): void | Promise<void> {
    return this.sendParts(noHead, 0, typeof message === "string" ? encoder.encode(message) : message);
  }

  sendParts(head: Uint8Array, headLength: number, body: Uint8Array): void | Promise<void> {
    if (this.#closing !== undefined || this.#over) throw this.#closedError();
    const backpressure = this.#writer.send(head, headLength, body);
    this.#place.counters.messagesOut++;
    return backpressure;
  }

  receive(receiver: Receiver): void {
    if (this.#receiver !== undefined) throw new TransportError("unsupported", "Cannot receive twice on one channel");
    this.#receiver = receiver;
    if (this.#over) return receiver.closed(this.#reason);
    this.#lastByteAt = this.#settings.clock.now();
    this.#watch(this.#lastByteAt + this.#settings.idleTimeoutMs);
    this.#readMore();
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers<void>();
      if (this.#over) this.#closing.resolve();
      else this.#finish();
    }
    return this.#closing.promise;
  }

  abort(reason: TransportError): void {
    this.#end(reason);
  }

  // WriterOwner

  wrote(byteLength: number): void {
    this.#place.counters.bytesOut += byteLength;
  }

  writeFailed(error: unknown): void {
    this.#lost("write to", error);
  }

  // DeadlineEntry

  expire(): void {
    const { clock, idleTimeoutMs, frameTimeoutMs } = this.#settings;
    const now = clock.now();
    if (now >= this.#lingerUntil) return this.#lingered();
    if (now >= this.#frameSince + frameTimeoutMs) {
      const error = `Connection closed: ${
        formatAddress(this.remote)
      } began a frame and did not finish it within ${frameTimeoutMs} ms`;
      return this.#end(new TransportError("protocol", error));
    }
    if (now >= this.#lastByteAt + idleTimeoutMs && !this.#paused) {
      const error = `Connection closed: nothing came from ${formatAddress(this.remote)} for ${idleTimeoutMs} ms`;
      return this.#end(new TransportError("connection-lost", error));
    }
    // Bytes came in the meantime; look again when the next limit could be reached.
    const idleAt = this.#paused ? now + idleTimeoutMs : this.#lastByteAt + idleTimeoutMs;
    this.#watch(Math.min(idleAt, this.#frameSince + frameTimeoutMs, this.#lingerUntil));
  }

  /** Sees to it that `expire()` runs at `at`, or earlier where it would anyway. */
  #watch(at: number): void {
    if (at === Infinity) return;
    if (this.position >= 0 && this.dueAt <= at) return;
    const deadlines = deadlinesOf(this.#settings.clock);
    deadlines.remove(this);
    this.dueAt = at;
    deadlines.add(this);
  }

  #readMore(): void {
    if (this.#over) return;
    this.#stream.read(this.#received.space(this.#decoder.needed)).then(this.#onRead, this.#onReadFailed);
  }

  #read(count: number | null): void {
    if (this.#over) return;
    if (count === null) return this.#peerEnd();
    this.#place.counters.bytesIn += count;
    this.#received.filled(count);
    if (this.#settings.idleTimeoutMs !== Infinity) this.#lastByteAt = this.#settings.clock.now();
    this.#deliver();
  }

  /** Hands out the messages there are, until the receiver asks for a pause; then reads on. */
  #deliver(): void {
    const received = this.#received;
    const decoder = this.#decoder;
    const receiver = this.#receiver!;
    let messages = 0;
    try {
      while (decoder.next(received.bytes, received.start, received.end)) {
        received.start = decoder.frameEnd;
        messages++;
        const pause = receiver.message(received.bytes.subarray(decoder.messageStart, decoder.messageEnd));
        if (pause !== undefined) return this.#pause(pause);
        if (this.#over) return;
      }
    } catch (error) {
      return this.#end(TransportError.from(error, "protocol"));
    } finally {
      this.#place.counters.messagesIn += messages;
    }
    if (this.#peerEnded) return this.#afterPeerEnd();
    this.#noteFrame(messages);
    this.#readMore();
  }

  /** Notes since when a frame is unfinished. */
  #noteFrame(messages: number): void {
    if (this.#received.start === this.#received.end) {
      this.#frameSince = Infinity;
    } else if (this.#frameSince === Infinity || messages > 0) {
      const { clock, frameTimeoutMs } = this.#settings;
      if (frameTimeoutMs === Infinity) return;
      this.#frameSince = clock.now();
      this.#watch(this.#frameSince + frameTimeoutMs);
    }
  }

  #pause(until: Promise<void>): void {
    this.#paused = true;
    // While nothing is read the peer can't finish a frame: the time for it begins anew after the pause.
    this.#frameSince = Infinity;
    until.then(() => {
      this.#paused = false;
      if (this.#over) return;
      if (this.#settings.idleTimeoutMs !== Infinity) this.#lastByteAt = this.#settings.clock.now();
      this.#deliver();
    }, (error) => this.#end(TransportError.from(error, "protocol")));
  }

  #peerEnd(): void {
    this.#peerEnded = true;
    if (!this.#paused) this.#afterPeerEnd();
  }

  #afterPeerEnd(): void {
    const left = this.#received.end - this.#received.start;
    if (left > 0 && this.#closing === undefined) {
      return this.#end(
        new TransportError(
          "connection-lost",
          `Connection lost: ${formatAddress(this.remote)} ended in the middle of a frame, after ${left} of its bytes`,
        ),
      );
    }
    try {
      this.#receiver!.end();
    } catch (error) {
      return this.#end(TransportError.from(error, "protocol"));
    }
    if (this.#closing !== undefined && this.bufferedBytes === 0) this.#end(undefined);
  }

  /** The end in order: everything out, our side ended, the peer's end awaited so that nothing of ours is lost to a reset. */
  #finish(): void {
    this.#watchLinger();
    this.#writer.flushed().then(() => this.#over ? undefined : this.#stream.closeWrite()).then(() => {
      if (this.#over) return;
      if (this.#peerEnded) return this.#end(undefined);
      this.#watchLinger();
      // Nobody ever received on it: read on only to see the peer's end.
      if (this.#receiver === undefined) this.receive({ message: () => {}, end: () => {}, closed: () => {} });
    }).catch((error) => this.#lost("end the connection to", error));
  }

  #watchLinger(): void {
    this.#lingerBytes = this.bufferedBytes;
    this.#lingerUntil = this.#settings.clock.now() + this.#settings.lingerMs;
    this.#watch(this.#lingerUntil);
  }

  /** The peer's time is over: it has ended nothing, and perhaps not even taken what was sent before the end. */
  #lingered(): void {
    const left = this.bufferedBytes;
    if (left === 0) return this.#end(undefined);
    if (left < this.#lingerBytes) return this.#watchLinger();
    const remote = formatAddress(this.remote);
    const error = `Connection lost: ${remote} took none of the last ${left} bytes within ${this.#settings.lingerMs} ms`;
    this.#end(new TransportError("connection-lost", error));
  }

  #lost(doing: string, error: unknown): void {
    if (this.#over) return;
    // A peer that closed while we were ending in order has only been faster.
    if (this.#closing !== undefined && this.bufferedBytes === 0) return this.#end(undefined);
    const message = error instanceof Error ? error.message : String(error);
    this.#end(
      new TransportError(
        "connection-lost",
        `Connection lost: cannot ${doing} ${formatAddress(this.remote)}: ${message}`,
        { cause: error },
      ),
    );
  }

  #end(error: TransportError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#reason = error;
    deadlinesOf(this.#settings.clock).remove(this);
    this.#writer.stop(error ?? this.#closedError());
    try {
      this.#stream.close();
    } catch {
      // It was closed already, by the platform.
    }
    const { counters, side } = this.#place;
    counters.connectionsOpen--;
    if (error !== undefined) counters.connectionsFailed++;
    this.#closing ??= Promise.withResolvers<void>();
    this.#closing.resolve();
    deadlinesOf(this.#settings.clock).trim();
    if (this.#settings.observer !== undefined) {
      notify(this.#settings.observer, { type: "connection-closed", side, remote: this.remote, error });
    }
    this.#receiver?.closed(error);
  }

  #closedError(): TransportError {
    return new TransportError("closed", `Cannot use connection to ${formatAddress(this.remote)}: it is closed`);
  }
}
