/**
 * Reads the bodies of POSTs: one of each channel at a time, within a limit on
 * time and size.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { PostItems } from "../../framing/event_stream/sse_posts.ts";
import { Alarm } from "./sse_alarm.ts";
import type { SseSettings } from "./sse_options.ts";
import { sseFields, ssePostType } from "./sse_protocol.ts";
import { refused, type SseExchange } from "./sse_request.ts";

/** The channel that a POST is to. */
interface PostedTo {
  readonly id: string;
  readonly maxMessageBytes: number;
}

/** See the module. */
export class SseReading {
  readonly #settings: SseSettings;
  /** The POST whose body is being read, of each channel that has one. */
  readonly #reading = new Map<string, SseExchange>();

  constructor(settings: SseSettings) {
    this.#settings = settings;
  }

  /** Reads the body of a POST to a channel, and what is in it: at once where it is there already. */
  read(channel: PostedTo, exchange: SseExchange): PostItems | Promise<PostItems> {
    const type = exchange.header("content-type")?.split(";", 1)[0].trim().toLowerCase();
    if (type !== ssePostType) throw refused(415, `its type is ${type ?? "not said"}, not ${ssePostType}`);
    const { maxPostBytes } = this.#settings;
    const length = Number(exchange.header("content-length") ?? 0);
    if (length > maxPostBytes) throw tooLarge(maxPostBytes);
    // One POST at a time: an earlier one that is still coming was given up by its client.
    this.cancel(channel.id);
    const body = exchange.bodyAtHand(maxPostBytes);
    return body === undefined ? this.#readAll(channel, exchange) : new PostItems(body, channel.maxMessageBytes);
  }

  /** Sees that a body is empty, which over HTTP/2 its head need not tell. */
  async nothing(exchange: SseExchange): Promise<void> {
    try {
      await exchange.body(0);
    } catch {
      throw refused(400, `it has a body and no ${sseFields.first}`);
    }
  }

  /** Gives up what is being read for a channel. */
  cancel(id: string): void {
    this.#reading.get(id)?.cancelBody();
  }

  async #readAll({ id, maxMessageBytes }: PostedTo, exchange: SseExchange): Promise<PostItems> {
    const { clock, postTimeoutMs, maxPostBytes } = this.#settings;
    this.#reading.set(id, exchange);
    let late = false;
    const alarm = new Alarm(clock, () => {
      late = true;
      exchange.cancelBody();
    });
    alarm.set(postTimeoutMs);
    try {
      return new PostItems(await exchange.body(maxPostBytes), maxMessageBytes);
    } catch (error) {
      if (late) throw refused(408, `its body was not whole after ${postTimeoutMs} ms`);
      if (error instanceof TransportError) {
        if (error.details?.status !== undefined) throw error;
        if (error.code === "message-too-large") throw tooLarge(maxPostBytes);
      }
      // Most often there is nobody left to read this.
      throw refused(408, "its body did not come whole");
    } finally {
      alarm.clear();
      if (this.#reading.get(id) === exchange) this.#reading.delete(id);
    }
  }
}

function tooLarge(maxPostBytes: number): TransportError {
  return refused(413, `its body has more than the ${maxPostBytes} bytes that are allowed`, "message-too-large");
}
