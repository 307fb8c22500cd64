/**
 * The body of a request on its way out.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { textOf } from "../../core/thrown.ts";
import { chunkEnd, encodeLastChunk, maxChunkHeadBytes, writeChunkHead } from "../../framing/http1/http1_write.ts";
import { joinBytes } from "../../util/join_bytes.ts";

/** The connection that a body goes out on. */
export interface UploadLine {
  /** Writes all of `bytes`, and then calls `sent`; never where the writing fails. */
  send(bytes: Uint8Array, sent: () => void): void;
  /** The body is out. */
  uploaded(): void;
  /** The body can't be sent. */
  uploadFailed(error: TransportError): void;
}

type Piece = ReadableStreamReadResult<Uint8Array>;

/** A chunk of at most so many bytes goes out in one write with what marks it off. */
const maxCopiedBytes = 32 * 1024;

/** A body of at most so many bytes may go out in one write with its head. */
export const maxJoinedBytes: number = 64 * 1024;

/**
 * How many turns of the microtask queue a body may take to show that it is
 * whole: what the platform makes of a text or of bytes needs fewer, and no
 * stream that waits for anything at all gets by in them.
 */
const peekTurns = 16;

/** A form of at most so many bytes goes out with its length, and can be sent again. */
const maxFormBytes = 1024 * 1024;

/**
 * What a body turned out to be: its bytes where they were there at once, or a
 * stream. The platform gives a `form` in several pieces, any other in one.
 */
export async function peekBody(
  stream: ReadableStream<Uint8Array>,
  declared: number | undefined,
  form: boolean,
): Promise<Uint8Array | Upload> {
  const reader = stream.getReader();
  const pieces: Uint8Array[] = [];
  let turns = peekTurns;
  let byteCount = 0;
  for (;;) {
    const reading = reader.read();
    let piece: Piece | undefined;
    let failed = false;
    reading.then((read) => piece = read, () => failed = true);
    while (piece === undefined && !failed && turns-- > 0) await undefined;
    if (failed) await reading;
    if (piece === undefined) return new Upload(pieces, declared, reader, reading);
    if (piece.done) return pieces.length === 1 ? pieces[0] : joinBytes(pieces);
    try {
      check(piece.value);
    } catch (error) {
      reader.cancel(error).catch(() => {});
      throw error;
    }
    if (piece.value.length > 0) {
      pieces.push(piece.value);
      byteCount += piece.value.length;
      // Pieces without a byte may come for ever.
      if (form) turns = peekTurns;
    }
    // More than one piece is no text and no bytes.
    if (form ? byteCount > maxFormBytes : pieces.length > 1) return new Upload(pieces, declared, reader, undefined);
  }
}

/** A body that goes out after its head, in chunks or with a declared length, as fast as the peer takes it. */
export class Upload {
  /** What marks the body off. */
  readonly framing: number | "chunked";
  readonly #pieces: Uint8Array[];
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #reading: Promise<Piece> | undefined;
  #line: UploadLine | undefined = undefined;
  #sentBytes = 0;
  /** The data of a chunk is out, and what stands behind it is not. */
  #openChunk = false;
  /** Its last bytes are with the connection. */
  #handedOver = false;
  /** What carries it marks off its end itself. */
  #framed = false;
  #over = false;
  readonly #next = (): void => this.#goOn();
  readonly #whole = (): void => {
    if (this.#over) return;
    // The peer has all that it waits for. That the stream is at its end, too, shows only when it is read once more.
    void this.#reader?.read().then(({ done }) => done ? undefined : this.#reader!.cancel()).catch(() => {});
    this.#end();
  };
  readonly #onPiece = (piece: Piece): void => {
    if (this.#over) return;
    if (piece.done) return this.#end();
    try {
      this.#send(check(piece.value));
    } catch (error) {
      this.#fail(error);
    }
  };
  readonly #onFailed = (error: unknown): void => this.#fail(error);

  /** A body of `pieces`, and of what `reader` still gives; `reading` is a read that is under way. */
  constructor(
    pieces: Uint8Array[],
    declared: number | undefined,
    reader?: ReadableStreamDefaultReader<Uint8Array>,
    reading?: Promise<Piece>,
  ) {
    this.#pieces = pieces;
    this.#reader = reader;
    this.#reading = reading;
    this.framing = declared ?? (reader === undefined ? pieces.reduce((sum, { length }) => sum + length, 0) : "chunked");
  }

  /** Whether the body was a stream, which can't be sent a second time. */
  get streamed(): boolean {
    return this.#reader !== undefined;
  }

  /** Whether its last bytes are with the connection, which may not have said yet that it has written them. */
  get handedOver(): boolean {
    return this.#handedOver;
  }

  /** Begins, and goes on to the end. `framed` says that the line marks off the body itself: it goes out as it is. */
  begin(line: UploadLine, framed = false): void {
    if (this.#over || this.#line !== undefined) return;
    this.#line = line;
    this.#framed = framed;
    this.#goOn();
  }

  /** Sends no more. */
  stop(reason: TransportError): void {
    if (this.#over) return;
    this.#over = true;
    this.#reading?.catch(() => {});
    this.#reader?.cancel(reason).catch(() => {});
  }

  #goOn(): void {
    if (this.#over) return;
    const piece = this.#pieces.shift();
    if (piece !== undefined) return this.#send(piece);
    if (this.#reader === undefined) return this.#end();
    const reading = this.#reading ?? this.#reader.read();
    this.#reading = undefined;
    reading.then(this.#onPiece, this.#onFailed);
  }

  #send(data: Uint8Array): void {
    if (data.length === 0) return this.#goOn();
    const line = this.#line!;
    this.#sentBytes += data.length;
    if (this.framing !== "chunked") {
      if (this.#sentBytes > this.framing) return this.#fail(this.#wrongLength());
      this.#handedOver = this.#sentBytes === this.framing;
      return line.send(data, this.#handedOver ? this.#whole : this.#next);
    }
    if (this.#framed) return line.send(data, this.#next);
    const whole = data.length <= maxCopiedBytes;
    const mark = new Uint8Array(chunkEnd.length * 2 + maxChunkHeadBytes + (whole ? data.length : 0));
    let at = 0;
    if (this.#openChunk) {
      mark.set(chunkEnd);
      at = chunkEnd.length;
    }
    at = writeChunkHead(mark, at, data.length);
    this.#openChunk = !whole;
    if (!whole) return line.send(mark.subarray(0, at), () => this.#over ? undefined : line.send(data, this.#next));
    mark.set(data, at);
    mark.set(chunkEnd, at + data.length);
    line.send(mark.subarray(0, at + data.length + chunkEnd.length), this.#next);
  }

  #end(): void {
    const line = this.#line!;
    const done = (): void => {
      if (this.#over) return;
      this.#over = true;
      line.uploaded();
    };
    if (this.framing !== "chunked") {
      return this.#sentBytes === this.framing ? done() : this.#fail(this.#wrongLength());
    }
    if (this.#framed) return done();
    const last = encodeLastChunk();
    this.#handedOver = true;
    line.send(this.#openChunk ? joinBytes([chunkEnd, last]) : last, done);
  }

  #wrongLength(): TransportError {
    const why = `its body does not have the ${this.framing} bytes that its content-length says`;
    return new TransportError("invalid-request", `Call ended: ${why}`, { processed: "maybe" });
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    const failure = error instanceof TransportError
      ? error
      : new TransportError("invalid-request", `Call ended: the body of its request failed: ${textOf(error)}`, {
        processed: "maybe",
        cause: error,
      });
    this.stop(failure);
    this.#line?.uploadFailed(failure);
  }
}

function check(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  throw new TransportError("invalid-request", "Call ended: the body of its request gave something else than bytes", {
    processed: "maybe",
  });
}
