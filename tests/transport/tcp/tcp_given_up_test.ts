/**
 * Dialling that is given up in the turn in which it succeeds, and framings that
 * fail: nothing is left behind.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Framing, lengthPrefix, tcp, type TransportEvent, websocket } from "../../../mod.ts";
import { failure } from "../../support/calls.ts";
import { until } from "../../support/channels.ts";

const closing = { message: () => {}, end: () => {}, closed: () => {} };

Deno.test("a dial that is given up while its connection is told of leaves none behind", async () => {
  const events: TransportEvent["type"][] = [];
  const giveUp = new AbortController();
  const server = websocket({ port: 0 });
  const listener = await server.listen((channel) => {
    channel.receive({ ...closing, end: () => void channel.close() });
  });
  const client = websocket({
    port: listener.addr.port!,
    observer: ({ type }) => {
      events.push(type);
      giveUp.abort();
    },
  });
  await failure(client.dial({ signal: giveUp.signal }), "cancelled", "no");
  assert.deepEqual(events, ["connection-opened", "connection-closed"]);
  await listener.close();
  await until(() => listener.counters.connectionsOpen === 0, "the end of the connection");
});

Deno.test("a dial that is given up as the platform has just connected leaves no connection behind", async () => {
  const listener = await tcp({ port: 0 }).listen((channel) => {
    channel.receive({ ...closing, end: () => void channel.close() });
  });
  const { connect } = Deno;
  const giveUp = new AbortController();
  // What the platform's does, at the moment that is hard to meet: the last look at the signal is behind the connection.
  const connectAndAsk = async (options: Deno.ConnectOptions & { signal?: AbortSignal }): Promise<Deno.TcpConn> => {
    const conn = await connect({ hostname: options.hostname, port: options.port });
    giveUp.abort();
    options.signal?.throwIfAborted();
    return conn;
  };
  Deno.connect = connectAndAsk as typeof connect;
  try {
    await failure(tcp({ port: listener.addr.port! }).dial({ signal: giveUp.signal }), "cancelled", "no");
  } finally {
    Deno.connect = connect;
  }
  await until(() => listener.counters.connectionsOpen === 0, "the end of the connection");
  await listener.close();
});

Deno.test("a framing that can't be begun costs its connection, on either end, and no other", async () => {
  const events: TransportEvent[] = [];
  const good = lengthPrefix();
  let broken = true;
  const framing: Framing = {
    maxBytes: good.maxBytes,
    headBytes: good.headBytes,
    tailBytes: good.tailBytes,
    writeHead: (target, offset, byteLength) => good.writeHead(target, offset, byteLength),
    writeTail: () => {},
    decoder: () => {
      if (broken) throw new Error("no decoder");
      return good.decoder();
    },
  };
  const listener = await tcp({ port: 0, framing, observer: (event) => events.push(event) }).listen((channel) => {
    channel.receive({ ...closing, end: () => void channel.close() });
  });
  const port = listener.addr.port!;
  await failure(tcp({ port, framing }).dial(), "connect-failed", "no");
  await until(() => events.length === 1, "the refusal");
  const conn = await Deno.connect({ port });
  assert.equal(await conn.read(new Uint8Array(1)).catch(() => null), null);
  conn.close();
  assert.deepEqual(events.map(({ type }) => type), ["connection-refused", "connection-refused"]);
  broken = false;
  const channel = await tcp({ port }).dial();
  channel.receive(closing);
  await channel.close();
  assert.equal(listener.counters.connectionsRefused, 2);
  await listener.close();
});
