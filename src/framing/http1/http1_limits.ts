/**
 * The limits of the HTTP/1.1 codec.
 *
 * @module
 */

import { integer, type OptionRule, readOptions } from "../../core/options.ts";

/** Limits of one end of a connection; what is left out has its default. */
export interface Http1LimitOptions {
  /** The largest head, and the largest trailer section, in bytes with their line ends. @default {16384} 16 KiB */
  maxHeadBytes?: number;
  /** The most field lines in a head, and in a trailer section. @default {100} */
  maxFields?: number;
  /** The largest body, in bytes without its chunk heads. Nothing of it is held here. @default {Infinity} */
  maxBodyBytes?: number;
  /** How many bytes the chunk extensions of a body may have beyond the bytes of its chunks. @default {1024} */
  maxExtensionBytes?: number;
}

/** {@linkcode Http1LimitOptions} with every default filled in. */
export type Http1Limits = Readonly<Required<Http1LimitOptions>>;

const bodyBytes: OptionRule<number> = {
  allowed: "an integer of at least 0, or Infinity",
  fallback: Infinity,
  accepts: (value) => value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 0),
};

/**
 * Reads limits, once for all messages of a client or a server. `owner` is what
 * they are for, as a user writes it: `websocket()`.
 *
 * Throws `invalid-option`.
 */
export function http1Limits(options: Http1LimitOptions = {}, owner = "http1Limits()"): Http1Limits {
  return readOptions(owner, options, {
    maxHeadBytes: integer(16 * 1024, 64, 16 * 1024 * 1024),
    maxFields: integer(100, 1, 10_000),
    maxBodyBytes: bodyBytes,
    maxExtensionBytes: integer(1024, 0, 16 * 1024 * 1024),
  });
}

/** The limits where none are given. */
export const defaultHttp1Limits: Http1Limits = http1Limits();
