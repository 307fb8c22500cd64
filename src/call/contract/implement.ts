/**
 * implement(): the handler of a contract.
 *
 * @module
 */

import { discardReply } from "../../core/completion.ts";
import type { CallContext } from "../../core/context.ts";
import { named } from "../../core/describe.ts";
import { counted } from "../../core/figures.ts";
import { TransportError } from "../../core/errors.ts";
import type { MethodRequest } from "../../core/method_call.ts";
import { invalidOption } from "../../core/options.ts";
import type { Handler } from "../../core/service.ts";
import { Streamed } from "../../core/streamed.ts";
import type { SchemaIssue, SchemaResult } from "../schema.ts";
import { checkOf, schemaError } from "../schema_errors.ts";
import { checkedItems } from "./checked_items.ts";
import type { Contract } from "./contract.ts";
import { wireName } from "./contract_names.ts";
import type { Implementation, Method, Methods } from "./contract_types.ts";

/**
 * Makes the handler of a contract from functions, one for each method, which
 * are called as `place(request, context)`, those that take items as
 * `upload(request, items, context)`. One that answers with a stream gives an
 * `AsyncIterable`: an async generator, say, whose `finally` runs when the caller
 * leaves.
 *
 * What comes is checked before a method runs: it gets what the schemas have made
 * of it. What a method answers is checked, too, and what its schema does not
 * know is left out, so that nothing is told by accident.
 *
 * Several contracts are served by one handler with {@linkcode implementAll}.
 *
 * Errors, to the caller: `invalid-request` (`processed: "no"`) with the path of
 * what is wrong; `invalid-reply` where a method breaks the contract;
 * `unsupported` for a method that the contract does not have. `invalid-option`
 * where a method is missing.
 *
 * @example
 * ```ts
 * import { chain, contract, implement, methods, mux, serve, tcp } from "@wireway/wireway";
 * import { z } from "zod";
 * const clock = contract({ name: "clock", methods: { ticks: { request: z.number(), replies: z.number() } } });
 * const handler = implement(clock, {
 *   async *ticks(count) {
 *     for (let tick = 0; tick < count; tick++) yield tick;
 *   },
 * });
 * await serve(chain(tcp({ port: 9000 }), mux(), methods()), handler);
 * ```
 */
export function implement<M extends Methods>(
  contract: Contract<M>,
  implementation: Implementation<M>,
): Handler<MethodRequest, unknown> {
  const runs = new Map<string, Run>();
  for (const [name, method] of Object.entries(contract.methods)) {
    const run = (implementation as Record<string, unknown>)[name];
    if (typeof run !== "function") throw invalidOption("implement()", name, run, "a function");
    const wire = wireName(contract, name);
    runs.set(wire, runOf(wire, method, (...args) => run.apply(implementation, args)));
  }
  return handlerOf(`implement ${contract.name}`, runs);
}

/**
 * Makes one handler of several that {@linkcode implement} has made: of
 * different services, or of versions of one.
 *
 * Errors: `invalid-option` for a handler that is not of implement(), and for a
 * method that two of them have.
 *
 * @example
 * ```ts
 * import { contract, implement, implementAll } from "@wireway/wireway";
 * import { z } from "zod";
 * const first = contract({ name: "clock", methods: { now: { reply: z.number() } } });
 * const second = contract({ name: "clock", version: 2, methods: { now: { reply: z.iso.datetime() } } });
 * const handler = implementAll(
 *   implement(first, { now: () => Date.now() }),
 *   implement(second, { now: () => new Date().toISOString() }),
 * );
 * ```
 */
export function implementAll(...handlers: Handler<MethodRequest, unknown>[]): Handler<MethodRequest, unknown> {
  const all = new Map<string, Run>();
  for (const [position, handler] of handlers.entries()) {
    const runs = implemented.get(handler);
    if (runs === undefined) throw invalidOption("implementAll()", String(position), handler, "what implement() gives");
    for (const [name, run] of runs) {
      if (all.has(name)) {
        throw invalidOption("implementAll()", String(position), name, "a method that no other one has");
      }
      all.set(name, run);
    }
  }
  return handlerOf("implementAll", all);
}

/** Runs a method on what came. */
type Run = (request: MethodRequest, context: CallContext) => unknown;

const implemented = new WeakMap<Handler<MethodRequest, unknown>, ReadonlyMap<string, Run>>();

function handlerOf(name: string, runs: ReadonlyMap<string, Run>): Handler<MethodRequest, unknown> {
  const counts = { calls: 0, unknown: 0 };
  const handler = (request: MethodRequest, context: CallContext): unknown => {
    counts.calls++;
    const method = request instanceof Streamed ? request.head.method : request.method;
    const run = runs.get(method);
    if (run !== undefined) return run(request, context);
    counts.unknown++;
    const why = `Call refused: there is no method ${JSON.stringify(String(method).slice(0, 100))}`;
    throw new TransportError("unsupported", why, { processed: "no" });
  };
  implemented.set(handler, runs);
  return named(name, { methods: [...runs.keys()] }, handler, () => [
    counted("calls", counts.calls),
    counted("of no method", counts.unknown),
  ]);
}

function runOf(name: string, method: Method, run: (...args: unknown[]) => unknown): Run {
  const checkRequest = checkOf(method.request);
  const checkItem = checkOf(method.items);
  const checkReply = checkOf(method.reply ?? method.replies);
  const badRequest = (issues: readonly SchemaIssue[]): TransportError =>
    schemaError("invalid-request", `Call of ${name} refused`, issues, maxIssues);
  const badItem = (issues: readonly SchemaIssue[]): TransportError =>
    schemaError("invalid-request", `Item for ${name} refused`, issues, maxIssues);
  const badReply = (issues: readonly SchemaIssue[]): TransportError =>
    schemaError("invalid-reply", `${name} broke its contract`, issues, maxIssues);

  const replied = ({ issues, value }: SchemaResult<unknown>): unknown => {
    if (issues !== undefined) throw badReply(issues);
    return value;
  };
  const finished = (reply: unknown): unknown => {
    if (method.reply === undefined) return null;
    const result = checkReply(reply);
    return result instanceof Promise ? result.then(replied) : replied(result);
  };
  const streaming = (reply: unknown): unknown => {
    const items = reply as AsyncIterable<unknown> | undefined;
    if (typeof items?.[Symbol.asyncIterator] !== "function") throw badReply([{ message: "expected an AsyncIterable" }]);
    return new Streamed(null, {
      [Symbol.asyncIterator]: () => checkedItems(() => items[Symbol.asyncIterator](), checkReply, badReply),
    });
  };
  const onReply = method.replies === undefined ? finished : streaming;
  const runWith = (value: unknown, request: MethodRequest, context: CallContext): unknown => {
    const reply = method.items === undefined
      ? run(value, context)
      : run(value, itemsOf(request as Streamed<unknown, unknown>, checkItem, badItem), context);
    return reply instanceof Promise ? reply.then(onReply) : onReply(reply);
  };
  return (request, context) => {
    const streamed = request instanceof Streamed;
    if (streamed !== (method.items !== undefined)) {
      if (streamed) discardReply(request);
      throw badRequest([{ message: streamed ? "it takes no stream of items" : "a stream of items is missing" }]);
    }
    const { params } = streamed ? request.head : request;
    const result = method.request === undefined ? { value: undefined } : checkRequest(params);
    const go = ({ issues, value }: SchemaResult<unknown>): unknown => {
      if (issues === undefined) return runWith(value, request, context);
      if (streamed) discardReply(request);
      throw badRequest(issues);
    };
    return result instanceof Promise ? result.then(go) : go(result);
  };
}

/** How many faults an error names. */
const maxIssues = 16;

function itemsOf(
  request: Streamed<unknown, unknown>,
  check: ReturnType<typeof checkOf>,
  refuse: (issues: readonly SchemaIssue[]) => TransportError,
): AsyncIterable<unknown> {
  return { [Symbol.asyncIterator]: () => checkedItems(() => request[Symbol.asyncIterator](), check, refuse) };
}
