/**
 * Reads the text of a JSON-RPC message, within limits, and the ids in it as
 * they were written.
 *
 * @module
 */

import { Code, faultObject } from "./json_rpc_errors.ts";

// A decoder that replaces what is no UTF-8 is three times as fast as one that throws: the latter looks at the messages
// alone in which something was replaced, or that had the character in the first place.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const replaced = "\ufffd";

/** One message, or an item of a batch, whatever it may be. */
export interface Envelope {
  readonly jsonrpc?: unknown;
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
  readonly wireway?: unknown;
}

/** A message that can't be served: the error object to answer it with. */
export class Fault {
  readonly error: string;

  constructor(code: number, message: string, reason: string) {
    this.error = faultObject(code, message, reason);
  }
}

/** The answer to what is no request. */
export function invalidRequest(reason: string): Fault {
  return new Fault(Code.invalidRequest, "Invalid Request", reason);
}

function parseError(reason: string): Fault {
  return new Fault(Code.parse, "Parse error", reason);
}

/** The text of a message, or why there is none. */
export function textOfMessage(message: Uint8Array | string): string | Fault {
  if (typeof message === "string") return message;
  const text = decoder.decode(message);
  if (!text.includes(replaced)) return text;
  try {
    return strictDecoder.decode(message);
  } catch {
    return parseError("it is not UTF-8");
  }
}

/** The value of a text, or why there is none. */
export function parse(text: string, maxDepth: number): unknown {
  // It takes two characters to go a level down and up again.
  if (text.length > 2 * maxDepth && isDeeper(text, maxDepth)) {
    return invalidRequest(`it is nested more than ${maxDepth} levels deep`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    return parseError((error as Error).message.slice(0, 200));
  }
}

/** Whether arrays and objects stand in each other deeper than `max`. */
function isDeeper(text: string, max: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22:
        i = endOfString(text, i + 1);
        break;
      case 0x5b:
      case 0x7b:
        if (++depth > max) return true;
        break;
      case 0x5d:
      case 0x7d:
        depth--;
    }
  }
  return false;
}

/** Where a string ends that begins at `from`. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === 0x5c) escapes++;
    // An even number of them escape each other.
    if ((escapes & 1) === 0) return end;
  }
  return text.length;
}

/** An id as it was written, where a double can't hold it. */
export class RawId {
  /** Its JSON. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The id of a request, to be echoed exactly. */
export type Id = string | number | null | RawId;

/** Whether a value may be an id. */
export function isId(id: unknown): id is string | number | null {
  return typeof id === "number" || typeof id === "string" || id === null;
}

/**
 * An id, to be echoed. A number that a double can't hold is taken from the text
 * as it stands there; `index` is its item's place in a batch.
 */
export function exactId(id: string | number | null, text: string, index?: number): Id {
  if (typeof id !== "number" || (Number.isSafeInteger(id) && id !== 0)) return id;
  return new RawId(idSource(text, index));
}

/** The JSON of an id. */
export function idText(id: Id): string {
  return id instanceof RawId ? id.text : JSON.stringify(id);
}

/** The id as it was written. Slow, and needed for odd ids alone. */
function idSource(text: string, index: number | undefined): string {
  const sources = new WeakMap<object, string>();
  const look = function (this: object, key: string, value: unknown, context?: { source?: string }): unknown {
    if (key === "id" && context?.source !== undefined) sources.set(this, context.source);
    return value;
  };
  const root = JSON.parse(text, look as (key: string, value: unknown) => unknown);
  const holder = index === undefined ? root : root[index];
  return sources.get(holder) ?? JSON.stringify(holder.id);
}
