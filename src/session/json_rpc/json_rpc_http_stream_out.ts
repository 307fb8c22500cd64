/**
 * Streams behind a request over HTTP, as they go out: a body of lines, which
 * asks its source for an item when the connection takes one.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import type { MethodCall } from "../../core/method_call.ts";
import { leave, type Streamed } from "../../core/streamed.ts";
import { textOf } from "../../core/thrown.ts";
import { errorObject, tooLarge } from "./json_rpc_errors.ts";

const lineFeed = 10;
const encoder = new TextEncoder();

/** See the module. */
export class RequestUpload {
  /** What goes out. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #request: Streamed<MethodCall, unknown>;
  readonly #maxBytes: number;
  #items: AsyncIterator<unknown, undefined> | undefined = undefined;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #head: Uint8Array | undefined;
  #over = false;

  /** `head` is the request, without the end of its line. Throws `invalid-request` where the stream was read before. */
  constructor(head: Uint8Array, request: Streamed<MethodCall, unknown>, maxBytes: number) {
    if (request.begun) throw new TransportError("invalid-request", "Cannot send a stream: it was read before");
    this.#head = head;
    this.#request = request;
    this.#maxBytes = maxBytes;
    this.body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: () => this.#stop(),
    }, { highWaterMark: 0 });
  }

  /** The call has its answer: nothing more goes out, and the source is left. */
  answered(): void {
    if (this.#over) return;
    this.#controller.close();
    this.#stop();
  }

  /** The call has failed. A source that nobody has read from is left as it is, for another attempt. */
  failed(error: TransportError): void {
    if (this.#over) return;
    if (this.#items !== undefined || error.processed !== "no") return this.answered();
    this.#over = true;
    this.#controller.error(error);
  }

  async #pull(): Promise<void> {
    const head = this.#head;
    if (head !== undefined) {
      this.#head = undefined;
      const line = new Uint8Array(head.length + 1);
      line.set(head);
      line[head.length] = lineFeed;
      return this.#send(line);
    }
    let line: Uint8Array | undefined;
    let error: TransportError | undefined;
    try {
      this.#items ??= this.#request[Symbol.asyncIterator]();
      const { done, value } = await this.#items.next();
      if (!done) line = this.#lineOf(value);
    } catch (thrown) {
      error = TransportError.from(thrown, "remote");
    }
    if (this.#over) return;
    if (line !== undefined) return this.#send(line);
    this.#over = true;
    this.#send(encoder.encode(error === undefined ? '{"end":true}\n' : `{"error":${errorObject(error)}}\n`));
    this.#controller.close();
  }

  /** An item as a line. One that can't be sent ends the stream, and its source is left. */
  #lineOf(value: unknown): Uint8Array {
    let error: TransportError;
    try {
      const line = encoder.encode(`{"item":${JSON.stringify(value) ?? "null"}}\n`);
      if (line.length - 1 <= this.#maxBytes) return line;
      error = tooLarge(line.length - 1, this.#maxBytes, "maybe");
    } catch (cause) {
      error = new TransportError("invalid-request", `Cannot convert item: ${textOf(cause)}`, { cause });
    }
    leave(this.#items!)?.catch(() => {});
    throw error;
  }

  #send(line: Uint8Array): void {
    this.#controller.enqueue(line as Uint8Array<ArrayBuffer>);
  }

  #stop(): void {
    if (this.#over) return;
    this.#over = true;
    const left = this.#items === undefined ? this.#request.cancel() : leave(this.#items);
    left?.catch(() => {});
  }
}
