/**
 * What the type checker knows of chains: results without annotations, and
 * orders that do not compile.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type CallContext,
  type CallMiddleware,
  chain,
  type ChannelTransport,
  type Client,
  type Middleware,
  type Service,
  type SessionTransport,
} from "../../src/core/mod.ts";
import { json, text } from "../../src/session/codec.ts";
import { mux } from "../../src/session/mux.ts";
import { memory } from "../../src/transport/memory/memory.ts";

/** Compiles only where both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A>() {
  return <B>(_: B, ..._same: Same<A, B> extends true ? [] : ["the types differ"]): void => {};
}

const m: CallMiddleware = (inner) => (request, context) => inner(request, context);
const messages: Middleware<ChannelTransport> = (inner) => inner;
/** What reconnect() and pool() are, by their types. */
function connect<Req, Res>(_: SessionTransport<Req, Res>): Client<Req, Res> {
  const close = (): Promise<void> => Promise.resolve();
  return Object.assign((_: Req) => Promise.reject<Res>(new Error("not connected")), {
    close,
    [Symbol.asyncDispose]: close,
  });
}

Deno.test("the type of a chain is inferred without annotations", () => {
  const handler = (request: string): number => request.length;
  same<(request: string) => number>()(chain(handler));
  same<Service<string, number>>()(chain(handler, m));
  same<Service<string, number>>()(chain((request: string) => Promise.resolve(request.length), m, m));
  same<ChannelTransport>()(chain(memory(), messages));
  same<SessionTransport<Uint8Array, Uint8Array>>()(chain(memory(), mux()));
  same<SessionTransport<string, string>>()(chain(memory(), messages, mux(), text()));
  same<SessionTransport<{ a: number }, boolean>>()(chain(memory(), mux(), json<{ a: number }, boolean>()));
  assert.ok(true);
});

Deno.test("a chain from a transport to a caller is a client that can be closed", () => {
  const client = chain(memory(), mux(), text(), connect, m);
  same<Client<string, string>>()(client);
  assert.equal(typeof client.close, "function");
  assert.equal(typeof client[Symbol.asyncDispose], "function");
});

Deno.test("a client that offers more keeps it, by its type too", () => {
  const counted = <Req, Res>(inner: SessionTransport<Req, Res>): Client<Req, Res> & { stats(): number } =>
    Object.assign(connect(inner), { stats: () => 7 });
  assert.equal(chain(memory(), mux(), text(), counted).stats(), 7);
});

Deno.test("the type is inferred in chains of up to 13 members", () => {
  const h = (request: string, _: CallContext): number => request.length;
  type S = Service<string, number>;
  same<S>()(chain(h, m, m, m));
  same<S>()(chain(h, m, m, m, m));
  same<S>()(chain(h, m, m, m, m, m));
  same<S>()(chain(h, m, m, m, m, m, m));
  same<S>()(chain(h, m, m, m, m, m, m, m));
  same<S>()(chain(h, m, m, m, m, m, m, m, m));
  same<S>()(chain(h, m, m, m, m, m, m, m, m, m));
  same<S>()(chain(h, m, m, m, m, m, m, m, m, m, m));
  same<S>()(chain(h, m, m, m, m, m, m, m, m, m, m, m));
  same<S>()(chain(h, m, m, m, m, m, m, m, m, m, m, m, m));
  const client = chain(memory(), messages, messages, messages, mux(), text(), connect, m, m, m, m, m);
  same<Client<string, string>>()(client);
  assert.equal(typeof client, "function");
});

Deno.test("a middleware that changes requests and replies changes the type", async () => {
  const parse = (inner: Service<number, number>): Service<string, string> => async (request, context) =>
    String(await inner(Number(request), context));
  const call = chain((request: number) => request * 2, m, parse, m);
  same<Service<string, string>>()(call);
  assert.equal(await call("21"), "42");
});

/** Never run: each line below must be refused by the type checker, or this file does not compile. */
export function impossibleOrders(): void {
  // @ts-expect-error mux() stands on channels, not on sessions
  chain(memory(), mux(), mux());
  // @ts-expect-error message middleware stands below mux()
  chain(memory(), mux(), messages);
  // @ts-expect-error text() stands on calls, not on channels
  chain(memory(), text());
  // @ts-expect-error what connects stands on sessions, not on channels
  chain(memory(), connect);
  // @ts-expect-error call middleware stands on a service, not on sessions
  chain(memory(), mux(), text(), m);
  // @ts-expect-error a second codec finds text where it needs bytes
  chain(memory(), mux(), text(), json<string, string>());
  // @ts-expect-error a client is no transport any more
  chain(memory(), mux(), text(), connect, mux());
  // @ts-expect-error the reply of the handler is no number
  chain((request: string) => request, (inner: Service<string, number>) => inner);
  // @ts-expect-error a service that came from a handler can't be closed
  void chain((request: string) => request, m).close();
  // @ts-expect-error the request is text
  void chain((request: string) => request, m)(5);
  // @ts-expect-error a middleware is a function
  chain(memory(), {});
  // @ts-expect-error the transport comes first
  chain(mux(), memory());
}
