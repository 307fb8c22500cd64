/**
 * The body of a response as a stream that its connection feeds.
 *
 * @module
 */

import type { TransportError } from "../../core/errors.ts";
import { withProcessed } from "../../core/with_processed.ts";

/** The connection that a body comes from. */
export interface BodyLine {
  /** The reader wants a piece. */
  wanted(): void;
  /** Nobody reads any more. */
  abandoned(): void;
}

/**
 * A body of which one piece is asked for at a time. Nothing is read from the
 * socket as long as nobody reads the stream.
 *
 * The stream is held only while somebody waits for a piece of it: one that is
 * lost unread is collected, and gives its connection back.
 */
export class StreamedBody {
  /** Whether nobody who reads it has asked for a piece yet. */
  unread = true;
  /** Whether a piece is waited for. */
  wanted = false;
  readonly #line: BodyLine;
  #waiting: ReadableStreamDefaultController<Uint8Array> | undefined = undefined;
  #controller: WeakRef<ReadableStreamDefaultController<Uint8Array>> | undefined = undefined;

  /** A body that comes by `line`. */
  constructor(line: BodyLine) {
    this.#line = line;
  }

  /** The stream. Made once at most. */
  open(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = new WeakRef(controller);
      },
      pull: (controller) => {
        this.#waiting = controller;
        this.wanted = true;
        this.unread = false;
        this.#line.wanted();
      },
      cancel: () => {
        this.#waiting = this.#controller = undefined;
        lost?.unregister(this);
        this.#line.abandoned();
      },
    }, { highWaterMark: 0 });
  }

  /** Nobody will read it, and it was never opened. */
  discard(): void {
    this.#line.abandoned();
  }

  /** Sees to it that the body is given up when `stream`, through which it is read, is lost unread. */
  watch(stream: ReadableStream<Uint8Array>): void {
    lost ??= new FinalizationRegistry((line: BodyLine) => line.abandoned());
    lost.register(stream, this.#line, this);
  }

  /** Hands a piece to the one who waits for it. */
  push(bytes: Uint8Array): void {
    const controller = this.#waiting!;
    this.#waiting = undefined;
    this.wanted = false;
    controller.enqueue(bytes);
  }

  /** The body is whole. */
  close(): void {
    this.#take()?.close();
  }

  /** The body is lost. */
  fail(error: TransportError): void {
    // The response has begun: its handler ran.
    this.#take()?.error(error.code === "connection-lost" ? withProcessed(error, "yes") : error);
  }

  #take(): ReadableStreamDefaultController<Uint8Array> | undefined {
    const controller = this.#controller?.deref();
    this.#waiting = this.#controller = undefined;
    lost?.unregister(this);
    return controller;
  }
}

let lost: FinalizationRegistry<BodyLine> | undefined = undefined;
