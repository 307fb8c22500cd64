/**
 * The scenario in a page of a browser, and calls from there to a server over
 * WebSocket and over server-sent events.
 *
 * @module
 */

import { chain, http, mux, platformWebSocket, pool, sseClient, text } from "../../mod.ts";
import { scenario } from "./_scenario.ts";

const at = `${location.host}/`;
const socket = chain(platformWebSocket({ url: `ws://${at}socket` }), mux(), text(), pool({ max: 2 }));
const live = chain(sseClient({ url: `http://${at}live` }), mux(), text(), pool());
const { origin } = location;
const pages = chain(http({ origin }), pool());
const posted = await pages(new Request(`${origin}/hello`, { method: "POST", body: "over fetch" }));
const result = await scenario();
const calls = await Promise.all([socket("over a socket"), live("over events"), socket("x".repeat(200_000))]);
await socket.close();
await live.close();
calls.push(await posted.text());
await pages.close();
Object(globalThis).document.title = JSON.stringify({
  deno: typeof Deno,
  result,
  calls: calls.map((reply) => reply.slice(0, 20)),
});
