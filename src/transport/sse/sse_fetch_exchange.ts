/**
 * A request to the server of sse() channels and its answer, as the platform's
 * `Request` and `Response`.
 *
 * @module
 */

import type { Address } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { joinBytes } from "../../util/join_bytes.ts";
import type { SseDown } from "./sse_down.ts";
import type { SseAnswer, SseExchange } from "./sse_request.ts";

/** A request of the platform's. */
export class FetchExchange implements SseExchange {
  readonly remote: Address;
  readonly #request: Request;
  #url: URL | undefined = undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined = undefined;
  #cancelled = false;

  constructor(request: Request, remote: Address | undefined) {
    this.#request = request;
    this.remote = remote ?? { transport: "sse", path: "a client" };
  }

  get method(): string {
    return this.#request.method;
  }

  get target(): string {
    const { pathname, search } = this.#parsed();
    return pathname + search;
  }

  get ownOrigin(): string {
    return this.#parsed().origin;
  }

  get hasBody(): boolean {
    return this.#request.body !== null && this.#request.headers.get("content-length") !== "0";
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined;
  }

  headers(): Headers {
    return this.#request.headers;
  }

  bodyAtHand(): undefined {
    return undefined;
  }

  async body(maxBytes: number): Promise<Uint8Array> {
    const reader = this.#request.body!.getReader();
    this.#reader = reader;
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (this.#cancelled) throw new TransportError("cancelled", "Body not read: it was given up");
      if (done) break;
      bytes += value.length;
      if (bytes > maxBytes) {
        this.cancelBody();
        throw new TransportError("message-too-large", `Body refused: it has more than ${maxBytes} bytes`);
      }
      chunks.push(value);
    }
    return chunks.length === 1 ? chunks[0] : joinBytes(chunks);
  }

  cancelBody(): void {
    this.#cancelled = true;
    this.#reader?.cancel().catch(() => {});
  }

  #parsed(): URL {
    return this.#url ??= new URL(this.#request.url);
  }
}

/** An answer as the platform has it. */
export function toResponse({ status, fields, text, down }: SseAnswer): Response {
  if (down === undefined) return new Response(text ?? null, { status, headers: fields });
  return new Response(new ReadableStream(new DownBody(down), { highWaterMark: 1 }), { status, headers: fields });
}

/** What the ReadableStream of a response reads from. */
class DownBody implements UnderlyingDefaultSource<Uint8Array> {
  readonly #down: SseDown;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #over = false;

  constructor(down: SseDown) {
    this.#down = down;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    this.#down.ready = () => this.pull();
  }

  pull(): void {
    const controller = this.#controller;
    if (this.#down.dropped && !this.#over) {
      this.#over = true;
      controller.error(new TransportError("connection-lost", "Stream cut off: its reader has gone, or does not read"));
    }
    while (!this.#over && controller.desiredSize! > 0) {
      const chunk = this.#down.take();
      if (chunk !== undefined) {
        controller.enqueue(chunk);
        // There is one chunk more at the end, at the most: nothing is gained by waiting for its turn.
        if (!this.#down.ending) continue;
      } else if (!this.#down.ending) {
        return;
      }
      this.#over = true;
      controller.close();
      this.#down.written();
    }
  }

  cancel(): void {
    this.#over = true;
    this.#down.written();
  }
}
