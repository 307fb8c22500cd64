/**
 * Writes JSON-RPC messages: what stands around a value is put together as text,
 * so that each message is one stringify of the value alone.
 *
 * @module
 */

import type { CallContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import type { MethodCall } from "../../core/method_call.ts";
import { textOf } from "../../core/thrown.ts";
import { extensionText } from "./json_rpc_extension.ts";

/** The method at hand most often: names repeat. */
let lastMethod = "";
let lastMethodText = '""';

/** What a request says, whoever sends it. */
export interface RequestParts {
  readonly context: CallContext;
  readonly now: number;
  /** Whether the member `wireway` may be sent. */
  readonly extensions: boolean;
  /** Whether it is to be sent although there is nothing to say, so that the far side knows of it. */
  readonly mark: boolean;
}

/** A request, or a notification where there is no id. Throws `invalid-request` for what is not JSON. */
export function requestText(id: number | undefined, call: MethodCall, parts: RequestParts): string {
  const { method } = call;
  if (typeof method !== "string") throw notConverted(`its method is ${typeof method}, not a name`);
  if (method !== lastMethod) {
    lastMethodText = JSON.stringify(method);
    lastMethod = method;
  }
  const params = paramsText(call.params);
  const bare = params !== "" && params[0] !== "{" && params[0] !== "[";
  const head = id === undefined ? '{"jsonrpc":"2.0","method":' : `{"jsonrpc":"2.0","id":${id},"method":`;
  const member = parts.extensions ? extensionText(parts.context, parts.now, bare, parts.mark) : "";
  if (params === "") return `${head}${lastMethodText}${member}}`;
  // JSON-RPC takes nothing but arrays and objects for arguments.
  return bare
    ? `${head}${lastMethodText},"params":[${params}]${member}}`
    : `${head}${lastMethodText},"params":${params}${member}}`;
}

function paramsText(params: unknown): string {
  if (params === undefined) return "";
  let text: string | undefined;
  try {
    text = JSON.stringify(params);
  } catch (error) {
    throw notConverted(textOf(error), error);
  }
  if (text === undefined) throw notConverted(`${typeof params} is not JSON`);
  return text;
}

function notConverted(why: string, cause?: unknown): TransportError {
  return new TransportError("invalid-request", `Cannot convert request: ${why}`, { cause });
}

/** A notification of the protocol's own. */
export function notificationText(method: string, params: string): string {
  return params === ""
    ? `{"jsonrpc":"2.0","method":"${method}"}`
    : `{"jsonrpc":"2.0","method":"${method}","params":${params}}`;
}

/** The reply to a request. Throws `invalid-reply` for what is not JSON. */
export function resultText(id: string, result: unknown, member = ""): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(result);
  } catch (error) {
    throw new TransportError("invalid-reply", `Cannot convert reply: ${textOf(error)}`, { cause: error });
  }
  return `{"jsonrpc":"2.0","id":${id},"result":${text ?? "null"}${member}}`;
}

/** The reply that says what went wrong. */
export function errorText(id: string, errorObject: string): string {
  return `{"jsonrpc":"2.0","id":${id},"error":${errorObject}}`;
}
