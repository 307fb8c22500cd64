/**
 * A channel that compresses its messages.
 *
 * @module
 */

import type { Channel, Message } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { AgreedChannel, type Agreement, firstKind, joined, markBytes } from "../agreed_channel.ts";
import { type Codec, codecs, type CompressionFormat, formats } from "./compress_codecs.ts";
import type { CompressionStats } from "./compress_stats.ts";
import { byteLengthOf } from "../../util/byte_length.ts";
import type { MessageCounts } from "../wrapped_channel.ts";

/** The settings that compress() works by. */
export interface CompressSettings {
  readonly format: CompressionFormat | "auto";
  readonly level: number;
  readonly thresholdBytes: number;
  readonly maxInflatedBytes: number | undefined;
  readonly stats: CompressionStats;
}

const agreement: Agreement = { name: "compress", marker: 0xfe, version: 1, oldestVersion: 1 };
const compressedKind = firstKind;

/** Marker, kind, format and the length before it was compressed. */
const headBytes = markBytes + 1 + 4;
const textFlag = 0x80;

/** What is compressed must be smaller by a tenth: less is not worth the far side's work. */
const worthwhile = 0.9;

/** After messages that did not compress, so many are sent as they are before another is tried. */
const maxSkipped = 64;

/**
 * What `auto` prefers below so many bytes, as measured on JSON at level 1. A
 * native codec takes 10 to 25 µs to begin with, LZ4 7 µs for all of 4 KiB. Of
 * the native ones deflate is the fastest up to 64 KiB, by a fifth there; from
 * 256 KiB on zstd is even in compressing, faster in inflating, and makes a
 * third less.
 */
const preferred = [[16 * 1024, "lz4"], [128 * 1024, "deflate"], [Infinity, "zstd"]] as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const head = new Uint8Array(headBytes);

/** See the module. */
export class CompressChannel extends AgreedChannel {
  readonly #settings: CompressSettings;
  /** What small, medium and large messages are compressed with; none before the peer's hello has said what it understands. */
  #codecs: readonly Codec[] = [];
  /** The format that they were chosen for, and what the peer understands: a bit for each code. */
  #format: CompressSettings["format"] | undefined = undefined;
  #understood = 0;
  /** The largest message that the peer takes, before it was compressed. */
  #peerBytes = 0;
  /** Messages that are still to be sent as they are, and how many are so after the next vain try. */
  #skip = 0;
  #nextSkip = 1;

  constructor(inner: Channel, settings: CompressSettings, counts: MessageCounts) {
    super(inner, agreement, counts);
    this.#settings = settings;
  }

  /** Says what this end understands, and how large a message may be. */
  override begin(): this {
    let understood = 0;
    for (const { code } of codecs()) understood |= 1 << code;
    const hello = new Uint8Array(5);
    hello[0] = understood;
    new DataView(hello.buffer).setUint32(1, this.#maxInflatedBytes);
    return super.begin(hello);
  }

  override send(message: Message, priority?: number): void | Promise<void> {
    if (!this.#tries(message.length)) return this.#plain(message, priority);
    this.admit(message.length);
    const isText = typeof message === "string";
    const bytes = isText ? encoder.encode(message) : message;
    const codec = this.#codecs[preferred.findIndex(([below]) => bytes.length < below)];
    const made = this.#worth(codec, bytes);
    if (made === undefined) return this.#plain(message, priority);
    return this.#put(codec.code | (isText ? textFlag : 0), bytes.length, made, priority);
  }

  protected override parts(
    partsHead: Uint8Array,
    headLength: number,
    body: Uint8Array,
    priority?: number,
  ): void | Promise<void> {
    const length = headLength + body.length;
    if (this.#tries(length)) return this.send(joined(partsHead, headLength, body), priority);
    const room = super.parts(partsHead, headLength, body, priority);
    this.#count(length);
    return room;
  }

  protected override welcomed(hello: Uint8Array): void {
    if (hello.length < 5) throw new TransportError("protocol", "Cannot use compress(): the peer's hello is cut short");
    this.#understood = hello[0];
    this.#peerBytes = new DataView(hello.buffer, hello.byteOffset).getUint32(1);
  }

  /** Finds what both ends have for the format that is wanted by now. */
  #choose(format: CompressSettings["format"]): void {
    this.#format = format;
    [this.#skip, this.#nextSkip] = [0, 1];
    const common = codecs().filter(({ code }) => (this.#understood & 1 << code) !== 0);
    const wanted = common.find((codec) => format === "auto" ? codec.fast : codec.format === format);
    this.#codecs = wanted === undefined
      ? []
      : preferred.map(([, best]) =>
        format === "auto" ? common.find((codec) => codec.fast && codec.format === best) ?? wanted : wanted
      );
  }

  protected override own(kind: number, message: Uint8Array): void | Promise<void> {
    if (kind !== compressedKind) throw refused(`its kind is ${kind}`);
    if (message.length <= headBytes) throw refused("it is cut short");
    const code = message[markBytes] & ~textFlag;
    const codec = codecs().find((one) => one.code === code);
    if (codec === undefined) throw refused(`its format is ${formats[code] ?? code}, which this end did not offer`);
    const size = new DataView(message.buffer, message.byteOffset).getUint32(markBytes + 1);
    if (size > this.#maxInflatedBytes) {
      throw new TransportError(
        "message-too-large",
        `Compressed message refused: it has ${size} bytes, ${this.#maxInflatedBytes} are allowed`,
        { details: { messageBytes: size, maxBytes: this.#maxInflatedBytes } },
      );
    }
    if (size === 0) throw refused("it is said to be empty");
    const bytes = inflated(codec, message.subarray(headBytes), size);
    this.#settings.stats.inflated++;
    if ((message[markBytes] & textFlag) === 0) return this.take(bytes);
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch (cause) {
      throw refused("its text is not in UTF-8", cause);
    }
    return this.take(text);
  }

  get #maxInflatedBytes(): number {
    return this.#settings.maxInflatedBytes ?? this.maxMessageBytes;
  }

  /** Whether a message of this length is tried. */
  #tries(length: number): boolean {
    const { thresholdBytes, format } = this.#settings;
    // Before the peer's hello it takes 0 bytes.
    if (length < thresholdBytes || length > this.#peerBytes) return false;
    if (format !== this.#format) this.#choose(format);
    if (this.#codecs.length === 0) return false;
    if (this.#skip === 0) return true;
    this.#skip--;
    return false;
  }

  #plain(message: Message, priority: number | undefined): void | Promise<void> {
    const room = super.send(message, priority);
    const bytes = byteLengthOf(message);
    this.#count(bytes);
    return room;
  }

  /** The message compressed; undefined where that does not help. */
  #worth(codec: Codec, bytes: Uint8Array): Uint8Array | undefined {
    const { stats, level } = this.#settings;
    const made = codec.compress(bytes, level);
    if (made.length + headBytes <= bytes.length * worthwhile && bytes.length <= this.#peerBytes) {
      this.#nextSkip = 1;
      return made;
    }
    stats.vain++;
    this.#skip = this.#nextSkip;
    this.#nextSkip = Math.min(2 * this.#nextSkip, maxSkipped);
    return undefined;
  }

  #put(format: number, size: number, made: Uint8Array, priority: number | undefined): void | Promise<void> {
    head[0] = agreement.marker;
    head[1] = compressedKind;
    head[2] = format;
    new DataView(head.buffer).setUint32(3, size);
    const room = this.inner.sendParts === undefined
      ? this.inner.send(joined(head, headBytes, made), priority)
      : this.inner.sendParts(head, headBytes, made, priority);
    this.counts.messagesOut++;
    const { stats } = this.#settings;
    stats.compressed++;
    stats.bytesBefore += size;
    stats.bytesAfter += made.length + headBytes;
    return room;
  }

  #count(bytes: number): void {
    const { stats } = this.#settings;
    stats.plain++;
    stats.plainBytes += bytes;
    stats.bytesBefore += bytes;
    stats.bytesAfter += bytes;
  }
}

function inflated(codec: Codec, bytes: Uint8Array, size: number): Uint8Array {
  let made: Uint8Array;
  try {
    made = codec.decompress(bytes, size);
  } catch (cause) {
    throw refused(`it is no ${codec.format} of ${size} bytes`, cause);
  }
  // Some codecs take an early end of what they are given for the end.
  if (made.length !== size) throw refused(`it has ${made.length} bytes, not ${size} as it says`);
  return made;
}

function refused(why: string, cause?: unknown): TransportError {
  return new TransportError("protocol", `Compressed message refused: ${why}`, { cause });
}
