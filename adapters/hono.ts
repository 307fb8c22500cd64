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

import { answerCalls, background, CallContext, type Handler, type HttpCallsOptions } from "../mod.ts";

/**
 * The environment of a Hono app that serve() runs: its bindings are the context
 * of the call.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import type { CallEnv } from "@wireway/wireway/hono";
 * const app = new Hono<CallEnv>();
 * ```
 */
export interface CallEnv {
  /** What Hono calls `c.env`. */
  Bindings: CallContext;
}

/**
 * What is needed of the context that Hono gives to a handler, whatever its app's
 * environment.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { contextOf, type HonoContext } from "@wireway/wireway/hono";
 * const tenantOf = (c: HonoContext) => contextOf(c).metadata.tenant;
 * new Hono().get("/", (c) => c.text(tenantOf(c) ?? "nobody's"));
 * ```
 */
export interface HonoContext {
  /** The bindings: the context of the call, under serve(). */
  readonly env: unknown;
  /** The request. */
  readonly req: {
    /** As the platform made it. */
    readonly raw: Request;
  };
}

/**
 * The context of the call that a Hono handler answers. Under another server
 * than serve() it is one that follows the request's signal.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { type CallEnv, contextOf } from "@wireway/wireway/hono";
 * new Hono<CallEnv>().get("/", (c) => c.text(contextOf(c).metadata.tenant ?? "nobody's"));
 * ```
 */
export function contextOf(c: HonoContext): CallContext {
  return c.env instanceof CallContext ? c.env : background.with({ signal: c.req.raw.signal });
}

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
  return (c) => answer(c.req.raw, contextOf(c));
}
