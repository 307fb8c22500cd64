/**
 * nats() and natsTopic() at brokers that have stopped or go at once, and with
 * callers that don't behave as ours do.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { connect, headers } from "@nats-io/transport-node";
import { chain, serve, text } from "../../mod.ts";
import { nats, natsTopic } from "../../adapters/nats.ts";
import { natsServer, startNats } from "../support/brokers.ts";
import { failure } from "../support/calls.ts";
import { until, within } from "../support/channels.ts";
import { peerTest } from "../support/peer.ts";

/** A server that works on a call until it is let go. */
function gated(): {
  handler: (request: string) => Promise<string>;
  open: (request: string) => void;
  started: string[];
} {
  const gates = new Map<string, () => void>();
  const started: string[] = [];
  return {
    started,
    open: (request) => gates.get(request)?.(),
    handler: async (request) => {
      started.push(request);
      await new Promise<void>((resolve) => gates.set(request, resolve));
      return `${request}!`;
    },
  };
}

peerTest(
  "what is closed while the broker has stopped to take anything is over all the same",
  [natsServer],
  async () => {
    await using broker = await startNats();
    const { servers } = broker;
    const wire = chain(nats({ servers, subject: "work" }), text());
    const { handler, open, started } = gated();
    const server = await serve(wire, handler);
    const session = await wire.dial();
    const lost = failure(session.call("held"), "connection-lost", "maybe");
    await until(() => started.length === 1, "the call at the server");
    const topics = [
      await natsTopic({ servers, subject: "plain" }),
      await natsTopic({ servers, subject: "kept", durable: true }),
    ];
    Deno.kill(broker.process.pid, "SIGSTOP");
    try {
      const closing = [
        session.close({ graceMs: 10 }),
        server.shutdown({ graceMs: 10 }),
        ...topics.map((t) => t.close()),
      ];
      await within(Promise.all(closing), "the end of all, without a broker");
      await lost;
    } finally {
      Deno.kill(broker.process.pid, "SIGCONT");
      open("held");
    }
  },
);

/** A broker that closes each connection at its first subscription. */
function abruptBroker(): { servers: string; accepted: () => number; close(): Promise<void> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  let accepted = 0;
  const serveOne = async (conn: Deno.Conn): Promise<void> => {
    using _ = conn;
    const say = (line: string): Promise<number> => conn.write(new TextEncoder().encode(`${line}\r\n`));
    await say(`INFO {"server_id":"x","version":"2.10.0","headers":true,"max_payload":1048576,"port":${port}}`);
    const buffer = new Uint8Array(4096);
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      const said = new TextDecoder().decode(buffer.subarray(0, n));
      if (said.includes("SUB ")) return;
      if (said.includes("PING")) await say("PONG");
    }
  };
  const serving: Promise<unknown>[] = [];
  const accepting = (async (): Promise<void> => {
    for await (const conn of listener) {
      accepted++;
      serving.push(serveOne(conn).catch(() => {}));
    }
  })();
  return {
    servers: `127.0.0.1:${port}`,
    accepted: () => accepted,
    async close(): Promise<void> {
      listener.close();
      await accepting;
      await Promise.all(serving);
    },
  };
}

Deno.test("a connection that breaks while listening begins fails that, and is not made again and again", async () => {
  const broker = abruptBroker();
  const { servers } = broker;
  await failure(within(serve(chain(nats({ servers, subject: "a" }), text()), (t) => t), "its end"), "connect-failed");
  await failure(within(natsTopic({ servers, subject: "a" }), "its end"), "connect-failed");
  // The sanitizers of the test see any timer and any connection that would go on.
  await broker.close();
});

peerTest("calls of a foreign client whose replies all go to one subject are all answered", [natsServer], async () => {
  await using broker = await startNats();
  const { handler, open, started } = gated();
  const server = await serve(chain(nats({ servers: broker.servers, subject: "work" }), text()), handler);
  const connection = await connect({ servers: broker.servers });
  const replies: string[] = [];
  connection.subscribe("inbox.one", { callback: (_error, message) => void replies.push(message.string()) });
  for (const request of ["a", "b", "c"]) connection.publish("work", request, { reply: "inbox.one" });
  // A ping that nobody waits for.
  const ping = headers();
  ping.set("wireway-kind", "ping");
  connection.publish("work", "", { headers: ping });
  await until(() => started.length === 3, "three calls");
  for (const request of ["b", "a", "c"]) open(request);
  await until(() => replies.length === 3, "three replies");
  assert.deepEqual(replies, ["b!", "a!", "c!"]);
  await connection.close();
  await server.shutdown();
});

peerTest("a word of a caller's end that names no caller ends nobody's calls", [natsServer], async () => {
  await using broker = await startNats();
  const { handler, open, started } = gated();
  const wire = chain(nats({ servers: broker.servers, subject: "work" }), text());
  const server = await serve(wire, handler);
  const session = await wire.dial();
  const call = session.call("held");
  await until(() => started.length === 1, "the call at the server");
  const connection = await connect({ servers: broker.servers });
  const gone = headers();
  gone.set("wireway-kind", "gone");
  connection.publish("_wireway.work", "", { headers: gone });
  connection.publish("_wireway.work", "", { headers: gone, reply: "_INBOX" });
  // The server has heard of it when it answers this.
  await connection.flush();
  await session.ping();
  open("held");
  assert.equal(await within(call, "the reply"), "held!");
  await connection.close();
  await session.close();
  await server.shutdown();
});
