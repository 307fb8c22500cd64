/**
 * route(): sends calls to different services.
 *
 * @module
 */

import { closeAll } from "../core/close_all.ts";
import { background, type CallContext } from "../core/context.ts";
import { named } from "../core/describe.ts";
import { counted } from "../core/figures.ts";
import { invalidOption } from "../core/options.ts";
import type { Client, Service } from "../core/service.ts";
import type { CloseOptions } from "../core/session.ts";

/**
 * Which calls go where.
 *
 * @example
 * ```ts
 * import type { Route, Service } from "@wireway/wireway";
 * declare const replicas: Service<string, string>;
 * const reads: Route<string, string> = { when: (request) => request.startsWith("get "), to: replicas };
 * ```
 */
export interface Route<Req, Res> {
  /** Whether a call goes this way. What it throws the call is rejected with. */
  when(request: Req, context: CallContext): boolean;
  /** Where it goes. */
  to: Service<Req, Res>;
}

/**
 * Sends each call to the service of the first route that wants it, and to
 * `otherwise` where none does: reads to replicas and writes to the primary,
 * tenants to their cells, a share of the calls to a new version.
 *
 * Closing it closes all the services that can be closed, each once.
 *
 * Place: the base of a chain, around clients; what stands outside of it is
 * shared by all of them.
 *
 * Errors: those of the services; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, mux, pool, route, tcp, text, timeout } from "@wireway/wireway";
 * const primary = chain(tcp({ port: 9000 }), mux(), text(), pool({ max: 2 }));
 * const replicas = chain(tcp({ port: 9001 }), mux(), text(), pool({ max: 8 }));
 * await using call = chain(
 *   route([{ when: (request) => request.startsWith("get "), to: replicas }], primary),
 *   timeout({ ms: 200 }),
 * );
 * ```
 */
export function route<Req, Res>(
  routes: readonly Route<Req, Res>[],
  otherwise: Service<Req, Res>,
): Client<Req, Res> {
  if (!Array.isArray(routes)) throw invalidOption("route()", "routes", routes, "a list");
  const table = routes.map(({ when, to }, index) => {
    if (typeof when !== "function") throw invalidOption("route()", `routes[${index}].when`, when, "a function");
    if (typeof to !== "function") throw invalidOption("route()", `routes[${index}].to`, to, "a service");
    return { when, to };
  });
  if (typeof otherwise !== "function") throw invalidOption("route()", "otherwise", otherwise, "a service");

  const calls = table.map(() => 0);
  let left = 0;

  function route(request: Req, context: CallContext = background): Promise<Res> {
    try {
      for (let index = 0; index < table.length; index++) {
        if (!table[index].when(request, context)) continue;
        calls[index]++;
        return table[index].to(request, context);
      }
    } catch (error) {
      return Promise.reject(error);
    }
    left++;
    return otherwise(request, context);
  }

  const services = new Set([...table.map(({ to }) => to), otherwise]);
  const close = (options?: CloseOptions): Promise<void> => closeAll(services, options);
  const client = Object.defineProperties(route, {
    close: { value: close },
    [Symbol.asyncDispose]: { value: close },
  }) as Client<Req, Res>;
  return named("route", { routes: table.map(({ to }) => to), otherwise }, client, () => [
    ...calls.map((count, index) => counted(`route ${index + 1}`, count)),
    counted("otherwise", left),
  ]);
}
