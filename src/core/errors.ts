/**
 * The one error class of Wireway: a closed set of codes, and for each error
 * whether the far side may have worked on the call.
 *
 * @module
 */

import { textOf } from "./thrown.ts";

/**
 * Everything that can go wrong, as a closed set.
 *
 * | code | meaning |
 * | --- | --- |
 * | `cancelled` | the caller gave up |
 * | `deadline-exceeded` | the call's deadline passed |
 * | `connect-failed` | no connection could be made |
 * | `connect-timeout` | connecting took longer than allowed |
 * | `acquire-timeout` | no connection became free in time |
 * | `connection-lost` | the connection ended under the call |
 * | `closed` | this end had been closed before |
 * | `draining` | this connection takes no new calls |
 * | `protocol` | the peer sent what the protocol does not allow |
 * | `version-mismatch` | the two ends share no protocol version |
 * | `message-too-large` | a message is over its size limit |
 * | `too-many-calls` | a limit on calls in flight was reached |
 * | `overloaded` | a buffer, queue or server is full |
 * | `rate-limited` | a rate limit refused the call |
 * | `circuit-open` | a circuit breaker refused the call |
 * | `invalid-request` | the request is not one that can be sent or served |
 * | `invalid-reply` | the reply can not be understood |
 * | `invalid-option` | an option has a value that is not allowed |
 * | `unsupported` | this transport or peer can not do that |
 * | `address-in-use` | another program listens on this address |
 * | `remote` | the far side's handler failed |
 * | `superseded` | another attempt of the same call won |
 *
 * @example
 * ```ts
 * import type { ErrorCode } from "@wireway/wireway";
 * const code: ErrorCode = "deadline-exceeded";
 * ```
 */
export type ErrorCode = typeof errorCodes[number];

/**
 * All error codes. The position of a code is its number on the wire: the list
 * only ever grows at its end.
 *
 * @example
 * ```ts
 * import { errorCodes } from "@wireway/wireway";
 * const known = errorCodes.includes("protocol");
 * ```
 */
export const errorCodes = [
  "remote",
  "cancelled",
  "deadline-exceeded",
  "connect-failed",
  "connect-timeout",
  "acquire-timeout",
  "connection-lost",
  "closed",
  "draining",
  "protocol",
  "version-mismatch",
  "message-too-large",
  "too-many-calls",
  "overloaded",
  "rate-limited",
  "circuit-open",
  "invalid-request",
  "invalid-reply",
  "invalid-option",
  "unsupported",
  "address-in-use",
  "superseded",
] as const;

/**
 * Whether the far side worked on a failed call: `no` (certainly not, so it may
 * be sent again), `maybe` (it may have begun), `yes` (its handler ran).
 *
 * @example
 * ```ts
 * import type { Processed, TransportError } from "@wireway/wireway";
 * const mayRepeat = (error: TransportError): boolean => error.processed === ("no" satisfies Processed);
 * ```
 */
export type Processed = "no" | "maybe" | "yes";

/**
 * What a {@linkcode TransportError} can carry beside its code and message.
 *
 * @example
 * ```ts
 * import { TransportError, type TransportErrorOptions } from "@wireway/wireway";
 * const options: TransportErrorOptions = { processed: "no", details: { user: 7 } };
 * throw new TransportError("invalid-request", "Cannot pay: user 7 has no account", options);
 * ```
 */
export interface TransportErrorOptions {
  /** Whether the far side worked on the call. Default: what the code implies, `maybe` where it implies nothing. */
  processed?: Processed;
  /** Plain data about the failure; travels with the error, so it must be representable as JSON. */
  details?: Readonly<Record<string, unknown>>;
  /** Whether the far side made this error. Default `false`. */
  remote?: boolean;
  /** How long to wait before a retry, in milliseconds, where the far side said so. */
  retryAfterMs?: number;
  /** What caused it. Stays on this side. */
  cause?: unknown;
}

/** Codes whose meaning settles whether the far side worked on the call. */
const impliedProcessed: Partial<Record<ErrorCode, Processed>> = {
  "remote": "yes",
  "connect-failed": "no",
  "connect-timeout": "no",
  "acquire-timeout": "no",
  "closed": "no",
  "draining": "no",
  "version-mismatch": "no",
  "message-too-large": "no",
  "too-many-calls": "no",
  "overloaded": "no",
  "rate-limited": "no",
  "circuit-open": "no",
  "invalid-request": "no",
  "invalid-reply": "yes",
  "invalid-option": "no",
  "unsupported": "no",
  "address-in-use": "no",
};

/**
 * The error that every part of Wireway throws or rejects with. A handler may
 * throw one too: its code, message and details reach the caller.
 *
 * @example Tell a caller why a call was refused
 * ```ts
 * import { TransportError } from "@wireway/wireway";
 * throw new TransportError("invalid-request", "Cannot read order: 17 does not exist", { details: { order: 17 } });
 * ```
 *
 * @example Decide by code
 * ```ts
 * import { callContext, type Service, TransportError } from "@wireway/wireway";
 * declare const call: Service<string, string>;
 * try {
 *   await call("ping", callContext({ timeoutMs: 100 }));
 * } catch (error) {
 *   if (error instanceof TransportError && error.code === "deadline-exceeded") console.log("too slow");
 *   else throw error;
 * }
 * ```
 */
export class TransportError extends Error {
  /** Always `TransportError`. */
  override readonly name = "TransportError";
  /** What went wrong, from a closed set. */
  readonly code: ErrorCode;
  /** Whether the far side worked on the call. */
  readonly processed: Processed;
  /** Whether the far side made this error. */
  readonly remote: boolean;
  /** Plain data about the failure. */
  readonly details: Readonly<Record<string, unknown>> | undefined;
  /** How long to wait before a retry, in milliseconds, where the far side said so. */
  readonly retryAfterMs: number | undefined;

  /** Makes an error of `code` with a message for people. */
  constructor(code: ErrorCode, message: string, options: TransportErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.processed = options.processed ?? impliedProcessed[code] ?? "maybe";
    this.remote = options.remote ?? false;
    this.details = options.details;
    this.retryAfterMs = options.retryAfterMs;
  }

  /**
   * Returns `error` if it is a TransportError already, and wraps it otherwise,
   * keeping its message and, as the cause, itself.
   */
  static from(error: unknown, code: ErrorCode, options: TransportErrorOptions = {}): TransportError {
    if (error instanceof TransportError) return error;
    return new TransportError(code, textOf(error), { cause: error, ...options });
  }
}
