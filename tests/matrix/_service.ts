/**
 * What the probes call, on every transport; as a program, a server of it on its
 * own standard input and output.
 *
 * @module
 */

import {
  chain,
  type Handler,
  lengthPrefix,
  type MethodRequest,
  methods,
  mux,
  serve,
  type Session,
  type SessionTransport,
  stdio,
  Streamed,
} from "../../mod.ts";

/** A transport of calls by name. */
export type Wire = SessionTransport<MethodRequest, unknown>;
/** A session of it. */
export type Calls = Session<MethodRequest, unknown>;

/** What an item carries: some of them are more than any window. */
export const padding = "x".repeat(10_000);

/** Items without an end, or so many, counted as they are asked for. */
export class Source {
  asked = 0;

  async *items(limit = Infinity): AsyncGenerator<[number, string]> {
    for (let n = 0; n < limit; n++) {
      this.asked++;
      yield [n, padding];
    }
  }
}

/** Answers the probes. */
export function service(): Handler<MethodRequest, unknown> {
  const source = new Source();
  return async (request, context) => {
    if (request instanceof Streamed) {
      if (request.head.method === "echo") return new Streamed(null, request);
      // Takes one item, and then none.
      await request[Symbol.asyncIterator]().next();
      return await new Promise((resolve) => context.signal.addEventListener("abort", () => resolve(null)));
    }
    switch (request.method) {
      case "call back":
        return await (context.peer as Calls).call({ method: "hello" });
      case "items":
        return new Streamed(null, source.items((request.params as number | undefined) ?? Infinity));
      case "asked":
        return source.asked;
      case "pid":
        return Deno.pid;
    }
    return request.method;
  };
}

if (import.meta.main) {
  await serve(chain(stdio({ framing: lengthPrefix() }), mux({ streams: true }), methods()), service());
}
