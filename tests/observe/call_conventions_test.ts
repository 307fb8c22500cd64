/**
 * What the conventions say of calls over JSON-RPC and over pipes.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, memory, mux, serve, type Session, TransportError } from "../../mod.ts";
import { placeOf, rpcCall, statusOf } from "../../src/observe/call_conventions.ts";

Deno.test("a client over JSON-RPC knows its system, whatever carries it", () => {
  const tcp = { name: "tcp", settings: { hostname: "127.0.0.1", port: 9000 } };
  const http = { name: "http", settings: { origin: "https://shop.example" } };
  const stdio = { name: "stdio", settings: { command: "deno" } };
  assert.deepEqual(placeOf([tcp, { name: "jsonRpc", settings: {} }], undefined), {
    system: "jsonrpc",
    server: { "server.address": "127.0.0.1", "server.port": 9000, "network.transport": "tcp" },
  });
  assert.deepEqual(placeOf([http, { name: "jsonRpcHttp", settings: {} }], undefined), {
    system: "jsonrpc",
    server: { "server.address": "shop.example", "server.port": 443, "network.transport": "tcp" },
  });
  assert.deepEqual(placeOf([stdio, { name: "mux", settings: {} }], undefined), {
    system: "wireway",
    server: { "network.transport": "pipe" },
  });
  assert.equal(placeOf([tcp, { name: "jsonRpc", settings: {} }], "own").system, "own");
});

Deno.test("a call that came through a pipe has no addresses", async () => {
  const wire = chain(memory({ name: "conventions" }), mux());
  await using _server = await serve(wire, (request) => request);
  const session = await wire.dial() as Session<unknown, unknown>;
  const local = { transport: "stdio", path: "this process" };
  const peer = Object.create(session, { local: { value: local }, remote: { value: { ...local, path: "deno" } } });
  const { detail } = rpcCall("x", "server", { system: "wireway", server: {} }, callContext({ peer }));
  assert.deepEqual(detail, { "network.transport": "pipe" });
  await session.close();
});

Deno.test("spans of JSON-RPC say its version, which is not the one that is assumed", () => {
  for (const side of ["client", "server"] as const) {
    const { shared, detail } = rpcCall("x", side, { system: "jsonrpc", server: {} }, callContext());
    assert.deepEqual(shared, { "rpc.system.name": "jsonrpc", "rpc.method": "x" });
    assert.deepEqual(detail, { "jsonrpc.protocol.version": "2.0" });
  }
});

Deno.test("the status of a failed call is the number that an application gave, else our code", () => {
  assert.equal(statusOf(new TransportError("remote", "No such account", { details: { code: 17 } })), "17");
  assert.equal(statusOf(new TransportError("remote", "No such account", { details: { code: "a" } })), "remote");
  assert.equal(statusOf(new TransportError("overloaded", "Too much", { details: { code: 17 } })), "overloaded");
});
