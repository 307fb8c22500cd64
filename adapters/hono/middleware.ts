/**
 * Middleware of ours in a Hono app, and Hono's in a chain of ours.
 *
 * @module
 */

import { type Context, Hono, type Next } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import {
  background,
  type CallContext,
  chain,
  counted,
  describe,
  errorResponse,
  type Middleware,
  named,
  type Service,
  stagesOf,
  TransportError,
  withFigures,
} from "../../mod.ts";
import { contextOf, honoRun } from "./call_env.ts";

/**
 * A middleware of ours around calls over HTTP.
 *
 * @example
 * ```ts
 * import { rateLimit } from "@wireway/wireway";
 * import type { HttpMiddleware } from "@wireway/wireway/hono";
 * const limit: HttpMiddleware = rateLimit({ windows: [{ calls: 100, perMs: 1000 }] });
 * ```
 */
export type HttpMiddleware = Middleware<Service<Request, Response>>;

/**
 * A middleware of Hono, as far as it is needed: any of its `MiddlewareHandler`s.
 *
 * @example
 * ```ts
 * import { secureHeaders } from "hono/secure-headers";
 * import type { HonoMiddleware } from "@wireway/wireway/hono";
 * const fields: HonoMiddleware = secureHeaders();
 * ```
 */
// deno-lint-ignore no-explicit-any -- the context of any app, whatever its environment is
export type HonoMiddleware = (c: any, next: () => Promise<void>) => Promise<Response | void>;

/** What Hono lets run once. */
const repeating = ["retry", "hedge"];

/**
 * Call middleware of ours as one middleware of Hono, for all routes of an app or
 * for some: limits, timeouts, breakers, content encoding, telemetry. They are
 * named as in a chain: the last one sees a call first.
 *
 * Where one of them refuses a call, an `HTTPException` is thrown that has the
 * error as its cause and the fitting answer with it: an app without an
 * `onError` answers 429, 503 and so on by itself. A handler that fails is a
 * response of 500 to the middleware, as Hono makes it.
 *
 * Errors: `invalid-option` for what repeats calls, retry() and hedge(): Hono
 * runs the rest of its chain once.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { concurrencyLimit, rateLimit, timeout } from "@wireway/wireway";
 * import { callMiddleware } from "@wireway/wireway/hono";
 * const app = new Hono();
 * app.use("/api/*", callMiddleware(
 *   timeout({ ms: 1000 }),
 *   concurrencyLimit({ max: 100 }),
 *   rateLimit({ windows: [{ calls: 1000, perMs: 60_000 }] }),
 * ));
 * ```
 */
export function callMiddleware(...middleware: HttpMiddleware[]): HonoMiddleware {
  const base = named("hono", {}, runRest);
  const service = middleware.reduce<Service<Request, Response>>((inner, one) => chain(inner, one), base);
  const stage = stagesOf(service).find(({ name }) => repeating.includes(name));
  if (stage !== undefined) {
    const why = `Cannot use callMiddleware(): ${stage.name}() makes a call again, and Hono runs what follows once`;
    throw new TransportError("invalid-option", why, { details: { chain: describe(service) } });
  }
  return async function callMiddleware(c: Context, next: Next): Promise<void> {
    let response: Response;
    try {
      response = await service(c.req.raw, contextOf(c).set(honoRun, { c, next }));
    } catch (error) {
      throw error instanceof TransportError ? exceptionOf(error) : error;
    }
    if (c.finalized && c.res === response) return;
    // Hono would mix the fields of the one that is there into the new one.
    c.res = undefined;
    c.res = response;
  };
}

/** What stands innermost: the rest of the app. */
async function runRest(request: Request, context: CallContext = background): Promise<Response> {
  const { c, next } = context.get(honoRun) as { c: Context; next: Next };
  if (request !== c.req.raw) c.req.raw = request;
  await next();
  return c.res;
}

/** What Hono throws to end with an answer of its own. */
function exceptionOf(error: TransportError): HTTPException {
  const res = errorResponse(error);
  return new HTTPException(res.status as ContentfulStatusCode, { res, message: error.message, cause: error });
}

/**
 * Middleware of Hono around calls of ours over HTTP, on either end: security
 * fields, CORS, authentication, logging. Handlers see our context as `c.env`,
 * so that {@linkcode contextOf} works.
 *
 * What the inner service throws passes through as it is.
 *
 * @example
 * ```ts
 * import { secureHeaders } from "hono/secure-headers";
 * import { chain, http, serve } from "@wireway/wireway";
 * import { honoMiddleware } from "@wireway/wireway/hono";
 * const handler = (): Response => new Response("hello");
 * await serve(http({ port: 8000 }), chain(handler, honoMiddleware(secureHeaders())));
 * ```
 */
export function honoMiddleware(...middleware: HonoMiddleware[]): HttpMiddleware {
  return named("honoMiddleware", { count: middleware.length }, (inner: Service<Request, Response>) => {
    const app = new Hono();
    for (const one of middleware) app.use(one);
    app.all("*", (c) => inner(c.req.raw, contextOf(c)));
    app.onError((error) => {
      throw error;
    });
    let calls = 0;
    return withFigures(
      async function honoMiddleware(request: Request, context: CallContext = background): Promise<Response> {
        calls++;
        return await app.fetch(request, context);
      },
      () => [counted("calls", calls)],
    );
  });
}
