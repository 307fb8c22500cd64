/**
 * What a channel over a stream of bytes is made of: the stream, its settings,
 * and what is known of the connection.
 *
 * @module
 */

import type { Address, ChannelCounters } from "../../core/channel.ts";
import type { Observer } from "../../core/observer.ts";
import type { FrameProtocol, Framing } from "../../framing/framing.ts";
import type { ReceiveBuffer } from "../../framing/receive_buffer.ts";
import type { WatchSettings } from "./stream_watch.ts";

/** What the bytes go to: `Deno.Conn` and its like. */
export interface ByteSink {
  /** Writes some of the bytes and resolves with how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** The bounds of a writer, in bytes. */
export interface WriterLimits {
  /** Past this many buffered bytes, `send()` returns a promise. */
  readonly highWaterBytes: number;
  /** Past this many buffered bytes, `send()` refuses. */
  readonly maxBufferedBytes: number;
}

/** Who hears of a writer. */
export interface WriterOwner {
  /** Bytes went out. */
  wrote(byteLength: number): void;
  /** A write failed: nothing more will go out. */
  writeFailed(error: unknown): void;
}

/** The stream that a channel is made of: `Deno.Conn` and its like. */
export interface ByteStream extends ByteSink {
  /** Reads into `bytes`; resolves with how many, or null at the end. */
  read(bytes: Uint8Array): Promise<number | null>;
  /** Tells the peer that nothing more comes. */
  closeWrite(): Promise<void>;
  /** Closes; whatever is under way is rejected. */
  close(): void;
  /** A read that is under way keeps the process alive, as it does at first. */
  ref?(): void;
  /** A read that is under way does not keep the process alive. */
  unref?(): void;
}

/** Settings of a stream channel. */
export interface StreamSettings extends WriterLimits, WatchSettings {
  readonly framing: Framing;
  readonly observer: Observer | undefined;
}

/** What the connections of one listener have in common, or what is known of a dialled one. */
export interface StreamPlace {
  readonly side: "client" | "server";
  readonly local: Address;
  readonly counters: ChannelCounters;
  /** See `Channel.peerHoldsBack`. */
  readonly peerHoldsBack?: boolean;
}

/** A connection on which a protocol has been agreed, and what was read of it by then. */
export interface StreamProtocol {
  readonly frames: FrameProtocol;
  readonly received: ReceiveBuffer;
  /** What it is called, where that was agreed on, too. */
  readonly name: string | undefined;
  /** Who was let in, where that is known. */
  readonly identity?: unknown;
}
