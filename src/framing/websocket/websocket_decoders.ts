/**
 * Decoders that connections share: between two messages a decoder knows nothing
 * of its connection, and most connections are between two messages most of the
 * time.
 *
 * @module
 */

import { type ControlReceiver, type DecoderSettings, WebSocketDecoder } from "./websocket_messages.ts";

/** How many are kept for the next connection that receives something. */
const maxKept = 64;

const nobody: ControlReceiver = { ping() {}, pong() {}, close() {} };
const noBytes = new Uint8Array(0);

/** Decoders for connections of the same settings; an inflater belongs to one connection, and its decoders with it. */
export class WebSocketDecoders {
  readonly #settings: DecoderSettings;
  readonly #kept: WebSocketDecoder[] = [];

  /** Keeps none yet. */
  constructor(settings: DecoderSettings) {
    this.#settings = settings;
  }

  /** A decoder for what comes in on a connection from the beginning of a frame on. */
  take(control: ControlReceiver): WebSocketDecoder {
    const decoder = this.#kept.pop();
    if (decoder === undefined) return new WebSocketDecoder(this.#settings, control);
    decoder.control = control;
    return decoder;
  }

  /** Takes back one that is between two messages. */
  give(decoder: WebSocketDecoder): void {
    decoder.control = nobody;
    decoder.message = noBytes;
    if (this.#kept.length < maxKept) this.#kept.push(decoder);
  }
}
