/**
 * chain(): puts a transport or a service together with the middleware around it.
 *
 * @module
 */

import type { CallContext } from "./context.ts";
import { background } from "./context.ts";
import { isChained, remember, type Stage, stagesMade, stagesOf } from "./describe.ts";
import { TransportError } from "./errors.ts";
import { checkOrder } from "./order.ts";
import type { Client, Closable, Middleware, Service } from "./service.ts";
import type { CloseOptions, SessionTransport } from "./session.ts";

/**
 * What the first member of a chain is to the next one: a handler, which may
 * answer at once and demands a context, becomes a {@linkcode Service}; all else
 * stays what it is.
 *
 * @example
 * ```ts
 * import type { Lifted, Service } from "@wireway/wireway";
 * const lifted = (service: Lifted<(request: string) => string>): Service<string, string> => service;
 * ```
 */
// deno-lint-ignore no-explicit-any -- `any` is what matches every function, whatever else it takes
export type Lifted<Base> = Base extends Closable | SessionTransport<any, any> ? Base
  // deno-lint-ignore no-explicit-any -- as above
  : Base extends (request: infer Req, ...rest: any[]) => infer Result ? Service<Req, Awaited<Result>>
  : Base;

/**
 * What a chain gives: a service that came from a transport holds connections,
 * and so can be closed.
 *
 * @example
 * ```ts
 * import type { Chained, Client, Service, SessionTransport } from "@wireway/wireway";
 * type Made = Chained<SessionTransport<string, string>, Service<string, string>>;
 * const same = (made: Made): Client<string, string> => made;
 * ```
 */
export type Chained<Base, Outer> = Outer extends Closable ? Outer
  : Outer extends Service<infer Req, infer Res> ? Base extends Closable | { dial: unknown } ? Client<Req, Res> : Outer
  : Outer;

/**
 * Puts a chain together: the base first, then each middleware around all that
 * stands before it. The last one sees a call first.
 *
 * It is plain function composition, done once: a call through a chain runs the
 * middleware's own functions and nothing else. A chain in an impossible order
 * does not compile; an order that compiles and makes no sense, such as a retry
 * inside of its own circuit breaker, is refused with the reason.
 *
 * - A handler as the base (which may answer at once) becomes a service.
 * - Where the base or a middleware holds connections, the whole can be closed:
 *   `await using call = chain(tcp(...), mux(), reconnect())`.
 *
 * Errors: `invalid-option`, for a member that is no middleware, and for an
 * order that makes no sense.
 *
 * @example A transport, used by both ends
 * ```ts
 * import { chain, mux, tcp, text } from "@wireway/wireway";
 * export const wire = chain(tcp({ port: 9000 }), mux(), text());
 * ```
 *
 * @example The order matters: here each of the calls has 200 ms, and 10 of them may run at once
 * ```ts
 * import { chain, mux, pool, tcp, timeout } from "@wireway/wireway";
 * await using call = chain(tcp({ port: 9000 }), mux(), pool({ max: 4 }), timeout({ ms: 200 }));
 * ```
 */
export function chain<A>(base: A): A;
/** A chain of 2 members. */
export function chain<A, B>(base: A, m1: Middleware<Lifted<A>, B>): Chained<A, B>;
/** A chain of 3 members. */
export function chain<A, B, C>(base: A, m1: Middleware<Lifted<A>, B>, m2: Middleware<B, C>): Chained<A, C>;
/** A chain of 4 members. */
export function chain<A, B, C, D>(
  base: A,
  m1: Middleware<Lifted<A>, B>,
  m2: Middleware<B, C>,
  m3: Middleware<C, D>,
): Chained<A, D>;
/** A chain of 5 members. */
export function chain<A, B, C, D, E>(
  base: A,
  m1: Middleware<Lifted<A>, B>,
  m2: Middleware<B, C>,
  m3: Middleware<C, D>,
  m4: Middleware<D, E>,
): Chained<A, E>;
/** A chain of 6 members. */
export function chain<A, B, C, D, E, F>(
  base: A,
  m1: Middleware<Lifted<A>, B>,
  m2: Middleware<B, C>,
  m3: Middleware<C, D>,
  m4: Middleware<D, E>,
  m5: Middleware<E, F>,
): Chained<A, F>;
/** A chain of 7 members. */
export function chain<A, B, C, D, E, F, G>(
  base: A,
  m1: Middleware<Lifted<A>, B>,
  m2: Middleware<B, C>,
  m3: Middleware<C, D>,
  m4: Middleware<D, E>,
  m5: Middleware<E, F>,
  m6: Middleware<F, G>,
): Chained<A, G>;
/** A chain of 8 members. */
export function chain<A, B, C, D, E, F, G, H>(
  base: A,
  m1: Middleware<Lifted<A>, B>,
  m2: Middleware<B, C>,
  m3: Middleware<C, D>,
  m4: Middleware<D, E>,
  m5: Middleware<E, F>,
  m6: Middleware<F, G>,
  m7: Middleware<G, H>,
): Chained<A, H>;
/** A chain of 9 members. */
export function chain<A, B, C, D, E, F, G, H, I>(
  base: A,
  m1: Middleware<Lifted<A>, B>,
  m2: Middleware<B, C>,
  m3: Middleware<C, D>,
  m4: Middleware<D, E>,
  m5: Middleware<E, F>,
  m6: Middleware<F, G>,
  m7: Middleware<G, H>,
  m8: Middleware<H, I>,
): Chained<A, I>;
/** A chain of 10 members. */
export function chain<A, B, C, D, E, F, G, H, I, J>(
  base: A,
  m1: Middleware<Lifted<A>, B>,
  m2: Middleware<B, C>,
  m3: Middleware<C, D>,
  m4: Middleware<D, E>,
  m5: Middleware<E, F>,
  m6: Middleware<F, G>,
  m7: Middleware<G, H>,
  m8: Middleware<H, I>,
  m9: Middleware<I, J>,
): Chained<A, J>;
/** A chain of 11 members. */
export function chain<A, B, C, D, E, F, G, H, I, J, K>(
  base: A,
  m1: Middleware<Lifted<A>, B>,
  m2: Middleware<B, C>,
  m3: Middleware<C, D>,
  m4: Middleware<D, E>,
  m5: Middleware<E, F>,
  m6: Middleware<F, G>,
  m7: Middleware<G, H>,
  m8: Middleware<H, I>,
  m9: Middleware<I, J>,
  m10: Middleware<J, K>,
): Chained<A, K>;
/** A chain of 12 members. */
export function chain<A, B, C, D, E, F, G, H, I, J, K, L>(
  base: A,
  m1: Middleware<Lifted<A>, B>,
  m2: Middleware<B, C>,
  m3: Middleware<C, D>,
  m4: Middleware<D, E>,
  m5: Middleware<E, F>,
  m6: Middleware<F, G>,
  m7: Middleware<G, H>,
  m8: Middleware<H, I>,
  m9: Middleware<I, J>,
  m10: Middleware<J, K>,
  m11: Middleware<K, L>,
): Chained<A, L>;
/** A chain of 13 members. */
export function chain<A, B, C, D, E, F, G, H, I, J, K, L, M>(
  base: A,
  m1: Middleware<Lifted<A>, B>,
  m2: Middleware<B, C>,
  m3: Middleware<C, D>,
  m4: Middleware<D, E>,
  m5: Middleware<E, F>,
  m6: Middleware<F, G>,
  m7: Middleware<G, H>,
  m8: Middleware<H, I>,
  m9: Middleware<I, J>,
  m10: Middleware<J, K>,
  m11: Middleware<K, L>,
  m12: Middleware<L, M>,
): Chained<A, M>;
export function chain(base: unknown, ...middleware: Middleware<unknown, unknown>[]): unknown {
  if (middleware.length === 0) return base;
  if (!isPart(base)) throw wrongMember(`member 1 is ${kindOf(base)}, a transport or a service is allowed`);
  let current = typeof base === "function" && !isChained(base) && !("close" in base) ? lift(base) : base;
  let stages: readonly Stage[] = isPart(base) ? stagesOf(base) : [];
  middleware.forEach((wrap, index) => {
    if (typeof wrap !== "function") {
      throw wrongMember(`member ${index + 2} is ${kindOf(wrap)}, a middleware is allowed`);
    }
    // Before it is wrapped, so that nothing has been opened.
    checkOrder(stages, stagesOf(wrap)[0].name);
    const outer = wrap(current);
    if (!isPart(outer)) {
      throw wrongMember(`${stagesOf(wrap)[0].name} gave ${kindOf(outer)}, not a transport or a service`);
    }
    // A middleware that gave back what it was given is not there.
    if (outer === current) return;
    stages = [...stages, ...stagesMade(wrap, outer)];
    passOnClose(current, outer);
    remember(outer, stages);
    current = outer;
  });
  return current;
}

/** Not a promise of a part: without its `await` it would fail at the first call, or never. */
function isPart(value: unknown): value is object {
  return typeof value === "function" || (typeof value === "object" && value !== null && !(value instanceof Promise));
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return value instanceof Promise ? "a promise" : typeof value;
}

function wrongMember(why: string): TransportError {
  return new TransportError("invalid-option", `Cannot build chain: ${why}`);
}

/** Makes a service of a handler: it always gets a context and always answers by a promise. */
// deno-lint-ignore ban-types -- called with what the overloads promise
function lift(handler: Function): Service<unknown, unknown> {
  return function lifted(request: unknown, context: CallContext = background): Promise<unknown> {
    try {
      return Promise.resolve(handler(request, context));
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

/** A service around something that can be closed can be closed. */
function passOnClose(inner: unknown, outer: object): void {
  if (typeof outer !== "function" || "close" in outer || !isPart(inner) || !("close" in inner)) return;
  const close = (options?: CloseOptions): Promise<void> => (inner as Closable).close(options);
  Object.defineProperties(outer, {
    close: { value: close },
    [Symbol.asyncDispose]: { value: close },
  });
}
