/**
 * A worker of workerd: made at load as far as its user would, then asked over
 * HTTP, WebSocket and for events.
 *
 * @module
 */

import {
  answerCalls,
  callContext,
  chain,
  circuitBreaker,
  eventStream,
  mux,
  platformWebSocket,
  rateLimit,
  RetryBudget,
  serve,
  text,
  timeout,
} from "../../mod.ts";
import { Hono } from "hono";
import { callMiddleware, calls, mounted } from "../../adapters/hono.ts";
import { scenario } from "./_scenario.ts";

const socket = platformWebSocket();
const budget = new RetryBudget();
const context = callContext({ priority: 1 });
const handler = chain(
  (request: Uint8Array) => request.toReversed(),
  circuitBreaker(),
  rateLimit({ windows: [{ calls: 1000, perMs: 1000 }] }),
  timeout({ ms: 1000 }),
);
const answer = answerCalls(handler);

let serving: Promise<unknown> | undefined;

const app = new Hono();
app.use("/limited/*", callMiddleware(rateLimit({ windows: [{ calls: 1, perMs: 60_000 }] })));
app.get("/limited/page", (c) => c.text("page"));
app.get("/scenario", async (c) => c.json({ deno: typeof Deno, budget: budget.balance > 0, result: await scenario() }));
app.post("/calls", (c) => answer(c.req.raw, context));
app.post("/hono-calls", calls(handler));
app.get("/events", (c) =>
  eventStream(c.req.raw, async ({ send, close }) => {
    for (let n = 1; n <= 3; n++) await send({ id: `${n}`, data: `event ${n}` });
    close();
  }));
app.get("/socket", async (c) => {
  await (serving ??= serve(chain(socket, mux(), text()), (name) => `hello ${name}`));
  return mounted(socket)(c);
});

export default app;
