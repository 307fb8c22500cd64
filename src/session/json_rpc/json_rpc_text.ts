/**
 * Writes JSON-RPC messages: one stringify each, of the whole envelope. (To put
 * the text of a value between texts costs more, when it is encoded.)
 *
 * @module
 */

import type { CallContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import type { MethodCall } from "../../core/method_call.ts";
import { textOf } from "../../core/thrown.ts";
import { extensionFor } from "./json_rpc_extension.ts";
import { type Id, idText, RawId } from "./json_rpc_parse.ts";

/** What a request says, whoever sends it. */
export interface RequestParts {
  readonly now: number;
  /** Whether the member `wireway` may be sent. */
  readonly extensions: boolean;
  /** Whether it is to be sent although there is nothing to say, so that the far side knows of it. */
  readonly mark: boolean;
}

/** A request, or a notification where there is no id. Throws `invalid-request` for what is not JSON. */
export function requestText(
  id: number | undefined,
  request: MethodCall,
  context: CallContext,
  { now, extensions, mark }: RequestParts,
): string {
  const { method, params } = request ?? {};
  if (typeof method !== "string") throw notConverted(`its method is ${typeof method}, not a name`);
  const given = isPlain(params) ? params : valueOf(params);
  // JSON-RPC takes nothing but arrays and objects for arguments.
  const bare = given !== undefined && (typeof given !== "object" || given === null);
  const wireway = extensions ? extensionFor(context, now, bare, mark) : undefined;
  try {
    return JSON.stringify({ jsonrpc: "2.0", id, method, params: bare ? [given] : given, wireway });
  } catch (error) {
    throw notConverted(textOf(error), error);
  }
}

/** Whether a value is what its JSON says: no function, and nothing that makes its JSON itself. */
function isPlain(value: unknown): boolean {
  if (typeof value === "object") return value === null || typeof (value as { toJSON?: unknown }).toJSON !== "function";
  return value === undefined || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** The value that the JSON of another one stands for. */
function valueOf(params: unknown): unknown {
  let text: string | undefined;
  try {
    text = JSON.stringify(params);
  } catch (error) {
    throw notConverted(textOf(error), error);
  }
  if (text === undefined) throw notConverted(`${typeof params} is not JSON`);
  return JSON.parse(text);
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
export function resultText(id: Id, value: unknown, wireway?: object): string {
  try {
    // What has no JSON is null: without a result the reply would be none.
    const result = isPlain(value) ? value ?? null : JSON.parse(JSON.stringify(value) ?? "null");
    if (!(id instanceof RawId)) return JSON.stringify({ jsonrpc: "2.0", id, result, wireway });
    return `{"jsonrpc":"2.0","id":${id.text},${JSON.stringify({ result, wireway }).slice(1)}`;
  } catch (error) {
    throw new TransportError("invalid-reply", `Cannot convert reply: ${textOf(error)}`, { cause: error });
  }
}

/** The reply that says what went wrong. */
export function errorText(id: Id, errorObject: string): string {
  return `{"jsonrpc":"2.0","id":${idText(id)},"error":${errorObject}}`;
}
