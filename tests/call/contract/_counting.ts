/**
 * A contract with every kind of method, and what implements it; as a program, a
 * server of it on its own standard input and output.
 *
 * @module
 */

import { z } from "zod";
import { chain, contract, type Handler, implement, jsonRpc, type MethodRequest, serve, stdio } from "../../../mod.ts";

/** One method of each kind. */
export const counting = contract({
  name: "counting",
  methods: {
    add: { request: z.object({ numbers: z.array(z.number()) }), reply: z.object({ sum: z.number() }) },
    upTo: { request: z.number(), replies: z.object({ n: z.number() }) },
    sum: { request: z.string(), items: z.number(), reply: z.object({ name: z.string(), sum: z.number() }) },
    double: { items: z.number(), replies: z.number() },
  },
});

/** Answers it. */
export const counts: Handler<MethodRequest, unknown> = implement(counting, {
  add: ({ numbers }) => ({ sum: numbers.reduce((sum, n) => sum + n, 0) }),
  async *upTo(limit) {
    for (let n = 1; n <= limit; n++) yield { n };
  },
  async sum(name, items) {
    let sum = 0;
    for await (const n of items) sum += n;
    return { name, sum };
  },
  async *double(_, items) {
    for await (const n of items) yield 2 * n;
  },
});

if (import.meta.main) await serve(chain(stdio(), jsonRpc()), counts);
