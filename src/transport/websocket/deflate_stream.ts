/**
 * Raw deflate streams of `node:zlib` that work synchronously and keep their
 * context from one call to the next.
 *
 * The public interface has only one or the other: `deflateRawSync()` makes and
 * drops a stream each time (18 to 57 µs for 64 bytes, where this takes 0.5), the
 * stream classes answer through events. What is used instead is the handle that
 * Node's own synchronous functions stand on, which Deno and Bun have with the
 * same shape; npm's `minizlib` rests on the same internals. Where they are
 * missing, the making of a stream throws `unsupported`.
 *
 * @module
 */

import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { TransportError } from "../../core/errors.ts";

/** The native side of a `node:zlib` stream. */
interface NativeHandle {
  onerror(message: string, errno: number, code: string): void;
  reset(): void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
}

/** What is used of a `node:zlib` stream beside its public interface. */
interface NativeStream {
  readonly _handle?: NativeHandle | null;
  /** After a write: what is left of the output's room and of the input. */
  readonly _writeState?: Uint32Array;
  close(): void;
}

/** The stream's own output buffer, which is not used. */
const unused = { chunkSize: 64 };

/** One compressing or inflating stream. */
export class DeflateStream {
  /** Room left in the output after the last write. */
  roomLeft = 0;
  /** Input left after the last write. */
  inputLeft = 0;
  readonly #stream: NativeStream;
  readonly #handle: NativeHandle;
  readonly #state: Uint32Array;
  #failure: string | undefined = undefined;

  private constructor(stream: NativeStream) {
    const { _handle: handle, _writeState: state } = stream;
    if (typeof handle?.writeSync !== "function" || typeof handle.reset !== "function" || state === undefined) {
      stream.close();
      throw new TransportError("unsupported", "Cannot compress messages: this platform's node:zlib is not as expected");
    }
    this.#stream = stream;
    this.#handle = handle;
    this.#state = state;
    // Instead of an error event, which would end the process where nobody listens.
    handle.onerror = (message) => {
      this.#failure = message;
    };
  }

  /** A stream that compresses, looking back 2 to the power of `windowBits` bytes at most. */
  static compressing(level: number, windowBits: number): DeflateStream {
    return new DeflateStream(createDeflateRaw({ ...unused, level, windowBits }) as unknown as NativeStream);
  }

  /** A stream that inflates. */
  static inflating(windowBits: number): DeflateStream {
    return new DeflateStream(createInflateRaw({ ...unused, windowBits }) as unknown as NativeStream);
  }

  /**
   * Works on `input[offset..]` and writes to `output[outputOffset..outputEnd)`;
   * `roomLeft` and `inputLeft` say how far it came. Returns what is wrong where
   * the data is not valid; the stream is of no more use then.
   */
  write(
    input: Uint8Array,
    offset: number,
    output: Uint8Array,
    outputOffset: number,
    outputEnd: number,
  ): string | undefined {
    this.#handle.writeSync(
      constants.Z_SYNC_FLUSH,
      input,
      offset,
      input.length - offset,
      output,
      outputOffset,
      outputEnd - outputOffset,
    );
    this.roomLeft = this.#state[0];
    this.inputLeft = this.#state[1];
    return this.#failure;
  }

  /** Forgets all that was written. */
  reset(): void {
    this.#handle.reset();
  }

  /** Gives its memory back at once. */
  close(): void {
    this.#stream.close();
  }
}
