/**
 * Wireway in a Hono app: the context of a call inside Hono's handlers, and a
 * route that answers calls.
 *
 * ```ts
 * import { Hono } from "hono";
 * import { http, serve } from "@wireway/wireway";
 * import { type CallEnv, calls, contextOf } from "@wireway/wireway/hono";
 *
 * const app = new Hono<CallEnv>();
 * app.get("/slow", async (c) => {
 *   contextOf(c).signal.throwIfAborted();
 *   return c.text("done");
 * });
 * app.post("/call", calls((request) => request));
 * await serve(http({ port: 8000 }), app.fetch);
 * ```
 *
 * @module
 */

export { type CallEnv, contextOf, type HonoContext, honoContextOf } from "./hono/call_env.ts";
export { answer, calls, mounted } from "./hono/calls.ts";
export { callMiddleware, type HonoMiddleware, honoMiddleware, type HttpMiddleware } from "./hono/middleware.ts";
