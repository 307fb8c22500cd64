/**
 * clientOf(): the typed client of a contract.
 *
 * @module
 */

import { Cancellation } from "../../core/cancellation.ts";
import { discardReply } from "../../core/completion.ts";
import { background, CallContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import { idempotent } from "../../core/idempotent.ts";
import type { MethodCall, MethodRequest } from "../../core/method_call.ts";
import type { Service } from "../../core/service.ts";
import { Streamed } from "../../core/streamed.ts";
import type { SchemaIssue, SchemaResult } from "../schema.ts";
import { checkOf, schemaError } from "../schema_errors.ts";
import { checkedItems } from "./checked_items.ts";
import type { Contract } from "./contract.ts";
import { wireName } from "./contract_names.ts";
import type { ClientMethods, Method, Methods } from "./contract_types.ts";

/**
 * Makes the typed client of a contract from a service that calls methods by
 * name: a chain over `mux()` and `methods()`, over `jsonRpc()`, or anything
 * else of that type.
 *
 * A method is called as `client.place(request, context?)`, one without a request
 * as `client.now(undefined, context?)`; one that takes items as
 * `client.upload(request, items, context?)`. One that answers with a stream
 * gives an `AsyncIterable`: the call begins with the first item that is asked
 * for, and leaving the loop ends it.
 *
 * Requests are checked before they are sent, and sent as they were given;
 * replies are checked when they come. Methods that are `idempotent` say so to
 * retry() and hedge().
 *
 * Over a chain without names, such as one of `mux()` alone, this does not
 * compile: "methods() is missing in the chain".
 *
 * Errors: `invalid-request` (`processed: "no"`) with the path of what is wrong;
 * `invalid-reply`, where the server breaks the contract; those of the service.
 *
 * @example
 * ```ts
 * import { chain, clientOf, contract, methods, mux, pool, tcp, timeout } from "@wireway/wireway";
 * import { z } from "zod";
 * const clock = contract({ name: "clock", methods: { ticks: { request: z.number(), replies: z.number() } } });
 * await using call = chain(tcp({ port: 9000 }), mux(), methods(), pool(), timeout({ ms: 1000 }));
 * for await (const tick of clientOf(clock, call).ticks(3)) console.log(tick);
 * ```
 */
export function clientOf<M extends Methods, Req = MethodRequest>(
  contract: Contract<M>,
  // What is asked of a service that can't call by name is never true, and says in the compiler's error what is missing.
  service: Service<Req, unknown> & (MethodRequest extends Req ? unknown : "methods() is missing in the chain"),
): ClientMethods<M> {
  const client: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(contract.methods)) {
    client[name] = clientMethod(wireName(contract, name), method, service as Service<MethodRequest, unknown>);
  }
  return client as ClientMethods<M>;
}

type Call = (request: unknown, ...rest: unknown[]) => Promise<unknown> | AsyncIterable<unknown>;

function clientMethod(name: string, method: Method, service: Service<MethodRequest, unknown>): Call {
  const checkRequest = checkOf(method.request);
  const checkItem = checkOf(method.items);
  const checkReply = checkOf(method.reply ?? method.replies);
  const badRequest = (issues: readonly SchemaIssue[]): TransportError =>
    schemaError("invalid-request", `Call of ${name} refused`, issues, maxIssues);
  const badItem = (issues: readonly SchemaIssue[]): TransportError =>
    schemaError("invalid-request", `Item for ${name} refused`, issues, maxIssues);
  const badReply = (issues: readonly SchemaIssue[]): TransportError =>
    schemaError("invalid-reply", `The server broke the contract of ${name}`, issues, maxIssues);
  const repeatable = method.idempotent === true && method.items === undefined;
  const fromNowhere = repeatable ? background.set(idempotent, true) : background;
  const contextOf = (context: CallContext | undefined): CallContext => {
    if (context === undefined || context === background) return fromNowhere;
    return repeatable ? context.set(idempotent, true) : context;
  };

  /** Sends the request as it was given once it was seen to be right. */
  const send = (request: unknown, items: unknown, context: CallContext): Promise<unknown> => {
    if (method.request === undefined && request instanceof CallContext) throw contextFirst(name);
    const call: MethodCall = { method: name, params: request };
    const asked = method.items === undefined ? call : new Streamed(call, {
      [Symbol.asyncIterator]: () => checkedItems(() => iteratorOf(items), given(checkItem), badItem),
    });
    const result = checkRequest(request);
    if (result instanceof Promise) {
      return result.then(({ issues }) =>
        issues === undefined ? service(asked, context) : Promise.reject(badRequest(issues))
      );
    }
    return result.issues === undefined ? service(asked, context) : Promise.reject(badRequest(result.issues));
  };
  const argumentsOf = (rest: unknown[]): [items: unknown, context: CallContext] =>
    method.items === undefined
      ? [undefined, contextOf(rest[0] as CallContext | undefined)]
      : [rest[0], contextOf(rest[1] as CallContext | undefined)];

  if (method.replies !== undefined) {
    return (request, ...rest) => {
      const [items, context] = argumentsOf(rest);
      return {
        [Symbol.asyncIterator](): AsyncIterator<unknown> {
          const cancellation = new Cancellation(context.cancellation);
          const open = async (): Promise<AsyncIterator<unknown>> => {
            const reply = await send(request, items, context.cancellable(cancellation));
            if (reply instanceof Streamed) return reply[Symbol.asyncIterator]();
            throw badReply([{ message: "expected a stream" }]);
          };
          const abandon = (): void => {
            cancellation.cancel(new TransportError("cancelled", "Call cancelled: its stream was left"));
          };
          return checkedItems(open, checkReply, badReply, abandon);
        },
      };
    };
  }
  const replied = ({ issues, value }: SchemaResult<unknown>): unknown => {
    if (issues !== undefined) throw badReply(issues);
    return value;
  };
  const onReply = (reply: unknown): unknown => {
    if (reply instanceof Streamed) {
      discardReply(reply);
      throw badReply([{ message: "expected one reply and not a stream" }]);
    }
    if (method.reply === undefined) return undefined;
    const result = checkReply(reply);
    return result instanceof Promise ? result.then(replied) : replied(result);
  };
  return (request, ...rest) => {
    const [items, context] = argumentsOf(rest);
    try {
      return send(request, items, context).then(onReply);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

/** Without types to say so, a deadline and a signal in the wrong place would be dropped in silence. */
function contextFirst(name: string): TransportError {
  const why = "it takes no request, and its context is the second argument: undefined goes before it";
  return new TransportError("invalid-request", `Call of ${name} refused: ${why}`);
}

/** How many faults an error names. */
const maxIssues = 16;

/** Checks a value and passes it on as it was given. */
function given(check: (value: unknown) => SchemaResult<unknown> | Promise<SchemaResult<unknown>>): typeof check {
  return (value) => {
    const result = check(value);
    const kept = (one: SchemaResult<unknown>): SchemaResult<unknown> => one.issues === undefined ? { value } : one;
    return result instanceof Promise ? result.then(kept) : kept(result);
  };
}

function iteratorOf(items: unknown): AsyncIterator<unknown> {
  const iterable = items as AsyncIterable<unknown> | undefined;
  if (typeof iterable?.[Symbol.asyncIterator] === "function") return iterable[Symbol.asyncIterator]();
  throw new TransportError("invalid-request", "Call refused: its items are no AsyncIterable");
}
