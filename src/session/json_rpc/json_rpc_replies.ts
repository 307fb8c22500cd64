/**
 * The replies to one batch, which go out as one message.
 *
 * @module
 */

import { errorObject, tooLarge } from "./json_rpc_errors.ts";
import type { Id } from "./json_rpc_parse.ts";
import { errorText } from "./json_rpc_text.ts";

/** The reply to one request. */
interface Reply {
  readonly id: Id;
  text: string;
}

const encoder = new TextEncoder();

/** See the module. */
export class ReplyBatch {
  readonly #maxBytes: number;
  readonly #send: (text: string) => void;
  readonly #replies: Reply[] = [];
  /** Requests without a reply, and one for the batch that is not read to its end. */
  #open = 1;

  /** `send` is called once, unless there is nothing to answer. */
  constructor(maxBytes: number, send: (text: string) => void) {
    this.#maxBytes = maxBytes;
    this.#send = send;
  }

  /** There is one more request to answer. */
  expect(): void {
    this.#open++;
  }

  /** A request is answered. */
  put(id: Id, text: string): void {
    this.#replies.push({ id, text });
    this.done();
  }

  /** The batch is read to its end. */
  done(): void {
    if (--this.#open > 0 || this.#replies.length === 0) return;
    this.#shorten();
    this.#send(`[${this.#replies.map(({ text }) => text).join(",")}]`);
  }

  /** Has the largest replies say that they were too large, until the rest fits into a message. */
  #shorten(): void {
    const sizes = this.#replies.map((reply) => ({ reply, bytes: encoder.encode(reply.text).length + 1 }));
    let total = 1 + sizes.reduce((sum, { bytes }) => sum + bytes, 0);
    if (total <= this.#maxBytes) return;
    for (const { reply, bytes } of sizes.sort((a, b) => b.bytes - a.bytes)) {
      if (total <= this.#maxBytes) return;
      const short = errorText(reply.id, errorObject(tooLarge(total, this.#maxBytes, "yes")));
      if (short.length >= bytes) continue;
      reply.text = short;
      total -= bytes - short.length - 1;
    }
  }
}
