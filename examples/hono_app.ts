/**
 * A Hono app that was there before, and what Wireway adds to it: limits on some
 * of its routes, calls over WebSocket, over server-sent events and as JSON-RPC,
 * all of one typed contract, a stream of events, and its metrics.
 *
 * `deno task hono [--port N]` serves it.
 *
 * @module
 */

import { Hono } from "hono";
import { parseArgs } from "node:util";
import {
  chain,
  concurrencyLimit,
  contract,
  eventEncoding,
  eventStream,
  implement,
  jsonRpcHandler,
  methods,
  mountedSse,
  mux,
  platformWebSocket,
  rateLimit,
  serve,
  serverMetrics,
  timeout,
  Topic,
} from "@wireway/wireway";
import { answer, callMiddleware, mounted } from "@wireway/wireway/hono";
import { prometheus } from "@wireway/wireway/prometheus";
import { z } from "zod";

/** What the app's clients call. */
export const guestbook = contract({
  name: "guestbook",
  methods: {
    sign: { request: z.object({ name: z.string().min(1).max(80) }), reply: z.object({ guests: z.number() }) },
    guests: { replies: z.string(), idempotent: true },
  },
});

/** For routes that cost something. */
const limits = callMiddleware(
  timeout({ ms: 1000 }),
  concurrencyLimit({ max: 100 }),
  rateLimit({ windows: [{ calls: 5, perMs: 1000 }] }),
);

/** The app as it was: its own fields, middleware and routes, and its own variables. One line is new. */
function existingApp(): Hono<{ Variables: { visitor: string } }> {
  const app = new Hono<{ Variables: { visitor: string } }>();
  app.use(async (c, next) => {
    c.set("visitor", c.req.header("visitor") ?? "somebody");
    await next();
    c.header("served-by", "the app that was there before");
  });
  app.use("/api/*", limits); // new; Hono's order holds: it stands before the routes that it limits
  app.get("/", (c) => c.text(`Hello, ${c.get("visitor")}.`));
  app.get("/api/time", (c) => c.json({ now: new Date().toISOString() }));
  return app;
}

/** The app with everything added. Disposing ends what takes calls. */
export async function guestbookApp() {
  const guests: string[] = [];
  const signed = new Topic({
    encodings: { events: eventEncoding((name: string) => ({ event: "guest", data: name })) },
  });
  const handler = implement(guestbook, {
    sign({ name }) {
      guests.push(name);
      signed.publish(name);
      return { guests: guests.length };
    },
    async *guests() {
      yield* [...guests];
    },
  });

  const app = existingApp();
  // The same handler, in the three ways that programs and pages may call it.
  const [socket, live] = [platformWebSocket(), mountedSse()];
  const wires = [socket, live].map((transport) => chain(transport, mux({ streams: true }), methods()));
  const servers = await Promise.all(wires.map((wire) => serve(wire, handler)));
  app.get("/calls", mounted(socket));
  app.all("/live", mounted(live));
  app.post("/rpc", answer(jsonRpcHandler(handler)));

  app.get(
    "/events",
    (c) => eventStream(c.req.raw, (events) => signed.subscribe("events", events.send, { closed: events.close })),
  );
  app.get(
    "/metrics",
    answer(prometheus(servers.map((server, i) => serverMetrics(server, { wire: ["ws", "sse"][i] })))),
  );
  return {
    app,
    async [Symbol.asyncDispose](): Promise<void> {
      signed.close();
      await Promise.all(servers.map((server) => server.shutdown({ graceMs: 500 })));
    },
  };
}

if (import.meta.main) {
  const { port } = parseArgs({ options: { port: { type: "string", default: "8006" } } }).values;
  const { app } = await guestbookApp();
  const server = Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen() {} }, app.fetch);
  const at = `http://127.0.0.1:${server.addr.port}`;
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "guestbook.sign", params: { name: "you" } });
  console.log(`${at}/  the app's own page; calls at /calls (WebSocket) and /live (event streams)`);
  console.log(`curl -N ${at}/events  who signs the guestbook, as it happens`);
  console.log(`curl ${at}/rpc -H 'content-type: application/json' -d '${body}'`);
  console.log(`curl ${at}/api/time  limited to 5 a second;  curl ${at}/metrics`);
}
