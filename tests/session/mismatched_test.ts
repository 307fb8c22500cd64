/**
 * Two ends whose chains do not match: the call ends soon, and is told why.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  chain,
  lengthPrefix,
  ManualClock,
  mux,
  newline,
  pipeline,
  pool,
  reconnect,
  serve,
  type SessionTransport,
  tcp,
  type TcpOptions,
  text,
  type TransportError,
  websocket,
} from "../../mod.ts";
import { settle } from "../support/calls.ts";
import { testCert, testKey } from "../support/certs.ts";
import { within } from "../support/channels.ts";

type Wire = (port: number) => SessionTransport<string, string>;
const hostname = "127.0.0.1";
const muxed = (options: Partial<TcpOptions> = {}): Wire => (port) =>
  chain(tcp({ hostname, port, ...options }), mux(), text());
const tls = { cert: testCert, key: testKey, caCerts: [testCert] };

async function endOf(server: Wire, client: Wire): Promise<TransportError> {
  let heard = 0;
  await using listening = await serve(server(0), () => `${++heard}`);
  await using call = chain(client(listening.addr.port!), reconnect());
  const ended = await within(call("hello").then(() => assert.fail("it was answered"), (error) => error), "the end");
  assert.equal(heard, 0);
  return ended;
}

const pairs: Record<string, [Wire, Wire, RegExp]> = {
  "newline() to a client with a length before": [
    muxed({ framing: newline() }),
    muxed(),
    /does the peer use newline\(\)/,
  ],
  "a length before to a client of newline()": [muxed(), muxed({ framing: newline() }), /use lengthPrefix\(\)/],
  "two bytes of length to a client of newline()": [
    muxed({ framing: lengthPrefix({ bytes: 2 }) }),
    muxed({ framing: newline() }),
    /use lengthPrefix\(\)/,
  ],
  "no TLS to a client that wants it": [muxed(), muxed({ tls }), /is TLS on at one end only/],
  "wss: to a client of ws:": [
    (port) => chain(websocket({ hostname, port, tls }), mux(), text()),
    (port) => chain(websocket({ hostname, port }), mux(), text()),
    /TLS alert: is TLS on at one end only/,
  ],
};

for (const [name, [server, client, why]] of Object.entries(pairs)) {
  Deno.test(`a server with ${name} ends the call at once, and says why`, async () => {
    const error = await endOf(server, client);
    assert.match(error.message, why);
    assert.equal(error.processed, "no");
  });
}

Deno.test("the hello of mux() is no reply to a call of pipeline()", async () => {
  const error = await endOf(muxed(), (port) => chain(tcp({ hostname, port }), pipeline(), text()));
  assert.equal(error.code, "connection-lost");
  assert.match(error.message, /a hello of mux\(\); both ends need the same chain/);
});

Deno.test("a call that waited for a connection in vain hears that one is still being opened", async () => {
  const clock = new ManualClock();
  const silent = { dial: () => new Promise<never>(() => {}), listen: () => Promise.reject(new Error("not asked for")) };
  const call = chain(silent as SessionTransport<string, string>, pool({ clock }));
  const ended = assert.rejects(call("hello"), { code: "acquire-timeout", message: /one is still being opened/ });
  await settle();
  clock.advance(5000);
  await ended;
});
