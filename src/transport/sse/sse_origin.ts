/**
 * Pages of other origins: who is refused, and what a browser is told of who is
 * not.
 *
 * @module
 */

import { sseFields } from "./sse_protocol.ts";
import { refused, type SseExchange } from "./sse_request.ts";

/** The methods of the protocol. */
export const sseMethods = "GET, POST, DELETE, OPTIONS";

/** Header fields that a page may send. */
const allowedFields = [...Object.values(sseFields), "content-type", "authorization"].join(", ");

/**
 * The fields of an answer to a page of another origin; none where it is the
 * server's own. A browser says where a page is from: one from elsewhere acts
 * with its user's cookies, and must be let in by name. Throws where it is not.
 */
export function originFields(exchange: SseExchange, origins: readonly string[]): [string, string][] {
  const origin = exchange.header("origin");
  if (origin === undefined || origin.toLowerCase() === exchange.ownOrigin.toLowerCase()) return [];
  const listed = origins.includes(origin);
  if (!listed && !origins.includes("*")) throw refused(403, `its origin, ${origin}, is not allowed`);
  const fields: [string, string][] = [
    ["access-control-allow-origin", listed ? origin : "*"],
    ["vary", "origin"],
  ];
  // With its user's cookies only where it is known by name.
  if (listed) fields.push(["access-control-allow-credentials", "true"]);
  if (exchange.method === "OPTIONS") {
    fields.push(
      ["access-control-allow-methods", sseMethods],
      ["access-control-allow-headers", allowedFields],
      ["access-control-max-age", "600"],
    );
  }
  return fields;
}
