/**
 * What calls put into the headers of NATS messages. A call that says nothing
 * about itself has none, nor has its reply: any NATS client can call and serve.
 *
 * | header | in | what |
 * |---|---|---|
 * | `wireway-time-left-ms` | calls | how long until the deadline |
 * | `wireway-priority` | calls | from 0 to 7 |
 * | `wireway-error` | replies | the code of an error; the payload is its JSON |
 * | `wireway-kind` | all | `ping`, `working`, `cancel`, `gone` |
 * | any other | calls | metadata, trace context included |
 *
 * @module
 */

import { headers as newHeaders, type MsgHdrs } from "@nats-io/transport-node";
import { background, type CallContext, type Clock, type Metadata, TransportError } from "../../mod.ts";
import { isKey, isValue, noMetadata } from "../../src/core/metadata.ts";
import { describeError, readError } from "../../src/session/error_text.ts";
import type { BrokerMessage } from "./broker_link.ts";

const timeLeftField = "wireway-time-left-ms";
const priorityField = "wireway-priority";
const errorField = "wireway-error";
const kindField = "wireway-kind";
const ours = "wireway-";

/** What a message is that is no call, no send and no reply. */
export type Kind = "ping" | "working" | "cancel" | "gone";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The headers of a message of some kind. */
export function kindHeaders(kind: Kind): MsgHdrs {
  const headers = newHeaders();
  headers.set(kindField, kind);
  return headers;
}

/** What kind of message it is; undefined for a call, a send and a reply. */
export function kindOf(headers: MsgHdrs | undefined): string | undefined {
  return headers?.get(kindField) || undefined;
}

/** The headers of a call; none where there is nothing to say. Throws `deadline-exceeded`, `invalid-request`. */
export function callHeaders(context: CallContext, clock: Clock): MsgHdrs | undefined {
  if (context === background) return undefined;
  let headers: MsgHdrs | undefined;
  if (context.deadline !== Infinity) {
    const timeLeftMs = Math.ceil(context.deadline - clock.now());
    if (timeLeftMs <= 0) {
      throw new TransportError("deadline-exceeded", "Call not sent: its deadline has passed", { processed: "no" });
    }
    (headers = newHeaders()).append(timeLeftField, String(timeLeftMs));
  }
  if (context.priority !== background.priority) {
    (headers ??= newHeaders()).append(priorityField, String(context.priority));
  }
  const { metadata } = context;
  if (metadata === noMetadata) return headers;
  for (const key of Object.keys(metadata)) {
    if (key.startsWith(ours)) {
      throw new TransportError(
        "invalid-request",
        `Cannot send metadata ${key}: names with ${ours} are taken by NATS calls`,
      );
    }
    (headers ??= newHeaders()).append(key, metadata[key]);
  }
  return headers;
}

/** What the headers of a call say. */
export interface CallHead {
  readonly timeLeftMs: number | undefined;
  readonly priority: number;
  readonly metadata: Metadata | (() => Metadata);
}

const bareHead: CallHead = { timeLeftMs: undefined, priority: background.priority, metadata: noMetadata };

/** Reads the headers of a call. Throws `invalid-request`. */
export function readCallHeaders(headers: MsgHdrs | undefined): CallHead {
  if (headers === undefined) return bareHead;
  let read: Metadata | undefined;
  return {
    timeLeftMs: readNumber(headers, timeLeftField, 1e15),
    priority: readNumber(headers, priorityField, 7) ?? background.priority,
    metadata: () => read ??= readMetadata(headers),
  };
}

function readNumber(headers: MsgHdrs, field: string, max: number): number | undefined {
  const text = headers.get(field);
  if (text === "") return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Infinity;
  if (value <= max) return value;
  const why = `Call refused: ${field} is ${JSON.stringify(text.slice(0, 60))}, not a number up to ${max}`;
  throw new TransportError("invalid-request", why);
}

/** A foreign client's fields may be of any form: those that fit no other transport are left out. */
function readMetadata(headers: MsgHdrs): Metadata {
  const metadata: Record<string, string> = Object.create(null);
  for (const name of headers.keys()) {
    const key = name.toLowerCase();
    const value = headers.get(name);
    if (!key.startsWith(ours) && isKey(key) && isValue(value)) metadata[key] = value;
  }
  return metadata;
}

/** An error as the headers and the payload of a reply, not over `maxBytes` together. */
export function errorReply(error: TransportError, maxBytes: number): { headers: MsgHdrs; data: Uint8Array } {
  const headers = newHeaders();
  headers.set(errorField, error.code);
  let data = encoder.encode(describeError(error));
  if (data.length > maxBytes - headBytes) {
    const { code, processed, retryAfterMs } = error;
    const message = error.message.slice(0, Math.max(0, Math.floor((maxBytes - headBytes) / 6) - headBytes));
    data = encoder.encode(describeError(new TransportError(code, message, { processed, retryAfterMs })));
  }
  return { headers, data };
}

/** More than our headers, and what a description has beside its message, ever take. */
const headBytes = 128;

/** The error that a reply stands for; undefined where it is none. */
export function readErrorReply({ headers, data }: BrokerMessage): TransportError | undefined {
  const code = headers?.get(errorField) || undefined;
  return code === undefined ? undefined : readError(code, decoder.decode(data));
}
