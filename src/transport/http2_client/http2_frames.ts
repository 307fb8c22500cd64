/**
 * What the frames of a server do to a connection of the calling end.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import {
  clientPreface,
  defaultWindowBytes,
  errorCode,
  frameFlag,
  frameType,
  settingId,
} from "../../framing/http2/http2_codes.ts";
import { http2Error } from "../../framing/http2/http2_errors.ts";
import { frameName, Http2FrameReader, readUint31, readUint32 } from "../../framing/http2/http2_frame_reader.ts";
import {
  pingFrame,
  settingsAckFrame,
  settingsFrame,
  windowUpdateFrame,
} from "../../framing/http2/http2_frame_writer.ts";
import { HeaderBlock, ResponseBlocks } from "../../framing/http2/http2_header_blocks.ts";
import { Http2Settings } from "../../framing/http2/http2_settings.ts";
import type { ReceiveBuffer } from "../../framing/receive_buffer.ts";
import { joinBytes } from "../../util/join_bytes.ts";
import { maxFields } from "../http/http_exchange.ts";
import type { HttpSettings } from "../http/http_options.ts";
import { Http2Floods } from "./http2_floods.ts";
import { streamWindowBytes } from "./http2_home.ts";
import type { Http2Outbox } from "./http2_outbox.ts";
import type { Http2Pings } from "./http2_pings.ts";
import type { Http2Requests } from "./http2_request.ts";
import type { Http2Stream } from "./http2_stream.ts";

/**
 * The window of the connection, in bytes. It grows again with what comes, whether
 * that is read or not: what holds a server back are the windows of its streams.
 */
const connectionWindowBytes = 4 * 1024 * 1024;

/** So much data gives a server reason to say that there is room for more, for the stream and for the connection. */
const widenedBytes = 256;

/** The connection that frames come in on. */
export interface FrameHome {
  readonly settings: HttpSettings;
  readonly where: string;
  readonly outbox: Http2Outbox;
  readonly requests: Http2Requests;
  readonly pings: Http2Pings;
  /** The connection is over: what came behind that is not looked at. */
  readonly gone: boolean;
  /** A stream of which something is left. */
  stream(id: number): Http2Stream | undefined;
  /** All of them. */
  streams(): Iterable<Http2Stream>;
  /** Whether no such stream was ever opened. */
  isIdle(id: number): boolean;
  /** The server's settings have come, or changed. */
  settled(): void;
  /** The server takes no streams behind `lastId`. */
  goneAway(lastId: number, code: number): void;
}

/** What the calling end sends before all else: its preface, its settings, and the window of the connection. */
export function openingFrames(maxHeadBytes: number): Uint8Array {
  const settings = settingsFrame([
    [settingId.enablePush, 0],
    [settingId.initialWindowSize, streamWindowBytes],
    [settingId.maxHeaderListSize, maxHeadBytes],
  ]);
  return joinBytes([clientPreface, settings, windowUpdateFrame(0, connectionWindowBytes - defaultWindowBytes)]);
}

/** See the module. */
export class Http2Frames {
  /** What the server has set. */
  readonly peer: Http2Settings = new Http2Settings();
  readonly #home: FrameHome;
  readonly #reader = new Http2FrameReader();
  readonly #blocks: ResponseBlocks;
  readonly #block: HeaderBlock;
  readonly #floods: Http2Floods;
  /** Streams with a response that may still come whole. */
  readonly #unanswered: Http2Stream[] = [];
  /** Whose header block is being put together, and whether it ends its stream. */
  #blockOf = 0;
  #blockEnds = false;
  #begun = false;
  #windowBytes = connectionWindowBytes;
  /** How much data had been sent when room for more was last of use. */
  #widenedAt = 0;

  /** Frames of one connection. */
  constructor(home: FrameHome, maxHeadBytes: number) {
    this.#home = home;
    this.#blocks = new ResponseBlocks({ maxBytes: maxHeadBytes, maxFields });
    this.#block = new HeaderBlock(maxHeadBytes);
    this.#floods = new Http2Floods(home.settings.clock);
  }

  /** How many bytes the buffer should have room for. */
  get needed(): number {
    return this.#reader.needed;
  }

  /** Takes in what was received. Throws `protocol`, for the connection. */
  read(received: ReceiveBuffer): void {
    const reader = this.#reader;
    const { bytes } = received;
    if (!this.#begun) this.#refuseHttp1(received);
    try {
      while (!this.#home.gone && reader.next(bytes, received.start, received.end)) {
        received.start = reader.frameEnd;
        this.#frame(bytes);
      }
    } finally {
      // A response whose body did not come with it is handed out without.
      const unanswered = this.#unanswered;
      for (let i = 0; i < unanswered.length; i++) unanswered[i].answer();
      unanswered.length = 0;
    }
  }

  #refuseHttp1({ bytes, start, end }: ReceiveBuffer): void {
    if (end - start < 5 || String.fromCharCode(...bytes.subarray(start, start + 5)) !== "HTTP/") return;
    throw new TransportError("version-mismatch", `Cannot call ${this.#home.where}: it speaks HTTP/1.1, not HTTP/2`);
  }

  #frame(bytes: Uint8Array): void {
    const reader = this.#reader;
    const { type, flags, streamId, payloadStart, payloadEnd } = reader;
    if (!this.#begun) {
      if (type !== frameType.settings || (flags & frameFlag.ack) !== 0) {
        throw http2Error(errorCode.protocolError, `a ${frameName(type)} frame before any settings`);
      }
      this.#begun = true;
    }
    switch (type) {
      case frameType.data:
        return this.#data(bytes);
      case frameType.headers:
        return this.#headers(bytes);
      case frameType.continuation:
        this.#block.add(bytes, payloadStart, payloadEnd);
        if ((flags & frameFlag.endHeaders) !== 0) this.#blockEnd();
        return;
      case frameType.rstStream:
        return this.#known(streamId, type)?.wasReset(readUint32(bytes, payloadStart));
      case frameType.settings:
        return this.#settings(bytes);
      case frameType.ping:
        return this.#ping(bytes);
      case frameType.goaway:
        return this.#home.goneAway(readUint31(bytes, payloadStart), readUint32(bytes, payloadStart + 4));
      case frameType.windowUpdate:
        return this.#widen(streamId, readUint31(bytes, payloadStart));
      default:
        // Priorities are not heeded, and what is not known means nothing.
        this.#floods.spend(frameName(type));
    }
  }

  #data(bytes: Uint8Array): void {
    const { flags, streamId, payloadStart, payloadEnd, flowBytes } = this.#reader;
    const endStream = (flags & frameFlag.endStream) !== 0;
    this.#windowBytes -= flowBytes;
    if (this.#windowBytes * 2 <= connectionWindowBytes) {
      this.#home.outbox.frame(windowUpdateFrame(0, connectionWindowBytes - this.#windowBytes));
      this.#windowBytes = connectionWindowBytes;
    }
    const stream = this.#known(streamId, frameType.data);
    if (stream === undefined) return;
    if (payloadStart < payloadEnd || endStream) this.#floods.used();
    else this.#floods.spend("empty DATA");
    stream.data(bytes, payloadStart, payloadEnd, flowBytes, endStream);
  }

  #headers(bytes: Uint8Array): void {
    const { flags, streamId, payloadStart, payloadEnd } = this.#reader;
    if (this.#home.isIdle(streamId)) throw onIdle(frameType.headers, streamId);
    this.#blockOf = streamId;
    this.#blockEnds = (flags & frameFlag.endStream) !== 0;
    if ((flags & frameFlag.endHeaders) !== 0) return this.#headerBlock(bytes, payloadStart, payloadEnd);
    this.#block.begin();
    this.#block.add(bytes, payloadStart, payloadEnd);
  }

  #blockEnd(): void {
    const { bytes } = this.#block;
    this.#block.end();
    this.#headerBlock(bytes, 0, bytes.length);
  }

  #headerBlock(bytes: Uint8Array, start: number, end: number): void {
    const stream = this.#known(this.#blockOf, frameType.headers);
    const blocks = this.#blocks;
    if (stream === undefined) return blocks.skip(bytes, start, end);
    this.#floods.used();
    const read = stream.wantsTrailers ? blocks.trailers(bytes, start, end) : blocks.head(bytes, start, end);
    stream.headers(read, this.#blockEnds);
    if (stream.unanswered) this.#unanswered.push(stream);
  }

  #settings(bytes: Uint8Array): void {
    const { flags, payloadStart, payloadEnd } = this.#reader;
    this.#floods.spend("SETTINGS");
    if ((flags & frameFlag.ack) !== 0) return;
    const { peer } = this;
    const { requests } = this.#home;
    const before = peer.initialWindowBytes;
    peer.read(bytes, payloadStart, payloadEnd);
    this.#answer(settingsAckFrame());
    requests.encoder.limitTable(peer.headerTableBytes, peer.leastHeaderTableBytes);
    peer.leastHeaderTableBytes = peer.headerTableBytes;
    const more = peer.initialWindowBytes - before;
    if (more !== 0) { for (const stream of [...this.#home.streams()]) stream.widen(more); }
    this.#home.settled();
  }

  #ping(bytes: Uint8Array): void {
    const { flags, payloadStart, payloadEnd } = this.#reader;
    if ((flags & frameFlag.ack) === 0) {
      this.#floods.spend("PING");
      return this.#answer(pingFrame(bytes.subarray(payloadStart, payloadEnd), true));
    }
    if (!this.#home.pings.answered(bytes, payloadStart)) this.#floods.spend("the answer to no PING");
  }

  #widen(streamId: number, increment: number): void {
    const { outbox } = this.#home;
    if (outbox.dataBytes - this.#widenedAt >= widenedBytes) {
      this.#widenedAt = outbox.dataBytes;
      this.#floods.used();
    }
    if (streamId === 0) {
      if (increment === 0) throw http2Error(errorCode.protocolError, "a WINDOW_UPDATE of nothing");
      this.#floods.spend("WINDOW_UPDATE");
      return outbox.widen(increment);
    }
    const stream = this.#known(streamId, frameType.windowUpdate);
    if (stream === undefined) return;
    this.#floods.spend("WINDOW_UPDATE");
    if (increment === 0) return stream.broken("a WINDOW_UPDATE of nothing");
    try {
      stream.widen(increment);
    } catch (error) {
      stream.abort(TransportError.from(error, "protocol"));
    }
  }

  #answer(frame: Uint8Array): void {
    const { outbox } = this.#home;
    if (outbox.overfull) throw http2Error(errorCode.enhanceYourCalm, "questions, where answers are not read");
    outbox.frame(frame);
  }

  /** The stream of a frame; undefined where it is over, and the frame was under way before that was known. */
  #known(streamId: number, type: number): Http2Stream | undefined {
    const stream = this.#home.stream(streamId);
    if (stream !== undefined && !stream.closed) return stream;
    if (this.#home.isIdle(streamId)) throw onIdle(type, streamId);
    this.#floods.spend(`${frameName(type)} for a stream that is over`);
    return undefined;
  }
}

function onIdle(type: number, streamId: number): Error {
  return http2Error(
    errorCode.protocolError,
    `a ${frameName(type)} frame on stream ${streamId}, which was never opened`,
  );
}
