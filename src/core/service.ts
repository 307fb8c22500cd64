/**
 * The function types that carry the framework: services, handlers, middleware.
 *
 * @module
 */

import type { CallContext } from "./context.ts";
import type { CloseOptions } from "./session.ts";

/**
 * Answers a call. A client, a middleware around it and a remote peer are all
 * services.
 *
 * @example
 * ```ts
 * import { callContext, type Service } from "@wireway/wireway";
 * declare const call: Service<string, string>;
 * const reply = await call("hello");
 * const quick = await call("hello", callContext({ timeoutMs: 100 }));
 * ```
 */
export type Service<Req, Res> = (request: Req, context?: CallContext) => Promise<Res>;

/**
 * What a server runs for each call. It is always given a context, and may
 * answer at once or by a promise. `fetch`, a Hono app's `app.fetch` and a
 * `Deno.serve` handler are handlers.
 *
 * @example
 * ```ts
 * import type { Handler } from "@wireway/wireway";
 * const shout: Handler<string, string> = (request) => request.toUpperCase();
 * ```
 */
export type Handler<Req, Res> = (request: Req, context: CallContext) => Res | Promise<Res>;

/**
 * A function from what it wraps to what it offers.
 *
 * @example
 * ```ts
 * import type { Middleware, Service } from "@wireway/wireway";
 * const trim: Middleware<Service<string, string>> = (inner) => (request, context) => inner(request.trim(), context);
 * ```
 */
export type Middleware<Inner, Outer = Inner> = (inner: Inner) => Outer;

/**
 * A middleware around calls of any kind.
 *
 * @example Count calls
 * ```ts
 * import type { CallMiddleware } from "@wireway/wireway";
 * let calls = 0;
 * const count: CallMiddleware = (inner) =>
 *   function count(request, context) {
 *     calls++;
 *     return inner(request, context);
 *   };
 * ```
 */
export type CallMiddleware = <Req, Res>(inner: Service<Req, Res>) => Service<Req, Res>;

/**
 * Something with connections of its own that can be let go.
 *
 * @example
 * ```ts
 * import { chain, type Closable, mux, reconnect, tcp } from "@wireway/wireway";
 * const call: Closable = chain(tcp({ port: 9000 }), mux(), reconnect());
 * await call.close();
 * ```
 */
export interface Closable extends AsyncDisposable {
  /**
   * Lets calls in flight finish within a grace, then closes the connections.
   * Calls made later are rejected with `closed`. Calling it again returns the
   * same end.
   */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * A service that holds connections: what a chain from a transport to a caller
 * is. `await using` closes it.
 *
 * @example
 * ```ts
 * import { chain, type Client, mux, reconnect, tcp, text } from "@wireway/wireway";
 * const call: Client<string, string> = chain(tcp({ port: 9000 }), mux(), text(), reconnect());
 * await call.close();
 * ```
 */
export type Client<Req, Res> = Service<Req, Res> & Closable;
