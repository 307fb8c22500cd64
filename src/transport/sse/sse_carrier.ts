/**
 * What a client's end of an sse() channel needs of HTTP.
 *
 * @module
 */

import type { Cancellation } from "../../core/cancellation.ts";
import type { Address } from "../../core/channel.ts";

/** Header fields. */
export type SseFieldLines = [name: string, value: string][];

/** The response to a GET. */
export interface SseStream {
  readonly status: number;
  /** The media type, in lower case; empty where none was said. */
  readonly type: string;
  /** The next bytes; null at the end. Rejects where the connection is lost, and after `cancel()` may do either. */
  read(): Promise<Uint8Array | null>;
  /** Gives it up, with its connection. */
  cancel(): void;
}

/** The response to anything else. */
export interface SseReply {
  readonly status: number;
  /** What it says, for people. */
  readonly text: string;
}

/** A request that is not a GET. */
export interface SsePost {
  readonly method: "POST" | "DELETE";
  readonly fields: SseFieldLines;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

/** Requests to one server, for one channel. */
export interface SseCarrier {
  readonly local: Address;
  readonly remote: Address;
  /** Asks for a stream. Rejects where there is no answer. */
  open(fields: SseFieldLines, signal: AbortSignal): Promise<SseStream>;
  /**
   * Makes another request. There is one at a time of messages, and beside it
   * one of acknowledgements, which must not wait for it on one connection. Rejects where there is
   * no answer, and when it is given up.
   */
  send(post: SsePost, giveUp: Cancellation): Promise<SseReply>;
  /** Gives everything back. */
  close(): void;
}
