/**
 * chain(): the order of wrapping, lifting, closing, and what it refuses.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  background,
  type CallContext,
  callContext,
  type CallMiddleware,
  chain,
  type Client,
  describe,
  named,
  type Service,
  stagesOf,
  TransportError,
} from "../../src/core/mod.ts";

/** A middleware that notes when a call goes in and comes out. */
function note(name: string, log: string[]): CallMiddleware {
  return named(name, {}, (inner) =>
    async function noted(request, context) {
      log.push(`${name} in`);
      const reply = await inner(request, context);
      log.push(`${name} out`);
      return reply;
    });
}

const passThrough: CallMiddleware = (inner) => (request, context) => inner(request, context);

function clientOf(log: string[]): Client<string, string> {
  const close = (): Promise<void> => {
    log.push("closed");
    return Promise.resolve();
  };
  return Object.assign((request: string) => Promise.resolve(request), { close, [Symbol.asyncDispose]: close });
}

function isInvalidOption(error: unknown, text: RegExp): boolean {
  assert.ok(error instanceof TransportError);
  assert.equal(error.code, "invalid-option");
  assert.match(error.message, text);
  return true;
}

Deno.test("the last middleware sees a call first and its reply last", async () => {
  const log: string[] = [];
  const call = chain(
    (request: string) => {
      log.push("base");
      return request;
    },
    note("inner", log),
    note("outer", log),
  );
  await call("x");
  assert.deepEqual(log, ["outer in", "inner in", "base", "inner out", "outer out"]);
});

Deno.test("every middleware is applied once, when the chain is made", async () => {
  let applied = 0;
  const counting: CallMiddleware = (inner) => {
    applied++;
    return (request, context) => inner(request, context);
  };
  const call = chain((request: number) => request, counting, counting);
  assert.equal(applied, 2);
  for (let i = 0; i < 5; i++) await call(i);
  assert.equal(applied, 2);
});

Deno.test("a chain of one member is that member", () => {
  const handler = (request: string) => request;
  assert.equal(chain(handler), handler);
});

Deno.test("a handler that answers at once becomes a service that answers by a promise", async () => {
  const call = chain((request: string) => request.length, passThrough);
  const reply = call("four");
  assert.ok(reply instanceof Promise);
  assert.equal(await reply, 4);
});

Deno.test("a handler with a name for describe() is lifted too", async () => {
  const call = chain(named("shout", {}, (request: string) => request.toUpperCase()), passThrough);
  const reply = call("a");
  assert.ok(reply instanceof Promise);
  assert.equal(await reply, "A");
});

Deno.test("what a handler throws at once becomes a rejection", async () => {
  const boom = new Error("boom");
  const call = chain((_: string): string => {
    throw boom;
  }, passThrough);
  let reply: Promise<string> | undefined;
  assert.doesNotThrow(() => reply = call("x"));
  await assert.rejects(reply!, boom);
});

Deno.test("a handler in a chain always gets a context", async () => {
  const contexts: CallContext[] = [];
  const call = chain((_: string, context: CallContext) => void contexts.push(context), passThrough);
  const own = callContext({ priority: 1 });
  await call("x");
  await call("x", own);
  assert.equal(contexts[0], background);
  assert.equal(contexts[1], own);
});

Deno.test("a pass-through middleware gives back the promise of what it wraps, untouched", () => {
  const reply = Promise.resolve("reply");
  const call = chain((_: string) => reply, passThrough, passThrough, passThrough);
  assert.equal(call("x"), reply);
});

Deno.test("a chain as the base of a chain is not lifted a second time", () => {
  const inner = chain((request: string) => request, passThrough);
  let wrapped: unknown;
  chain(inner, (service) => {
    wrapped = service;
    return (request: string, context?: CallContext) => service(request, context);
  });
  assert.equal(wrapped, inner);
});

Deno.test("a service around something that can be closed can be closed", async () => {
  const log: string[] = [];
  const call = chain(clientOf(log), passThrough, passThrough);
  assert.equal(await call("x"), "x");
  await call.close();
  assert.deepEqual(log, ["closed"]);
});

Deno.test("await using closes what the chain holds", async () => {
  const log: string[] = [];
  {
    await using call = chain(clientOf(log), passThrough);
    await call("x");
    log.push("used");
  }
  assert.deepEqual(log, ["used", "closed"]);
});

Deno.test("a middleware with a close of its own keeps it", async () => {
  const log: string[] = [];
  const owning = (inner: Service<string, string>): Client<string, string> => {
    const close = (): Promise<void> => {
      log.push("own close");
      return Promise.resolve();
    };
    return Object.assign((request: string, context?: CallContext) => inner(request, context), {
      close,
      [Symbol.asyncDispose]: close,
    });
  };
  await chain(clientOf(log), owning, passThrough).close();
  assert.deepEqual(log, ["own close"]);
});

Deno.test("a service around a handler has nothing to close", () => {
  assert.equal("close" in chain((request: string) => request, passThrough), false);
});

Deno.test("a member that is no middleware is refused with its position", () => {
  const untyped = chain as (...members: unknown[]) => unknown;
  const base = (request: string) => request;
  assert.throws(() => untyped(base, passThrough, undefined), (e) => isInvalidOption(e, /member 3 is undefined/));
  assert.throws(() => untyped(base, {}), (e) => isInvalidOption(e, /member 2 is object/));
});

Deno.test("a chain around nothing, or around a promise that nobody awaited, is refused when it is built", () => {
  const untyped = chain as (...members: unknown[]) => unknown;
  const base = (request: string) => request;
  const later = async <T>(inner: T): Promise<T> => await inner;
  assert.throws(() => untyped(undefined, passThrough), (e) => isInvalidOption(e, /member 1 is undefined/));
  assert.throws(() => untyped(null, passThrough), (e) => isInvalidOption(e, /member 1 is null/));
  assert.throws(() => untyped(Promise.resolve(base), passThrough), (e) => isInvalidOption(e, /member 1 is a promise/));
  assert.throws(() => untyped(base, later, passThrough), (e) => isInvalidOption(e, /later gave a promise/));
});

Deno.test("a middleware that gives nothing is refused by its name", () => {
  const untyped = chain as (...members: unknown[]) => unknown;
  function forgetful(): void {}
  const base = (request: string) => request;
  assert.throws(() => untyped(base, forgetful), (e) => isInvalidOption(e, /forgetful gave undefined/));
});

Deno.test("a middleware that gives back what it was given leaves no trace on it", () => {
  const base = named("base", { port: 1 }, { dial: () => {} });
  const untouched = chain(base, function nothing(inner: typeof base) {
    return inner;
  });
  assert.equal(untouched, base);
  assert.deepEqual(stagesOf(base).map((stage) => stage.name), ["base"]);
  assert.equal(describe(base), "base({ port: 1 })");
});

Deno.test("a chain of chains is described from the caller to the wire", () => {
  const log: string[] = [];
  const inner = chain(named("base", {}, (request: string) => request), note("one", log));
  assert.equal(describe(chain(inner, note("two", log))), "two()\none()\nbase()");
  assert.equal(describe(inner), "one()\nbase()", "and the inner chain stays what it was");
});
