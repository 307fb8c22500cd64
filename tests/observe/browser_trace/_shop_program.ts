/**
 * An HTTP server that serves a page and its orders, which it passes on over TCP,
 * in a process whose telemetry Deno exports. Ends with its standard input.
 *
 * `_shop_program.ts <port of the stock> <script of the page>`
 *
 * @module
 */

import { type CallContext, chain, http, mux, reconnect, serve, tcp, telemetry, text } from "../../../mod.ts";

const [stockPort, script] = Deno.args;
const code = await Deno.readFile(script);
const page = `<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.mjs"></script>`;

const confirm = chain(
  (order: string) => `${order} confirmed by the shop`,
  telemetry({ method: () => "Customer/confirm" }),
);
const stock = chain(
  tcp({ port: Number(stockPort) }),
  mux(),
  text(),
  reconnect({ handler: confirm }),
  telemetry({ method: () => "Stock/reserve" }),
);

async function answer(request: Request, context: CallContext): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/orders/")) return new Response(await stock(await request.text(), context));
  if (pathname === "/page.mjs") return new Response(code, { headers: { "content-type": "text/javascript" } });
  return new Response(page, { headers: { "content-type": "text/html" } });
}

const route = (request: Request): string => request.method === "POST" ? "/orders/:id" : "/pages";
const server = await serve(http({ port: 0 }), chain(answer, telemetry({ route })));
console.log(JSON.stringify({ http: server.addr.port }));
for await (const _ of Deno.stdin.readable);
await server.shutdown();
await stock.close();
