/**
 * What the streams of an HTTP/2 connection ask of it.
 *
 * @module
 */

import type { TransportError } from "../../core/errors.ts";
import type { HttpSettings } from "../http/http_options.ts";
import type { Http2Outbox } from "./http2_outbox.ts";
import type { Http2Stream } from "./http2_stream.ts";

/** How much of each body is taken in that nobody reads, in bytes. */
export const streamWindowBytes: number = 256 * 1024;

/** The connection that a stream is on. */
export interface StreamHome {
  readonly settings: HttpSettings;
  readonly outbox: Http2Outbox;
  /** The other end, in words. */
  readonly where: string;
  /** Gives a stream so long. */
  limit(stream: Http2Stream, ms: number): void;
  /** Tells the peer that the stream is over. */
  reset(stream: Http2Stream, code: number): void;
  /** Tells the peer that so many bytes more may come. */
  update(stream: Http2Stream, byteLength: number): void;
  /** The peer has ended the stream, or was told that it is over: another one may be opened. */
  streamClosed(): void;
  /** Nothing is left of it. */
  over(stream: Http2Stream): void;
  /** A stream has waited in vain for `ms`: where nothing at all came in that time the connection is dead. */
  silent(ms: number, error: TransportError): void;
}
