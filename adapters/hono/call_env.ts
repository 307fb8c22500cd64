/**
 * The context of a call inside of Hono's handlers, and Hono's inside of ours.
 *
 * @module
 */

import { background, CallContext, type ContextKey, contextKey } from "../../mod.ts";
import { RequestCancellation } from "./request_cancellation.ts";

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
  return c.env instanceof CallContext ? c.env : background.cancellable(new RequestCancellation(c.req.raw));
}

/** One passing of a request through Hono. */
export interface HonoRun {
  readonly c: HonoContext;
  /** Runs what follows in the app. */
  next?(): Promise<void>;
}

/** Where that stands in our context. */
export const honoRun: ContextKey<HonoRun | undefined> = contextKey<HonoRun | undefined>("hono", undefined);

/**
 * Hono's context, inside of a handler or a middleware of ours that runs in a
 * Hono app by {@linkcode callMiddleware} or {@linkcode methodRoutes}; undefined
 * elsewhere. Name the type that your app's contexts have.
 *
 * @example
 * ```ts
 * import type { Context } from "hono";
 * import { type CallMiddleware, background } from "@wireway/wireway";
 * import { honoContextOf } from "@wireway/wireway/hono";
 * const whoCalls: CallMiddleware = (inner) => (request, context = background) => {
 *   const user = honoContextOf<Context>(context)?.get("user");
 *   return inner(request, context.with({ metadata: { user: String(user) } }));
 * };
 * ```
 */
export function honoContextOf<C extends HonoContext = HonoContext>(context: CallContext): C | undefined {
  return context.get(honoRun)?.c as C | undefined;
}
