/**
 * MCP over channels, with both generations of the SDK on either end.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  batch,
  chain,
  type Channel,
  type ChannelTransport,
  compress,
  heartbeat,
  type Listener,
  memory,
  newline,
  shape,
  stdio,
  tcp,
  TransportError,
  websocket,
} from "../../mod.ts";
import { mcpSessions, type McpTransport, mcpTransport, serveMcp } from "../../adapters/mcp.ts";
import { settle } from "../support/calls.ts";
import { connecting, using } from "./_mcp.ts";

type Generation = keyof typeof using;

const transports: Record<string, (port: number) => ChannelTransport> = {
  "lines over TCP": (port) => tcp({ port, framing: newline() }),
  "WebSocket": (port) => websocket({ port }),
  "TCP with middleware for messages": (port) => chain(tcp({ port }), heartbeat(), shape(), compress(), batch()),
};

for (const [name, transport] of Object.entries(transports)) {
  for (const [theirs, connect] of Object.entries(connecting)) {
    for (const [ours, use] of Object.entries(using)) {
      Deno.test(`MCP over ${name}: a client of ${ours}, a server of ${theirs}`, async () => {
        const listener = await serveMcp(transport(0), connect);
        await use(mcpTransport(transport(listener.addr.port!)));
        await listener.close();
      });
    }
  }
}

const program = new URL("_mcp_stdio.ts", import.meta.url).pathname;

for (const theirs of Object.keys(connecting)) {
  for (const [ours, use] of Object.entries(using)) {
    Deno.test(`MCP over stdio: a client of ${ours}, a server of ${theirs} in a program`, async () => {
      const command = { program: Deno.execPath(), args: ["run", "--no-check", "--allow-all", program, theirs] };
      await use(mcpTransport(stdio({ command, framing: newline() })));
    });
  }
}

/** A transport that was accepted, and the bare channel that faces it. */
async function facing(
  options = {},
): Promise<{ ours: McpTransport; theirs: Channel; told: unknown[]; listener: Listener }> {
  const wire = memory();
  const accepted = Promise.withResolvers<McpTransport>();
  const listener = await serveMcp(wire, (transport) => accepted.resolve(transport), options);
  const theirs = await wire.dial();
  const ours = await accepted.promise;
  const told: unknown[] = [];
  ours.onmessage = (message) => told.push(message);
  ours.onerror = (error) => told.push(error.message);
  ours.onclose = () => told.push("closed");
  await ours.start();
  return { ours, theirs, told, listener };
}

/** What the other end of a transport receives. */
function hearing(channel: Channel): { messages: unknown[]; closed: Promise<TransportError | undefined> } {
  const messages: unknown[] = [];
  const closed = new Promise<TransportError | undefined>((resolve) =>
    channel.receive({
      message: (message) => void messages.push(JSON.parse(String(message))),
      end: () => void channel.close(),
      closed: resolve,
    })
  );
  return { messages, closed };
}

Deno.test("what is no message of JSON-RPC is told and harms nobody", async () => {
  const { ours, theirs, told, listener } = await facing();
  const { closed } = hearing(theirs);
  for (const text of ["{", "7", "null", `{"id":1}`, `{"jsonrpc":"1.0","method":"x"}`]) await theirs.send(text);
  await theirs.send(new Uint8Array([0xff]));
  await theirs.send(`[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"b"},3]`);
  await theirs.close();
  await closed;
  const errors = told.filter((one) => typeof one === "string" && one !== "closed");
  assert.equal(errors.length, 7);
  assert.ok(errors.every((error) => String(error).startsWith("Message refused: ")));
  assert.deepEqual(told.filter((one) => typeof one === "object"), [
    { jsonrpc: "2.0", method: "a" },
    { jsonrpc: "2.0", method: "b" },
  ]);
  assert.equal(told.at(-1), "closed");
  await ours.close();
  await listener.close();
});

Deno.test("requests past maxInFlight are refused, until others are answered", async () => {
  const { ours, theirs, told, listener } = await facing({ maxInFlight: 2 });
  const { messages, closed } = hearing(theirs);
  const ask = (id: number): unknown => theirs.send(JSON.stringify({ jsonrpc: "2.0", id, method: "work" }));
  for (const id of [1, 2, 3]) await ask(id);
  await theirs.send(JSON.stringify({ jsonrpc: "2.0", method: "a notification" }));
  await ours.send({ jsonrpc: "2.0", id: 1, result: {} });
  await ask(4);
  await theirs.close();
  await closed;
  assert.deepEqual(told.map((one) => (one as { id?: number }).id), [1, 2, undefined, 4, undefined]);
  assert.deepEqual(
    messages.map((one) => [(one as { id: number }).id, (one as { error?: { code: number } }).error?.code]),
    [
      [3, -32000],
      [1, undefined],
    ],
  );
  await listener.close();
});

Deno.test("a connection that is lost is told as an error, and as the end", async () => {
  const { theirs, told, listener } = await facing();
  hearing(theirs);
  theirs.abort(new TransportError("connection-lost", "Connection lost: unplugged"));
  await theirs.close();
  assert.equal(told.at(-1), "closed");
  await listener.close();
});

Deno.test("a server that can't begin ends its connection; a transport starts once, and not before it is dialled", async () => {
  const wire = memory();
  const listener = await serveMcp(wire, () => Promise.reject(new Error("no tools today")));
  const { closed } = hearing(await wire.dial());
  await closed;
  const transport = mcpTransport(wire);
  await assert.rejects(transport.send({ jsonrpc: "2.0", method: "x" }), { code: "closed" });
  await transport.start();
  await assert.rejects(transport.start(), { code: "closed" });
  await transport.close();
  await listener.close();
  await assert.rejects(mcpTransport(wire).start(), { code: "connect-failed" });
  assert.throws(() => mcpTransport(wire, { maxInFlight: 0 }), { code: "invalid-option" });
});

const generations: Generation[] = ["the first generation", "the second generation"];
assert.deepEqual(Object.keys(using), generations);

Deno.test("options that there are not, or of the wrong kind, are refused by name", () => {
  const wire = tcp({ port: 9 });
  for (
    const [options, why] of [
      [{ maxInFlights: 5 }, /mcpTransport\(\): it has no option "maxInFlights", only maxInFlight/],
      [{ maxInFlight: 1.5 }, /mcpTransport\(\): option maxInFlight is 1.5, allowed is an integer/],
      [5, /mcpTransport\(\): its options are 5, not an object/],
    ] as const
  ) {
    assert.throws(() => mcpTransport(wire, options as never), why);
  }
  const begin = () => Promise.reject(new Error("not here"));
  for (
    const [options, why] of [
      [{ maxSession: 5 }, /mcpSessions\(\): it has no option "maxSession", only maxSessions, idleTimeoutMs, clock/],
      [{ idleTimeoutMs: "1" }, /mcpSessions\(\): option idleTimeoutMs is "1", allowed is a time in milliseconds/],
      [{ clock: 5 }, /mcpSessions\(\): option clock is 5, allowed is an object/],
    ] as const
  ) {
    assert.throws(() => mcpSessions(begin, options as never), why);
  }
});

Deno.test("close() of mcpTransport() gives up a connection that is being made, and waits for its end", async () => {
  let signal: AbortSignal | undefined;
  const letGo = Promise.withResolvers<Channel>();
  const transport = mcpTransport({
    dial: (options) => {
      signal = options?.signal;
      return letGo.promise;
    },
    listen: () => Promise.reject(new Error("nobody listens")),
  });
  const starting = transport.start();
  let closed = false;
  const closing = transport.close().then(() => closed = true);
  await settle();
  assert.deepEqual([signal?.aborted, closed], [true, false]);
  letGo.reject(signal!.reason);
  await assert.rejects(starting, { code: "cancelled" });
  await closing;
});

Deno.test("an end of MCP whose listener for errors throws is told of its end all the same", async () => {
  const { ours, theirs, told, listener } = await facing();
  ours.onerror = () => {
    throw new Error("a listener's own fault");
  };
  theirs.receive({ message: () => {}, end: () => {}, closed: () => {} });
  await theirs.send("no JSON");
  await theirs.send('{ "jsonrpc": "2.0", "method": "still/here" }');
  await settle();
  theirs.abort(new TransportError("connection-lost", "Lost"));
  await settle();
  assert.deepEqual(told, [{ jsonrpc: "2.0", method: "still/here" }, "closed"]);
  await listener.close();
});
