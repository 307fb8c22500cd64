/**
 * What the semantic conventions of OpenTelemetry say of an HTTP request.
 *
 * @module
 */

import type { Attributes } from "@opentelemetry/api";
import type { CallContext } from "../core/context.ts";
import { type CallDescription, pair, serverOf } from "./call_conventions.ts";

/** Methods that may be a value of an attribute; anybody can make up others. */
const knownMethods = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
]);

/** Parameters that sign a URL: whoever reads them may use it. */
const secrets = /([?&](?:AWSAccessKeyId|Signature|sig|X-Goog-Signature|X-Amz-Signature|X-Amz-Security-Token)=)[^&#]*/gi;

/** What is said of a request at its start. */
export function httpCall(
  request: Request,
  side: "client" | "server",
  route: string | undefined,
  context: CallContext,
): CallDescription {
  const known = knownMethods.has(request.method);
  const method = known ? request.method : "_OTHER";
  const url = new URL(request.url);
  const shared: Attributes = { "http.request.method": method };
  const detail: Attributes = {};
  if (!known) detail["http.request.method_original"] = request.method;
  if (route !== undefined) shared["http.route"] = route;
  const name = `${known ? method : "HTTP"}${route === undefined ? "" : ` ${route}`}`;
  if (side === "client") {
    url.username = url.password = "";
    url.hash = "";
    Object.assign(shared, serverOf(url));
    detail["url.full"] = withoutSecrets(url.href);
    return { name, shared, detail };
  }
  shared["url.scheme"] = url.protocol.slice(0, -1);
  Object.assign(detail, { "url.path": url.pathname }, serverOf(url));
  if (url.search.length > 1) detail["url.query"] = withoutSecrets(url.search).slice(1);
  const agent = request.headers.get("user-agent");
  if (agent !== null) detail["user_agent.original"] = agent;
  const remote = context.peer?.remote;
  if (remote !== undefined) Object.assign(detail, pair("client", remote), pair("network.peer", remote));
  return { name, shared, detail };
}

/**
 * The status of a response, and whether it is an error: a server's own fault is
 * one on both sides, a client's on the client's alone.
 */
export function httpStatus(status: number, side: "client" | "server"): { attributes: Attributes; failed: boolean } {
  const failed = status >= (side === "server" ? 500 : 400);
  const attributes: Attributes = { "http.response.status_code": status };
  if (failed) attributes["error.type"] = String(status);
  return { attributes, failed };
}

function withoutSecrets(text: string): string {
  return text.replace(secrets, "$1REDACTED");
}
