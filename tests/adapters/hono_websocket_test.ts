/**
 * platformWebSocket() on a route of a Hono app, on either HTTP server.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Hono } from "hono";
import { chain, http, mux, platformWebSocket, serve, text } from "../../mod.ts";
import { platformDialler } from "../support/mounted.ts";

const dialler = platformDialler();

/** An app with calls on one route, and a page on another. */
function appWithCalls(): { app: Hono; socket: ReturnType<typeof platformWebSocket> } {
  const socket = platformWebSocket();
  const app = new Hono();
  app.get("/calls", (c) => socket.fetch(c.req.raw, c.env));
  app.get("/page", (c) => c.text("a page"));
  return { app, socket };
}

async function check(port: number): Promise<void> {
  const wire = chain(dialler.dialTo(`ws://127.0.0.1:${port}/calls`), mux(), text());
  const session = await wire.dial();
  assert.equal(await session.call("world"), "hello world");
  await session.close();
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/page`)).text(), "a page");
  const plain = await fetch(`http://127.0.0.1:${port}/calls`);
  assert.equal(plain.status, 426);
  await plain.body?.cancel();
}

Deno.test("a Hono app takes calls over WebSocket on one of its routes, under Deno.serve", async () => {
  const { app, socket } = appWithCalls();
  const calls = await serve(chain(socket, mux(), text()), (name) => `hello ${name}`);
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
  await check(server.addr.port);
  await calls.shutdown();
  await server.shutdown();
  await dialler.end();
});

Deno.test("a Hono app takes calls over WebSocket on one of its routes, under serve()", async () => {
  const { app, socket } = appWithCalls();
  const calls = await serve(chain(socket, mux(), text()), (name) => `hello ${name}`);
  const server = await serve(http({ port: 0 }), app.fetch);
  await check(server.addr.port!);
  await calls.shutdown();
  await server.shutdown();
  await dialler.end();
});
