/**
 * An event stream on a connection of our own: one write at a time, and all that
 * came meanwhile as the next.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { chunkEnd, encodeLastChunk, maxChunkHeadBytes, writeChunkHead } from "../../framing/http1/http1_write.ts";
import { joinBytes } from "../../util/join_bytes.ts";
import { EventStreamCore } from "./event_stream_core.ts";
import type { EventStreamSettings } from "./event_stream_options.ts";
import { EventStreamTurns } from "./event_stream_turns.ts";
import type { Http1Exchange } from "../http1_server/http1_server.ts";
import type { Takeover, TakeoverOwner } from "../http1_server/http1_server_takeover.ts";

/** The settings of streams on our own sockets. */
export interface SocketStreamSettings extends EventStreamSettings {
  /** How long a reader may take nothing of what is written to it, in milliseconds. */
  readonly stallTimeoutMs: number;
}

/** What is told when one of them is over. */
export type StreamGone = (stream: EventStreamSocket) => void;

const lastChunk = encodeLastChunk();

/** Without rests: each of these streams knows when its write is done, and collects until then. */
const turns = new EventStreamTurns();

/** A stream of events to one reader. */
export class EventStreamSocket extends EventStreamCore implements TakeoverOwner {
  #takeover: Takeover | undefined = undefined;
  readonly #settings: SocketStreamSettings;
  #isChunked = true;
  readonly #gone: StreamGone;
  readonly #onWritten = (count: number): void => this.#written(count);
  readonly #onFailed = (error: unknown): void => this.#takeover!.lost(error);
  /** The head, until it goes out with the first events. */
  #head: Uint8Array | undefined = undefined;
  /** What ended it before it was opened. */
  #failure: TransportError | undefined = undefined;
  /** The write in flight. */
  #writing: Uint8Array | undefined = undefined;
  /** The write that was in flight when the heartbeat looked, and since when. */
  #stalling: Uint8Array | undefined = undefined;
  #stallingSince = 0;
  /** What is left to do at the end. */
  #end: "mark it" | "finish" | undefined = undefined;

  constructor(settings: SocketStreamSettings, lastEventId: string, gone: StreamGone) {
    super(settings, lastEventId, turns);
    this.#settings = settings;
    this.#gone = gone;
    this.begin();
  }

  /** Answers the request; to be called in the turn of the making. Throws what has ended the stream by then. */
  open(exchange: Http1Exchange, head: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#isChunked = exchange.isChunked;
    this.#head = head;
    this.#takeover = exchange.takeOver(this);
  }

  // TakeoverOwner

  ended(error: TransportError | undefined): void {
    this.#writing = undefined;
    this.over(error);
    this.#gone(this);
  }

  // EventStreamCore

  protected override ready(): boolean {
    return this.#writing === undefined;
  }

  protected override put(chunk: Uint8Array): void {
    const bytes = this.#isChunked ? framed(chunk) : chunk;
    const head = this.#head;
    this.#head = undefined;
    this.#write(head === undefined ? bytes : joinBytes([head, bytes]));
  }

  protected override finish(): void {
    this.#takeover!.ending();
    this.#end = this.#isChunked ? "mark it" : "finish";
    if (this.#writing === undefined) this.#endNow();
  }

  protected override cut(error: TransportError): void {
    if (this.#takeover === undefined) return void (this.#failure = error);
    this.#takeover.abort(error);
    this.#gone(this);
  }

  protected override stalled(now: number): TransportError | undefined {
    if (this.#writing === undefined || this.#writing !== this.#stalling) {
      this.#stalling = this.#writing;
      this.#stallingSince = now;
      return undefined;
    }
    const { stallTimeoutMs } = this.#settings;
    if (now < this.#stallingSince + stallTimeoutMs) return undefined;
    return new TransportError(
      "connection-lost",
      `Event stream ended: its reader took nothing for ${stallTimeoutMs} ms`,
    );
  }

  #write(bytes: Uint8Array): void {
    this.#writing = bytes;
    this.#takeover!.write(bytes).then(this.#onWritten, this.#onFailed);
  }

  #written(count: number): void {
    const bytes = this.#writing;
    this.#takeover!.wrote(count);
    if (bytes === undefined) return;
    if (count < bytes.length) return this.#write(bytes.subarray(count));
    this.#writing = undefined;
    if (this.#end !== undefined) this.#endNow();
    else this.resume();
  }

  #endNow(): void {
    if (this.#end === "finish") return this.#takeover!.finish();
    this.#end = "finish";
    this.#write(lastChunk);
  }
}

/** The chunk that was marked off last, and how it looks then: most go to many readers in a row. */
let lastSource: Uint8Array | undefined;
let lastFramed: Uint8Array | undefined;

function framed(chunk: Uint8Array): Uint8Array {
  if (chunk === lastSource) return lastFramed!;
  const bytes = new Uint8Array(maxChunkHeadBytes + chunk.length + chunkEnd.length);
  const start = writeChunkHead(bytes, 0, chunk.length);
  bytes.set(chunk, start);
  bytes.set(chunkEnd, start + chunk.length);
  lastSource = chunk;
  return lastFramed = bytes.subarray(0, start + chunk.length + chunkEnd.length);
}
