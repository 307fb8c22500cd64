/**
 * Whom eventStreams() lets in.
 *
 * @module
 */

import type { Address } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { identityOf } from "../../core/admittance.ts";
import type { RequestHead } from "../../framing/http1/http1_head.ts";
import { lastEventIdOf } from "./event_stream_options.ts";
import type { EventStreamRequest, EventStreamsSettings } from "./event_streams_options.ts";
import type { Http1Exchange, ResponseFields } from "../http1_server/http1_server.ts";

/** A reader who is let in. */
export interface Admitted {
  readonly request: EventStreamRequest;
  readonly lastEventId: string;
  /** The fields of the response. */
  readonly fields: ResponseFields;
}

/** How long a browser may remember what it was allowed, in seconds. */
const preflightSeconds = "600";

/**
 * Looks at a request from all sides. Returns undefined where it is answered by
 * that: HEAD, and what a browser asks before it asks. Rejects with the status
 * to answer it with.
 */
export async function admitReader(
  settings: EventStreamsSettings,
  exchange: Http1Exchange,
): Promise<Admitted | undefined> {
  const { head } = exchange;
  if (head.path.split("?", 1)[0] !== settings.path) {
    throw refused(404, `its path is ${head.path}, not ${settings.path}`);
  }
  const sharing = sharingOf(settings, head);
  if (head.method === "OPTIONS") return void await exchange.respond(204, [...allowed, ...preflight(sharing, head)]);
  if (head.method !== "GET" && head.method !== "HEAD") {
    const text = `Request refused: its method is ${head.method}, not GET\n`;
    return void await exchange.respond(405, [...allowed, ["content-type", "text/plain; charset=utf-8"]], text);
  }
  const request = new ReaderRequest(head, exchange.remote);
  if (settings.authenticate !== undefined) {
    const letIn = await settings.authenticate(request);
    if (!letIn) throw refused(401, "it was not let in");
    request.identity = identityOf(letIn);
  }
  const fields = sharing.length === 0 ? settings.fields : [...settings.fields, ...sharing];
  if (head.method === "HEAD") return void await exchange.respond(200, fields);
  return { request, lastEventId: lastEventIdOf(head.fields.get("last-event-id") ?? ""), fields };
}

const allowed: ResponseFields = [["allow", "GET, HEAD, OPTIONS"]];

/** What lets a page of another origin read the answer; nothing where it is of this one. Throws for one that may not. */
function sharingOf({ origins, server }: EventStreamsSettings, head: RequestHead): ResponseFields {
  const origin = head.fields.get("origin");
  if (origin === undefined) return [];
  if (origins.includes(origin)) {
    return [["access-control-allow-origin", origin], ["access-control-allow-credentials", "true"], ["vary", "origin"]];
  }
  if (origins.includes("*")) return [["access-control-allow-origin", "*"]];
  const own = `${server.listen.tls === undefined ? "http" : "https"}://${head.authority ?? ""}`;
  if (origin.toLowerCase() === own.toLowerCase()) return [];
  throw refused(403, `its origin, ${origin}, is not allowed`);
}

/** The answer to a browser that asks whether it may ask. */
function preflight(sharing: ResponseFields, head: RequestHead): ResponseFields {
  if (sharing.length === 0) return [];
  const wanted = head.fields.get("access-control-request-headers");
  return [
    ...sharing,
    ["access-control-allow-methods", "GET"],
    ...(wanted === undefined ? [] : [["access-control-allow-headers", wanted] as const]),
    ["access-control-max-age", preflightSeconds],
  ];
}

function refused(status: number, why: string): TransportError {
  return new TransportError("invalid-request", `Request refused: ${why}`, { details: { status } });
}

/** Makes the headers when somebody asks: most do not. */
class ReaderRequest implements EventStreamRequest {
  readonly target: string;
  readonly remote: Address;
  identity: unknown = undefined;
  readonly #head: RequestHead;
  #headers: Headers | undefined = undefined;

  constructor(head: RequestHead, remote: Address) {
    this.target = head.path;
    this.remote = remote;
    this.#head = head;
  }

  get headers(): Headers {
    return this.#headers ??= new Headers([...this.#head.fields]);
  }
}
