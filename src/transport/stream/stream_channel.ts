/**
 * A channel over a stream of bytes: a framing below, one coalescing writer, one
 * reader, and how the connection ends.
 *
 * @module
 */

import type { Address, Channel, Message } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import type { FrameDecoder, FrameProtocol, ProtocolLine } from "../../framing/framing.ts";
import { ReceiveBuffer } from "../../framing/receive_buffer.ts";
import { viewOf } from "../../util/view_of.ts";
import type { ByteStream, StreamPlace, StreamProtocol, StreamSettings } from "./byte_stream.ts";
import { CoalescingWriter, directBytes, noHead } from "./coalescing_writer.ts";
import { alreadyClosed, endedInFrame, endedWithoutGoodbye, lostWhile } from "./stream_errors.ts";
import { WatchedChannel } from "./watched_channel.ts";

const encoder = new TextEncoder();

/** Characters up to which a text is encoded here and copied: a quarter of what an array of its own would cost. */
const shortText = 16 * 1024;
const shortTexts = new Uint8Array(3 * shortText);

/** See the module. */
export class StreamChannel extends WatchedChannel implements Channel, ProtocolLine {
  readonly alpnProtocol: string | null;
  readonly protocol: string;
  readonly identity: unknown;
  readonly #stream: ByteStream;
  readonly #settings: StreamSettings;
  readonly #writer: CoalescingWriter;
  readonly #decoder: FrameDecoder;
  /** The decoder, where it is a protocol of its own. */
  readonly #protocol: FrameProtocol | undefined;
  readonly #received: ReceiveBuffer;
  /** For a read and for its failure: an idle connection keeps a function waiting, not two. */
  readonly #onRead = (outcome: unknown): void => {
    if (typeof outcome === "number" || outcome === null) this.#read(outcome);
    else this.#lost("read from", outcome);
  };
  /** The receiver keeps no message. */
  #borrows = false;
  /** The peer has sent its last byte. */
  #peerEnded = false;
  /** What the peer did wrong, while it is being told. */
  #failure: TransportError | undefined = undefined;

  constructor(
    stream: ByteStream,
    settings: StreamSettings,
    place: StreamPlace,
    remote: Address,
    alpnProtocol: string | null,
    protocol?: StreamProtocol,
  ) {
    super(settings, place, remote);
    this.#stream = stream;
    this.#settings = settings;
    this.alpnProtocol = alpnProtocol;
    this.protocol = protocol?.name ?? "";
    this.identity = protocol?.identity;
    const framing = protocol?.frames ?? settings.framing;
    this.#writer = new CoalescingWriter(stream, framing, settings, this);
    this.#decoder = framing.decoder();
    this.#protocol = protocol?.frames;
    this.#received = protocol?.received ?? new ReceiveBuffer();
    this.#received.reuses = protocol !== undefined;
    // Of an opening handshake nothing is kept.
    if (this.#received.start === this.#received.end) this.#received.rewind();
    this.#protocol?.begin(this);
    this.opened();
  }

  get maxMessageBytes(): number {
    return (this.#protocol ?? this.#settings.framing).maxBytes;
  }

  get bufferedBytes(): number {
    return this.#writer.bufferedBytes;
  }

  send(message: Message): void | Promise<void> {
    if (this.closing !== undefined || this.over) throw alreadyClosed(this.remote);
    const protocol = this.#protocol;
    if (protocol === undefined) {
      if (typeof message === "string" && message.length <= shortText) {
        const { written } = encoder.encodeInto(message, shortTexts);
        return this.#count(this.#writer.send(shortTexts, written, noHead));
      }
      return this.#count(this.#writer.send(noHead, 0, encoded(message)));
    }
    // Admitted before the protocol works on it: what a compression has remembered must be sent.
    const bytes = encoded(message);
    this.#writer.admit(bytes.length);
    return this.#count(this.#writer.put(noHead, 0, protocol.outgoing(bytes, typeof message === "string")));
  }

  sendParts(head: Uint8Array, headLength: number, body: Uint8Array): void | Promise<void> {
    if (this.closing !== undefined || this.over) throw alreadyClosed(this.remote);
    if (this.#protocol !== undefined && !this.#protocol.isPlain(headLength + body.length)) {
      const message = new Uint8Array(headLength + body.length);
      message.set(head.subarray(0, headLength));
      message.set(body, headLength);
      return this.send(message);
    }
    return this.#count(this.#writer.send(head, headLength, body));
  }

  sendControl(payload: Uint8Array): void {
    if (this.over) return;
    // A peer that reads nothing gets no answers any more, so that the buffer stays bounded. A farewell always has room.
    if (this.closing === undefined && this.bufferedBytes >= this.#settings.maxBufferedBytes) return;
    void this.#writer.put(noHead, 0, payload);
  }

  abort(reason: TransportError): void {
    const protocol = this.#protocol;
    if (protocol !== undefined && !this.over && this.closing === undefined && this.bufferedBytes === 0) {
      // Where nothing waits the platform takes a goodbye at once, and nothing else can say why this is the end.
      protocol.farewell(reason);
      this.#writer.release();
    }
    this.end(reason);
  }

  // WriterOwner

  wrote(byteLength: number): void {
    this.place.counters.bytesOut += byteLength;
  }

  writeFailed(error: unknown): void {
    this.#lost("write to", error);
  }

  // Watched

  probe(): void {
    this.#protocol?.probe();
  }

  timedOut(error: TransportError): void {
    this.end(this.#failure ?? error);
  }

  lingered(): void {
    this.end(this.#failure ?? this.#protocol?.error);
  }

  #count(backpressure: void | Promise<void>): void | Promise<void> {
    this.place.counters.messagesOut++;
    return backpressure;
  }

  protected override receiving(): void {
    if (this.receiver!.borrows === true) this.#borrows = this.#received.reuses = true;
    // What came with the opening handshake is looked at first.
    if (this.#received.end > this.#received.start) queueMicrotask(() => this.over ? undefined : this.deliver());
    else this.#readMore();
  }

  #readMore(): void {
    if (this.over) return;
    this.#stream.read(this.#received.space(this.#decoder.needed)).then(this.#onRead, this.#onRead);
  }

  #read(count: number | null): void {
    if (this.over) return;
    if (count === null) return this.#peerEnd();
    this.place.counters.bytesIn += count;
    this.#received.filled(count);
    this.watch.noteBytes();
    if (this.#failure === undefined) return this.deliver();
    // Read and dropped, only to see the peer's end.
    this.#received.start = this.#received.end;
    this.#readMore();
  }

  /** Hands out the messages there are, until the receiver asks for a pause; then reads on. */
  protected override deliver(): void {
    const received = this.#received;
    const decoder = this.#decoder;
    const protocol = this.#protocol;
    const receiver = this.receiver!;
    let messages = 0;
    // Answers that are given at once leave at once, in one write.
    this.#writer.hold();
    try {
      while (decoder.next(received.bytes, received.start, received.end)) {
        received.start = decoder.frameEnd;
        messages++;
        const message = protocol === undefined
          ? viewOf(received.bytes, decoder.messageStart, decoder.messageEnd)
          : protocol.message;
        // From this size on `send()` copies nothing: such a message is its receiver's for good.
        if (this.#borrows && message.length >= directBytes) received.lent = true;
        const pause = receiver.message(message);
        if (pause !== undefined) return this.pause(pause);
        if (this.over) return;
      }
    } catch (error) {
      return this.#fail(TransportError.from(error, "protocol"));
    } finally {
      this.place.counters.messagesIn += messages;
      this.#writer.release();
    }
    if (protocol !== undefined) {
      received.start = protocol.frameEnd;
      if (protocol.ended) this.#peerEnded = true;
      if (protocol.lends && !this.#borrows) received.lent = true;
      protocol.lends = false;
    }
    if (received.start === received.end) received.rewind();
    if (this.#peerEnded) return this.#afterPeerEnd();
    this.#noteFrame(messages);
    this.#readMore();
  }

  /** Notes whether a frame is unfinished. */
  #noteFrame(messages: number): void {
    if (this.#received.start === this.#received.end && this.#protocol?.unfinished !== true) {
      return this.watch.noteWhole();
    }
    this.watch.noteUnfinished(messages > 0);
    if (this.peerHoldsBack) this.receiver?.begun?.();
  }

  #peerEnd(): void {
    this.#peerEnded = true;
    if (this.#failure !== undefined) return this.end(this.#failure);
    if (!this.paused) this.#afterPeerEnd();
  }

  #afterPeerEnd(): void {
    const protocol = this.#protocol;
    if (protocol !== undefined && !protocol.ended && this.closing === undefined) {
      return this.end(endedWithoutGoodbye(this.remote));
    }
    const left = this.#received.end - this.#received.start;
    if (left > 0 && this.closing === undefined && protocol === undefined) {
      return this.end(endedInFrame(this.remote, left));
    }
    if (!this.tellEnd()) return;
    if (this.closing !== undefined && this.bufferedBytes === 0) this.end(protocol?.error);
  }

  /** The peer broke the rules: it is told so where the protocol can, and nothing more of it is looked at. */
  #fail(error: TransportError): void {
    if (this.#protocol === undefined || this.closing !== undefined) return this.end(error);
    this.#failure = error;
    this.closing = Promise.withResolvers<void>();
    this.#protocol.farewell(error);
    this.watch.linger();
    this.#writer.flushed().then(() => this.over ? undefined : this.#stream.closeWrite()).catch(() => this.end(error));
    // Messages may have been handed out that came before it, in the same memory.
    if (!this.#borrows) this.#received.lent = true;
    this.#received.start = this.#received.end;
    this.#readMore();
  }

  /** The end in order: everything out, our side ended, the peer's end awaited so that nothing of ours is lost to a reset. */
  protected override finish(reason: TransportError | undefined): void {
    const protocol = this.#protocol;
    protocol?.farewell(reason);
    this.watch.linger();
    this.#writer.flushed().then(() => {
      // A peer with a goodbye of its own may take the end of our side for the loss of the connection.
      return !this.over && (protocol === undefined || protocol.ended) ? this.#stream.closeWrite() : undefined;
    }).then(() => {
      if (this.over) return;
      if (this.#peerEnded) return this.end(protocol?.error);
      this.watch.linger();
      this.drain();
    }).catch((error) => this.#lost("end the connection to", error));
  }

  #lost(doing: string, error: unknown): void {
    if (this.over) return;
    if (this.#failure !== undefined) return this.end(this.#failure);
    // A peer that closed while we were ending in order has only been faster.
    if (this.closing !== undefined && this.bufferedBytes === 0) return this.end(undefined);
    this.end(error instanceof TransportError ? error : lostWhile(doing, this.remote, error));
  }

  protected override release(error: TransportError | undefined): void {
    this.#writer.stop(error ?? alreadyClosed(this.remote));
    this.#protocol?.end();
    try {
      this.#stream.close();
    } catch {
      // It was closed already, by the platform.
    }
  }
}

function encoded(message: Message): Uint8Array {
  return typeof message === "string" ? encoder.encode(message) : message;
}
