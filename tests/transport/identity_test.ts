/**
 * What `authenticate` says of a client reaches whoever answers that client.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type Admittance,
  batch,
  chain,
  type ChannelTransport,
  eventStreams,
  heartbeat,
  mountedSse,
  mux,
  platformWebSocket,
  reconnect,
  serve,
  sse,
  sseClient,
  text,
  websocket,
} from "../../mod.ts";
import { failure } from "../support/calls.ts";
import { within } from "../support/channels.ts";

/** A server as it is listened on, and what a client of it dials. */
interface Form {
  readonly wire: ChannelTransport;
  readonly fetch?: (request: Request) => Promise<Response>;
  client(port: number, headers: Record<string, string>): ChannelTransport;
}

type Ask = (request: { headers: Headers }) => Admittance | Promise<Admittance>;

const forms: Record<string, (authenticate: Ask) => Form> = {
  "websocket()": (authenticate) => ({
    wire: websocket({ port: 0, authenticate }),
    client: (port, headers) => websocket({ port, headers }),
  }),
  "platformWebSocket()": (authenticate) => {
    const wire = platformWebSocket({ authenticate });
    return { wire, fetch: wire.fetch, client: (port, headers) => websocket({ port, headers }) };
  },
  "sse()": (authenticate) => ({
    wire: sse({ port: 0, authenticate }),
    client: (port, headers) => sse({ port, headers }),
  }),
  "mountedSse()": (authenticate) => {
    const wire = mountedSse({ authenticate });
    const client = (port: number, headers: Record<string, string>) =>
      sseClient({ url: `http://127.0.0.1:${port}/`, headers });
    return { wire, fetch: wire.fetch, client };
  },
};

/** Anna is known by name, Bob by a record, Eve is let in and not known, nobody else is let in. */
const authenticate: Ask = ({ headers }) => {
  const user = headers.get("x-user");
  if (user === "anna") return "anna";
  return user === "bob" ? Promise.resolve({ name: "bob" }) : user === "eve" || undefined;
};

for (const [name, form] of Object.entries(forms)) {
  Deno.test(`a handler sees whom authenticate() has let in [${name}]`, async () => {
    const { wire, fetch, client } = form(authenticate);
    const between = (inner: ChannelTransport) => chain(inner, heartbeat(), batch(), mux(), text());
    const server = await serve(between(wire), (_, { peer }) => JSON.stringify(peer?.identity) ?? "nobody");
    const http = fetch === undefined ? undefined : Deno.serve({ port: 0, onListen() {} }, fetch);
    const port = http?.addr.port ?? server.addr.port!;
    for (const [user, seen] of [["anna", '"anna"'], ["bob", '{"name":"bob"}'], ["eve", "nobody"]]) {
      await using call = chain(between(client(port, { "x-user": user })), reconnect());
      assert.equal(await within(call("who am I?"), "the answer"), seen);
    }
    await using stranger = chain(between(client(port, {})), reconnect());
    assert.equal((await failure(stranger("hello"), ["connect-failed", "protocol"])).details?.status, 401);
    await server.shutdown();
    await http?.shutdown();
  });
}

Deno.test("a listener of event streams sees whom authenticate() has let in", async () => {
  const listener = await eventStreams({ port: 0, authenticate }).listen((events, { identity }) => {
    void events.send({ data: JSON.stringify(identity) ?? "nobody" });
    events.close();
  });
  for (const [user, seen] of [["anna", '"anna"'], ["bob", '{"name":"bob"}'], ["eve", "nobody"]]) {
    const response = await fetch(`http://127.0.0.1:${listener.addr.port}/`, { headers: { "x-user": user } });
    assert.ok((await response.text()).includes(`data: ${seen}\n`));
  }
  await listener.shutdown();
});
