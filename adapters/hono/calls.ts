/**
 * Handlers of Hono that answer what a transport or a session does.
 *
 * @module
 */

import { answerCalls, type Handler, type HttpCallsOptions } from "../../mod.ts";
import { contextOf, type HonoContext, honoRun } from "./call_env.ts";

/**
 * A Hono handler that answers calls as httpCalls() does, on whatever route it is
 * put.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { calls } from "@wireway/wireway/hono";
 * new Hono().post("/call", calls((request) => request, { maxMessageBytes: 65_536 }));
 * ```
 */
export function calls(
  handler: Handler<Uint8Array, Uint8Array>,
  options: Omit<HttpCallsOptions, "path"> = {},
): (c: HonoContext) => Promise<Response> {
  const answer = answerCalls(handler, options);
  return (c) => answer(c.req.raw, contextOf(c).set(honoRun, { c }));
}

/**
 * A Hono handler that runs a handler of ours for requests: what `jsonRpcHandler()`
 * or `prometheus()` makes, or a chain. It is given our context, with Hono's in it.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { prometheus } from "@wireway/wireway/prometheus";
 * import { answer } from "@wireway/wireway/hono";
 * new Hono().get("/metrics", answer(prometheus([])));
 * ```
 */
export function answer(handler: Handler<Request, Response>): (c: HonoContext) => Promise<Response> {
  return async (c) => await handler(c.req.raw, contextOf(c).set(honoRun, { c }));
}

/**
 * A Hono handler for a transport that is mounted: `platformWebSocket()`,
 * `mountedSse()`, or anything else whose listening end is a `fetch`.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { chain, mountedSse, mux, platformWebSocket, serve } from "@wireway/wireway";
 * import { mounted } from "@wireway/wireway/hono";
 * const socket = platformWebSocket();
 * const live = mountedSse();
 * new Hono().get("/calls", mounted(socket)).all("/live", mounted(live));
 * await serve(chain(socket, mux()), (request) => request);
 * await serve(chain(live, mux()), (request) => request);
 * ```
 */
export function mounted(
  transport: { fetch(request: Request, info?: object): Promise<Response> },
): (c: HonoContext) => Promise<Response> {
  return (c) => transport.fetch(c.req.raw, typeof c.env === "object" && c.env !== null ? c.env : undefined);
}
