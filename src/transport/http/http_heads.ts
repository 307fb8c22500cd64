/**
 * The heads of responses, without the interim ones before them.
 *
 * @module
 */

import { type ResponseHead, ResponseHeadDecoder } from "../../framing/http1/http1_head.ts";
import type { Http1Limits } from "../../framing/http1/http1_limits.ts";
import type { ReceiveBuffer } from "../../framing/receive_buffer.ts";
import { maxInterims, protocol } from "./http_exchange.ts";

/** See the module. */
export class FinalHeads {
  readonly #decoder: ResponseHeadDecoder;
  #interims = 0;

  /** Heads of one connection. */
  constructor(limits: Http1Limits) {
    this.#decoder = new ResponseHeadDecoder(limits);
  }

  /** How many bytes the buffer should have room for. */
  get needed(): number {
    return this.#decoder.needed;
  }

  /** Takes the next final head, once it is there; `onContinue` hears of the word to send the body. Throws `protocol`. */
  next(received: ReceiveBuffer, onContinue: () => void): ResponseHead | undefined {
    const decoder = this.#decoder;
    while (decoder.next(received.bytes, received.start, received.end)) {
      received.start = decoder.headEnd;
      const { status } = decoder.head;
      if (status > 599) throw protocol(`Response refused: the status ${status}`);
      if (status >= 200) {
        this.#interims = 0;
        return decoder.head;
      }
      if (status === 101) throw protocol("Response refused: the server changes the protocol, unasked");
      if (++this.#interims > maxInterims) {
        throw protocol(`Response refused: more than ${maxInterims} interim responses`);
      }
      if (status === 100) onContinue();
    }
    return undefined;
  }
}
