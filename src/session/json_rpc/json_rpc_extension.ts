/**
 * The member `wireway` of a message: what travels with a call that JSON-RPC has
 * no place for. See `json_rpc.md` beside this file.
 *
 * @module
 */

import { background, type CallContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import { isKey, isValue, type Metadata, noMetadata } from "../../core/metadata.ts";

/** What the member said. */
export interface Extension {
  readonly timeLeftMs: number | undefined;
  readonly priority: number;
  readonly metadata: Metadata;
  /** The arguments are the one item of `params`. */
  readonly bare: boolean;
  /** The number of the stream that follows. */
  readonly stream: number | undefined;
}

/** The member for a call; undefined where there is nothing to say, and no mark to leave. */
export function extensionFor(context: CallContext, now: number, bare: boolean, mark: boolean): object | undefined {
  if (context === background) return bare ? { bare } : mark ? {} : undefined;
  const { deadline, priority } = context;
  const timeLeftMs = deadline === Infinity ? undefined : Math.ceil(deadline - now);
  const urgency = priority === background.priority ? undefined : priority;
  let metadata: Metadata | undefined;
  for (const _ in context.metadata) {
    metadata = context.metadata;
    break;
  }
  if (!bare && timeLeftMs === undefined && urgency === undefined && metadata === undefined) {
    return mark ? {} : undefined;
  }
  return { timeLeftMs, priority: urgency, metadata, bare: bare || undefined };
}

/** Reads the member. Throws `invalid-request` for one that is out of range. */
export function readExtension(member: unknown): Extension {
  const { timeLeftMs, priority = background.priority, metadata, bare, stream } = member as Record<string, unknown>;
  if (timeLeftMs !== undefined && !(typeof timeLeftMs === "number" && timeLeftMs >= 0)) throw wrong("timeLeftMs");
  if (!Number.isInteger(priority) || (priority as number) < 0 || (priority as number) > 7) throw wrong("priority");
  if (stream !== undefined && !Number.isSafeInteger(stream)) throw wrong("stream");
  return {
    timeLeftMs,
    priority: priority as number,
    metadata: metadata === undefined ? noMetadata : readMetadata(metadata),
    bare: bare === true,
    stream: stream as number | undefined,
  };
}

/** Whether there is such a member. */
export function hasExtension(member: unknown): boolean {
  return typeof member === "object" && member !== null && !Array.isArray(member);
}

function readMetadata(fields: unknown): Metadata {
  if (!hasExtension(fields)) throw wrong("metadata");
  const metadata: Record<string, string> = Object.create(null);
  for (const [key, value] of Object.entries(fields as object)) {
    if (!isKey(key) || !isValue(value)) throw wrong("metadata");
    metadata[key] = value;
  }
  return metadata;
}

function wrong(field: string): TransportError {
  return new TransportError("invalid-request", `Call refused: ${field} of its member wireway is out of range`, {
    details: { field },
  });
}
