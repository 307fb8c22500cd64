/**
 * balance(): spreads calls over several endpoints.
 *
 * @module
 */

import { background, type CallContext } from "../core/context.ts";
import { named } from "../core/describe.ts";
import { current } from "../core/figures.ts";
import type { Client } from "../core/service.ts";
import type { CloseOptions } from "../core/session.ts";
import { Balancer } from "./balancer.ts";
import type { EndpointStats } from "./balanced_endpoint.ts";
import { type BalanceOptions, readBalanceOptions } from "./balance_options.ts";

export type { BalanceOptions } from "./balance_options.ts";
export type { EndpointStats } from "./balanced_endpoint.ts";
export type { EjectionOptions } from "./outlier_ejection.ts";

/**
 * A service over several endpoints.
 *
 * @example
 * ```ts
 * import { type Balanced, balance, chain, mux, pool, tcp } from "@wireway/wireway";
 * const call: Balanced<Uint8Array, Uint8Array> = balance({
 *   endpoints: [9001, 9002],
 *   connect: (port) => chain(tcp({ port }), mux(), pool()),
 * });
 * console.log(call.stats());
 * ```
 */
export type Balanced<Req, Res> = Client<Req, Res> & {
  /** What is known of the endpoints at this moment. */
  stats(): EndpointStats[];
};

/**
 * Makes one service of several endpoints. `connect` makes the service of an
 * endpoint, most often a chain with a pool; which of them carries a call is the
 * strategy's. Endpoints come and go while it runs: one that is no longer listed
 * finishes its calls and is closed.
 *
 * An endpoint that fails is left out for a while: after five failures in a row,
 * or where its success rate is far below that of the others (outlier ejection,
 * with the rules and defaults of Envoy). Where fewer than `panicThreshold` of
 * them are left all carry calls again, since those few would only fall next.
 * One that is new or was let back in starts slowly. What others know of
 * endpoints, as `health()` does, counts through `isHealthy`.
 *
 * An endpoint whose circuit breaker is open, or to which no connection can be
 * made, refuses calls at once: for as long as it says so, those that do not
 * refuse carry them, however few they are. Limits on their own connections keep
 * them from falling next.
 *
 * Only what says something about an endpoint counts as its failure: not what this
 * side refused, not callers who gave up. A response counts as in flight until its
 * body was read.
 *
 * Place: the base of a chain; a retry around it goes to another endpoint as the
 * strategy has it. A circuit breaker belongs inside of `connect`, one for each.
 *
 * Errors: `connect-failed` (there is no endpoint), `acquire-timeout` (none was
 * found in time), `overloaded` (too many calls wait for that), `closed`, all
 * with `processed: "no"`; those of the endpoints; `invalid-option`.
 *
 * @example
 * ```ts
 * import { balance, chain, mux, pool, tcp, timeout } from "@wireway/wireway";
 * const backends = balance({
 *   endpoints: ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
 *   connect: (hostname) => chain(tcp({ hostname, port: 9000 }), mux(), pool({ max: 4 })),
 *   strategy: "least-latency",
 * });
 * await using call = chain(backends, timeout({ ms: 200 }));
 * ```
 *
 * @example The same key goes to the same endpoint, as long as that is there
 * ```ts
 * import { balance, chain, json, mux, pool, tcp } from "@wireway/wireway";
 * type Order = { customer: string };
 * const call = balance({
 *   endpoints: [9001, 9002, 9003],
 *   connect: (port) => chain(tcp({ port }), mux(), json<Order, string>(), pool()),
 *   strategy: "consistent-hash",
 *   hashKey: (order) => order.customer,
 * });
 * await call.close();
 * ```
 */
export function balance<Endpoint, Req, Res>(options: BalanceOptions<Endpoint, Req, Res>): Balanced<Req, Res> {
  const settings = readBalanceOptions(options);
  const balancer = new Balancer(settings);
  const { strategy, panicThreshold, slowStartMs, ejection } = settings;
  function balance(request: Req, context: CallContext = background): Promise<Res> {
    return balancer.call(request, context);
  }
  const close = (options?: CloseOptions): Promise<void> => balancer.close(options);
  const controls = { close, stats: () => balancer.stats(), [Symbol.asyncDispose]: close };
  const shown = { strategy, panicThreshold, slowStartMs, ejection };
  return named("balance", shown, Object.assign(balance, controls), () => {
    const endpoints = balancer.stats();
    return [
      current("endpoints", endpoints.length),
      current("ejected", endpoints.filter(({ ejected }) => ejected).length),
      current("in flight", endpoints.reduce((sum, { load }) => sum + load, 0)),
    ];
  });
}
