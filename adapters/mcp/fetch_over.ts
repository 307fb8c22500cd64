/**
 * A service of requests and responses as a `fetch`.
 *
 * @module
 */

import { callContext, type Service } from "../../mod.ts";

/**
 * Makes a `fetch` of a service, for those who take one: the HTTP clients of the
 * MCP SDK, and many others. What they ask for then goes through the chain, with
 * its pool, retries, breaker and telemetry; the signal of a request cancels the
 * call.
 *
 * @example
 * ```ts
 * import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
 * import { chain, http, pool, timeout } from "@wireway/wireway";
 * import { fetchOver } from "@wireway/wireway/mcp";
 * await using call = chain(http({ origin: "http://127.0.0.1:8000" }), pool(), timeout({ ms: 5000 }));
 * const client = new Client({ name: "example", version: "1.0.0" });
 * const transport = new StreamableHTTPClientTransport(new URL("http://127.0.0.1:8000/mcp"), { fetch: fetchOver(call) });
 * await client.connect(transport);
 * ```
 */
export function fetchOver(
  service: Service<Request, Response>,
): (url: string | URL | Request, init?: RequestInit) => Promise<Response> {
  return (url, init) => {
    const request = new Request(url, init);
    const { signal } = init ?? {};
    return signal === undefined || signal === null ? service(request) : service(request, callContext({ signal }));
  };
}
