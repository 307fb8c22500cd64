/**
 * The options of eventStreams(): what they are, their defaults, and what is
 * refused.
 *
 * @module
 */

import type { Admittance } from "../../core/admittance.ts";
import type { Address } from "../../core/channel.ts";
import { duration, given, invalidOption, label, readOptions } from "../../core/options.ts";
import { eventStreamFields, type EventStreamOptions, eventStreamRules } from "./event_stream_options.ts";
import type { SocketStreamSettings } from "./event_stream_socket.ts";
import {
  type Http1ServerOptions,
  http1ServerRules,
  type Http1ServerSettings,
  http1ServerSettings,
  type ResponseFields,
} from "../http1_server/http1_server.ts";

/**
 * What is known of a reader when it asks for events.
 *
 * @example
 * ```ts
 * import { type EventStreamRequest, eventStreams } from "@wireway/wireway";
 * const knows = ({ headers }: EventStreamRequest) => headers.get("authorization") === "Bearer 7";
 * eventStreams({ port: 8080, authenticate: knows });
 * ```
 */
export interface EventStreamRequest {
  /** Path and query. */
  readonly target: string;
  /** The header fields of the request. */
  readonly headers: Headers;
  /** Where the reader is, or the proxy in between. */
  readonly remote: Address;
  /** What `authenticate` said of a reader that it let in, where that was more than `true`. */
  readonly identity?: unknown;
}

/**
 * Options of {@linkcode eventStreams}.
 *
 * @example
 * ```ts
 * import { eventStreams, type EventStreamsOptions } from "@wireway/wireway";
 * const options: EventStreamsOptions = { port: 8080, path: "/prices", origins: ["https://shop.example"] };
 * eventStreams(options);
 * ```
 */
export interface EventStreamsOptions
  extends
    Omit<Http1ServerOptions, "bodyTimeoutMs" | "minBodyBytesPerSecond" | "maxBodyBytes">,
    Omit<EventStreamOptions, "lastEventId" | "clock"> {
  /** The path that is served, whatever its query. @default {"/"} */
  path?: string;
  /**
   * Origins whose pages may read beside the server's own, such as `https://shop.example`, with cookies; `*` for all,
   * without. A page of another origin is answered 403. @default {[]}
   */
  origins?: string[];
  /**
   * Decides on each reader before it is let in; one that is not is answered 401. What it says of one that is, the
   * listener finds in the request's `identity`. Default: all are.
   */
  authenticate?: (request: EventStreamRequest) => Admittance | Promise<Admittance>;
  /** A reader who takes nothing of what waits for it for this long is cut off, in milliseconds. @default {60000} */
  stallTimeoutMs?: number;
}

/** The settings that eventStreams() works by, checked and complete. */
export interface EventStreamsSettings {
  readonly server: Http1ServerSettings;
  readonly stream: SocketStreamSettings;
  readonly path: string;
  readonly origins: readonly string[];
  readonly authenticate: EventStreamsOptions["authenticate"];
  readonly fields: ResponseFields;
}

const owner = "eventStreams()";

const { lastEventId: _, ...streamRules } = eventStreamRules;
const { bodyTimeoutMs, minBodyBytesPerSecond, maxBodyBytes, ...serverRules } = http1ServerRules;
/** A reader's request has no body. */
const unused = {
  bodyTimeoutMs: bodyTimeoutMs.fallback,
  minBodyBytesPerSecond: minBodyBytesPerSecond.fallback,
  maxBodyBytes: maxBodyBytes.fallback,
};

const rules = {
  ...streamRules,
  ...serverRules,
  path: label("/"),
  origins: given<string[]>([], "a list"),
  authenticate: given<EventStreamsOptions["authenticate"]>(undefined, "a function"),
  stallTimeoutMs: duration(60_000, 1),
};

/** Checks the options and fills in the defaults. */
export function readEventStreamsOptions(options: EventStreamsOptions): EventStreamsSettings {
  const read = readOptions(owner, options, rules);
  const { path, origins, authenticate, headers } = read;
  if (!/^\/[\x21-\x3e\x40-\x7e]*$/.test(path)) {
    throw invalidOption(owner, "path", path, "a path that begins with /, without a query");
  }
  return {
    server: http1ServerSettings(owner, { ...read, ...unused }),
    stream: read,
    path,
    origins,
    authenticate,
    fields: [...new Headers(eventStreamFields(headers))],
  };
}
