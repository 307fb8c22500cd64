/**
 * An HTTP request that can be sent more than once: what was read of its body is
 * kept, up to a bound, or its body is in memory as a whole.
 *
 * @module
 */

import { type PlainParts, plainPartsOf, plainRequest, usePlain } from "../../core/plain_request.ts";
import { Streamed } from "../../core/streamed.ts";

/** See the module. One attempt at a time. */
export interface Replay {
  /** Whether the request can be sent once more. */
  readonly possible: boolean;
  /** The request for one attempt; that of the attempt before is over. */
  next(): Request;
  /** There will be no further attempt. */
  end(): void;
}

/** One whose body is in memory as long as the request is. */
class PlainReplay implements Replay {
  readonly possible = true;
  readonly #parts: PlainParts;

  constructor(request: Request, parts: PlainParts) {
    usePlain(request);
    this.#parts = parts;
  }

  next(): Request {
    return plainRequest(this.#parts);
  }

  end(): void {}
}

class StreamReplay implements Replay {
  readonly #request: Request;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  /** How many chunks were let go of before the first that is kept. */
  #gone = 0;
  #bytes = 0;
  #kept = true;
  #ended = false;
  #reading: Promise<void> | undefined = undefined;
  #attempt = 0;
  /** Whether nobody reads what is left. */
  #idle = true;

  constructor(request: Request & { body: ReadableStream<Uint8Array> }, maxBytes: number) {
    this.#request = request;
    this.#maxBytes = maxBytes;
    this.#reader = request.body.getReader();
  }

  get possible(): boolean {
    return this.#kept;
  }

  next(): Request {
    const attempt = ++this.#attempt;
    let index = 0;
    this.#idle = false;
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        while (attempt === this.#attempt && index - this.#gone >= this.#chunks.length && !this.#ended) {
          await (this.#reading ??= this.#read());
        }
        if (attempt !== this.#attempt) return controller.error(new TypeError("Another attempt has begun"));
        if (index - this.#gone >= this.#chunks.length) return controller.close();
        controller.enqueue(this.#chunks[index++ - this.#gone]);
        if (!this.#kept) this.#forget(index);
      },
      cancel: async (reason) => {
        if (attempt !== this.#attempt) return;
        this.#idle = true;
        if (!this.#kept) await this.#reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
    const init: RequestInit & { duplex: "half" } = { body, duplex: "half" };
    return new Request(this.#request, init);
  }

  /** Keeps nothing, and lets go of a body that nobody reads. */
  end(): void {
    this.#kept = false;
    if (this.#idle && !this.#ended) this.#reader.cancel().catch(() => {});
  }

  async #read(): Promise<void> {
    try {
      const { done, value } = await this.#reader.read();
      if (done) {
        this.#ended = true;
        return;
      }
      this.#chunks.push(value);
      this.#bytes += value.length;
      if (this.#bytes > this.#maxBytes) this.#kept = false;
    } catch (error) {
      this.#kept = false;
      throw error;
    } finally {
      this.#reading = undefined;
    }
  }

  #forget(before: number): void {
    this.#chunks.splice(0, before - this.#gone);
    this.#gone = before;
  }
}

/** Makes one where the request is one of HTTP with a body that has not been touched. */
export function replayOf(request: unknown, maxBytes: number): Replay | undefined {
  if (typeof request !== "object" || !(request instanceof Request) || maxBytes === 0) return undefined;
  const plain = plainPartsOf(request);
  if (plain !== undefined) {
    return plain.body === undefined || request.bodyUsed ? undefined : new PlainReplay(request, plain);
  }
  const { body } = request;
  if (body === null || request.bodyUsed || body.locked) return undefined;
  return new StreamReplay(request as Request & { body: ReadableStream<Uint8Array> }, maxBytes);
}

/**
 * Whether a request can be sent again as it is: all can, but those of HTTP with
 * a body, and those whose stream was begun.
 */
export function isRepeatable(request: unknown): boolean {
  if (typeof request !== "object") return true;
  if (request instanceof Streamed) return !request.begun;
  return !(request instanceof Request) || request.body === null;
}
