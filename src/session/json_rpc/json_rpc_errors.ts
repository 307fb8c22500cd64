/**
 * Errors as JSON-RPC has them, and as Wireway has them.
 *
 * @module
 */

import { type ErrorCode, errorCodes, type Processed, TransportError } from "../../core/errors.ts";

/** Codes of the specification, and the one of the Language Server Protocol for a call that was given up. */
export const Code = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  server: -32000,
  cancelled: -32800,
} as const;

/** What the codes of Wireway are on the wire; all others are errors of the server. */
const codes: Partial<Record<ErrorCode, number>> = {
  "invalid-request": Code.invalidParams,
  "unsupported": Code.methodNotFound,
  "remote": Code.internal,
  "invalid-reply": Code.internal,
  "cancelled": Code.cancelled,
};

/** Errors by which the far side says that it never came to the method. */
const unprocessed: readonly number[] = [Code.parse, Code.invalidRequest, Code.methodNotFound];

/**
 * The error object of an application: its own code, a message and data. A
 * handler throws it, and the caller gets it back the same way: a
 * {@linkcode TransportError} with the code `remote` whose `details` have the
 * `code` and the `data`.
 *
 * @example
 * ```ts
 * import { jsonRpcError, type Handler, type MethodRequest } from "@wireway/wireway";
 * const handler: Handler<MethodRequest, unknown> = () => {
 *   throw jsonRpcError(17, "No such account", { account: "7" });
 * };
 * ```
 */
export function jsonRpcError(code: number, message: string, data?: unknown): TransportError {
  return new TransportError("remote", message, { details: data === undefined ? { code } : { code, data } });
}

/** The JSON of an error object. */
export function errorObject(error: TransportError): string {
  const { code, message, processed, retryAfterMs, details } = error;
  const own = details?.code;
  if (code === "remote" && Number.isSafeInteger(own)) {
    return json({ code: own, message, data: details!.data }) ?? json({ code: own, message })!;
  }
  const said = { code: codes[code] ?? Code.server, message };
  const data = { code, processed, retryAfterMs };
  // Details that are not JSON must not keep the error itself from being told.
  return json({ ...said, data: { ...data, details } }) ?? json({ ...said, data })!;
}

/** The JSON of an error that the specification names. */
export function faultObject(code: number, message: string, reason: string): string {
  return JSON.stringify({ code, message, data: { code: "protocol", processed: "no", details: { reason } } });
}

function json(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** The error that an error object stands for. */
export function errorOf(object: unknown): TransportError {
  if (typeof object !== "object" || object === null) {
    return new TransportError("invalid-reply", `Reply refused: its error is ${JSON.stringify(object)}`);
  }
  const { code, message, data } = object as Record<string, unknown>;
  const text = typeof message === "string" ? message : JSON.stringify(message) ?? "";
  const ours = typeof data === "object" && data !== null ? data as Record<string, unknown> : {};
  if (errorCodes.includes(ours.code as ErrorCode) && isProcessed(ours.processed)) {
    const { retryAfterMs, details } = ours;
    return new TransportError(ours.code as ErrorCode, text, {
      processed: ours.processed,
      retryAfterMs: typeof retryAfterMs === "number" && retryAfterMs >= 0 ? retryAfterMs : undefined,
      details: isObject(details) ? details : undefined,
      remote: true,
    });
  }
  return new TransportError("remote", text, {
    processed: unprocessed.includes(code as number) ? "no" : "yes",
    details: data === undefined ? { code } : { code, data },
    remote: true,
  });
}

function isProcessed(value: unknown): value is Processed {
  return value === "no" || value === "maybe" || value === "yes";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The error for a call over the limit of calls in flight. */
export function tooManyCalls(inFlight: number, allowed: number): TransportError {
  return new TransportError("too-many-calls", `Call refused: ${inFlight} are in flight, ${allowed} are allowed`, {
    details: { inFlight, allowed },
  });
}

/** The error for a message over the limit. */
export function tooLarge(bytes: number, allowed: number, processed: Processed = "no"): TransportError {
  return new TransportError("message-too-large", `Message refused: it has ${bytes} bytes, ${allowed} are allowed`, {
    processed,
    details: { bytes, allowed },
  });
}
