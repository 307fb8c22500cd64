/**
 * WebSocket as the protocol of one connection: what is sent and received, and
 * the goodbye.
 *
 * @module
 */

import type { Message } from "../../core/channel.ts";
import type { TransportError } from "../../core/errors.ts";
import type { FrameDecoder, FrameProtocol, ProtocolLine } from "../../framing/framing.ts";
import { closeCodeOf, closeReason, errorOfClose } from "../../framing/websocket/websocket_close.ts";
import {
  compressedBit,
  finalBit,
  frameHeadBytes,
  opcode,
  writeFrameHead,
} from "../../framing/websocket/websocket_frames.ts";
import { maskInPlace, newMask } from "../../framing/websocket/websocket_mask.ts";
import { WebSocketDecoders } from "../../framing/websocket/websocket_decoders.ts";
import type { ControlReceiver, WebSocketDecoder } from "../../framing/websocket/websocket_messages.ts";
import type { MessageDeflater, MessageInflater } from "./deflate.ts";

/** What has been agreed in the opening handshake. */
export interface WebSocketAgreement {
  readonly side: "client" | "server";
  readonly maxMessageBytes: number;
  /** Compresses what is sent and inflates what is received, where that was agreed on. */
  readonly deflate: { readonly deflater: MessageDeflater; readonly inflater: MessageInflater } | undefined;
  /** What may change while it holds. */
  readonly live: LiveSizes;
  /** Decode what comes in. */
  readonly decoders: WebSocketDecoders;
}

/** Sizes that connections go by as they are now. */
export interface LiveSizes {
  /** Messages below this size go out uncompressed, in bytes. */
  readonly thresholdBytes: number;
}

/** An agreement; without a compression all connections may have the same one. Its largest message stays what it is. */
export function agreementOf(
  side: WebSocketAgreement["side"],
  sizes: LiveSizes & { readonly maxMessageBytes: number },
  deflate?: WebSocketAgreement["deflate"],
): WebSocketAgreement {
  const { maxMessageBytes } = sizes;
  const inflate = deflate && ((chunk: Uint8Array, final: boolean) => deflate.inflater.inflate(chunk, final));
  const decoders = new WebSocketDecoders({ side, maxMessageBytes, inflate });
  return { side, maxMessageBytes, live: sizes, deflate, decoders };
}

/**
 * So many of the pings that come together are answered one by one, and of the
 * rest the latest: all that RFC 6455, section 5.5.3, asks for. Some clients
 * count the pongs to a few pings all the same.
 */
const maxPongs = 16;

const noBytes = new Uint8Array(0);
const binary = opcode.binary | finalBit;
const text = opcode.text | finalBit;

/** See the module. */
export class WebSocketProtocol implements FrameProtocol, ControlReceiver {
  headBytes = 2;
  ended = false;
  lends = false;
  error: TransportError | undefined = undefined;
  /** Set where this end masks what it sends: the client. */
  readonly transform: ((target: Uint8Array, start: number, end: number) => void) | undefined;
  readonly #agreement: WebSocketAgreement;
  /** There while a message or a frame is unfinished: an idle connection needs none. */
  #decoder: WebSocketDecoder | undefined = undefined;
  #frameEnd = 0;
  #line: ProtocolLine | undefined = undefined;
  /** The first byte of the next frame's head; binary unless something else was prepared. */
  #first: number = binary;
  #mask: number | undefined = undefined;
  #saidGoodbye = false;
  /** Pings that came together, so far. */
  #pings = 0;
  /** The payload of a ping that was not answered yet: a view of what was read. */
  #pinged: Uint8Array | undefined = undefined;
  /** What the peer's goodbye is answered with. */
  #peerCode = 1000;

  constructor(agreement: WebSocketAgreement) {
    this.#agreement = agreement;
    this.transform = agreement.side === "server"
      ? undefined
      : (target, start, end) => maskInPlace(target, start, end, this.#mask!);
  }

  // FrameDecoder

  get messageStart(): number {
    return 0;
  }

  get messageEnd(): number {
    return 0;
  }

  get message(): Message {
    return this.#decoder?.message ?? noBytes;
  }

  get frameEnd(): number {
    return this.#frameEnd;
  }

  get needed(): number {
    return this.#decoder?.needed ?? 2;
  }

  get unfinished(): boolean {
    return this.#decoder?.unfinished ?? false;
  }

  next(bytes: Uint8Array, start: number, end: number): boolean {
    const decoder = this.#decoder ??= this.#agreement.decoders.take(this);
    const found = decoder.next(bytes, start, end);
    this.#frameEnd = decoder.frameEnd;
    if (decoder.lends) {
      decoder.lends = false;
      this.lends = true;
    }
    this.#pings = 0;
    if (this.#pinged !== undefined) this.#answerPing(this.#pinged);
    if (!found && this.#frameEnd === end && !decoder.unfinished && !this.ended) {
      this.#decoder = undefined;
      this.#agreement.decoders.give(decoder);
    }
    return found;
  }

  decoder(): FrameDecoder {
    return this;
  }

  // Framing

  get maxBytes(): number {
    return this.#agreement.maxMessageBytes;
  }

  get tailBytes(): number {
    return 0;
  }

  prepare(byteLength: number): void {
    const masked = this.#agreement.side === "client";
    this.headBytes = frameHeadBytes(byteLength, masked);
    if (masked) this.#mask = newMask();
  }

  writeHead(target: Uint8Array, offset: number, byteLength: number): void {
    writeFrameHead(target, offset, this.#first, byteLength, this.#mask);
    this.#first = binary;
  }

  writeTail(): void {}

  // FrameProtocol

  begin(line: ProtocolLine): void {
    this.#line = line;
  }

  outgoing(message: Uint8Array, isText: boolean): Uint8Array {
    const { deflate, live } = this.#agreement;
    this.#first = isText ? text : binary;
    if (deflate === undefined || message.length < live.thresholdBytes) return message;
    this.#first |= compressedBit;
    return deflate.deflater.deflate(message);
  }

  isPlain(byteLength: number): boolean {
    this.#first = binary;
    return this.#agreement.deflate === undefined || byteLength < this.#agreement.live.thresholdBytes;
  }

  farewell(error: TransportError | undefined): void {
    if (this.#saidGoodbye) return;
    this.#saidGoodbye = true;
    const code = error === undefined ? this.#peerCode : closeCodeOf(error, this.#agreement.side);
    // 1005 stands for a goodbye without a code, and is answered by one.
    const reason = error === undefined ? noBytes : closeReason(error.message);
    const payload = code === 1005 ? noBytes : new Uint8Array(2 + reason.length);
    if (payload.length > 0) {
      payload[0] = code >>> 8;
      payload[1] = code;
      payload.set(reason, 2);
    }
    this.#control(opcode.close, payload);
  }

  probe(): void {
    this.#control(opcode.ping, noBytes);
  }

  /** Gives the memory of the compression back. */
  end(): void {
    this.#agreement.deflate?.deflater.close();
    this.#agreement.deflate?.inflater.close();
  }

  // ControlReceiver

  ping(payload: Uint8Array): void {
    if (++this.#pings <= maxPongs) this.#answerPing(payload);
    else this.#pinged = payload;
  }

  pong(): void {}

  close(code: number, reason: string): void {
    this.ended = true;
    this.#peerCode = code;
    this.error = errorOfClose(code, reason);
  }

  #answerPing(payload: Uint8Array): void {
    this.#pinged = undefined;
    if (!this.#saidGoodbye) this.#control(opcode.pong, payload);
  }

  #control(kind: number, payload: Uint8Array): void {
    this.#first = kind | finalBit;
    this.#line!.sendControl(payload);
  }
}
