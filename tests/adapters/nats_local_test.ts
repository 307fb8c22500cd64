/**
 * nats() by the broker in this process: heartbeats, queue groups, limits.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  background,
  callContext,
  chain,
  describe,
  ManualClock,
  serve,
  Streamed,
  text,
  TransportError,
} from "../../mod.ts";
import { nats } from "../../adapters/nats.ts";
import { failure, Watched } from "../support/calls.ts";
import { until } from "../support/channels.ts";

Deno.test("nats() takes a call for lost when nobody says that he works on it, and keeps one that lasts", async () => {
  const clock = new ManualClock();
  const wire = chain(nats({ subject: "silent", heartbeatMs: 100, clock }), text());
  const gates = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const server = await serve(wire, (request) => gates[Number(request)].promise);
  const session = await wire.dial();
  const kept = new Watched(session.call("0"));
  await until(() => server.calls.inFlight === 1, "the call");
  for (let i = 0; i < 20; i++) await clock.advance(100);
  assert.equal(kept.settled, 0);
  // A server that takes a call and dies: the queue group has somebody, but nobody works on it.
  const dead = nats({ subject: "dead", heartbeatMs: 100, clock });
  const deaf = await serve(
    chain(nats({ subject: "dead", heartbeatMs: Infinity, clock }), text()),
    () => gates[1].promise,
  );
  const other = await chain(dead, text()).dial();
  const lost = failure(other.call("1"), "connection-lost", "maybe");
  await until(() => deaf.calls.inFlight === 1, "the other call");
  await clock.advance(300);
  assert.equal(other.load, 1);
  await clock.advance(100);
  await lost;
  assert.equal(other.load, 0);
  for (const { resolve } of gates) resolve("done");
  await until(() => kept.reply === "done", "the reply");
  for (const one of [session, other]) await one.close();
  for (const one of [server, deaf]) await one.shutdown();
  assert.equal(clock.pending, 0);
});

Deno.test("nats() tells servers at once of a caller that goes, and of nobody else's calls", async () => {
  const wire = nats({ subject: "leaving", heartbeatMs: Infinity });
  const gate = Promise.withResolvers<Uint8Array>();
  const cancelled: number[] = [];
  const server = await serve(wire, (request, context) => {
    context.signal.addEventListener("abort", () => cancelled.push(request[0]));
    return gate.promise;
  });
  const [stays, goes] = [await wire.dial(), await wire.dial()];
  const kept = stays.call(new Uint8Array([1]));
  const lost = [2, 3].map((n) => failure(goes.call(new Uint8Array([n])), "connection-lost", "maybe"));
  await until(() => server.calls.inFlight === 3, "three calls");
  goes.abort(new TransportError("cancelled", "The test has enough"));
  await Promise.all(lost);
  await until(() => cancelled.length === 2, "two cancelled handlers");
  assert.deepEqual(cancelled, [2, 3]);
  gate.resolve(new Uint8Array(9));
  assert.equal((await kept).length, 9);
  await stays.close();
  await server.shutdown();
});

Deno.test("nats() shares calls within each queue group, and gives each group its own", async () => {
  const seen: string[] = [];
  const servers = await Promise.all(
    ["a", "a", "b"].map((queue) =>
      serve(nats({ subject: "groups", queue }), (request) => {
        seen.push(queue);
        return request;
      })
    ),
  );
  const session = await nats({ subject: "groups" }).dial();
  for (let i = 0; i < 4; i++) void session.send(new Uint8Array(1));
  await until(() => seen.length === 8, "all sends");
  assert.equal(seen.filter((queue) => queue === "b").length, 4);
  assert.deepEqual(servers.map(({ calls }) => calls.started), [2, 2, 4]);
  await session.close();
  for (const server of servers) await server.shutdown();
});

Deno.test("nats() refuses what cannot be sent, and sends nothing", async () => {
  const wire = nats({ subject: "limits", maxQueuedBytes: 100 });
  const server = await serve(wire, (request) => request);
  const session = await wire.dial();
  const context = callContext({ metadata: { "wireway-kind": "gone" } });
  await failure(session.call(new Uint8Array(1), context), "invalid-request", "no");
  const large = session.call(new Uint8Array(101));
  await failure(session.call(new Uint8Array(1)), "overloaded", "no");
  await large;
  await failure(session.call(new Uint8Array(1024 * 1024 + 1), background), "message-too-large", "no");
  assert.deepEqual([server.calls.started, session.load], [1, 0]);
  await session.close();
  await server.shutdown();
});

Deno.test("nats() refuses calls over the limit of a server, however many callers there are, and serves the next", async () => {
  const gate = Promise.withResolvers<Uint8Array>();
  const server = await serve(nats({ subject: "busy", maxInFlight: 2, maxMessageBytes: 10 }), () => gate.promise);
  const sessions = await Promise.all([1, 2, 3].map(() => nats({ subject: "busy" }).dial()));
  const calls = sessions.slice(0, 2).map((session) => session.call(new Uint8Array(1)));
  await until(() => server.calls.inFlight === 2, "two calls");
  await failure(sessions[2].call(new Uint8Array(1)), "too-many-calls", "no");
  gate.resolve(new Uint8Array(3));
  for (const reply of await Promise.all(calls)) assert.equal(reply.length, 3);
  assert.equal((await sessions[2].call(new Uint8Array(1))).length, 3);
  await failure(sessions[2].call(new Uint8Array(11)), "message-too-large", "no");
  assert.deepEqual([server.calls.started, server.calls.refused], [3, 2]);
  assert.deepEqual([server.channels.messagesIn, server.channels.messagesOut], [5, 5]);
  for (const session of sessions) await session.close();
  await server.shutdown();
});

Deno.test("nats() refuses options that are not allowed, naming them, and shows those that hold", () => {
  for (const subject of ["", "a b", "a.*", ">", ".a", "a..b", 7, undefined]) {
    assert.throws(() => nats({ subject: subject as string }), { code: "invalid-option", message: /option subject is/ });
  }
  assert.throws(() => nats({ subject: "a", servers: 7 as unknown as string }), /option servers is 7/);
  assert.throws(() => nats({ subject: "a", queue: "b c" }), /option queue is "b c"/);
  assert.throws(() => nats({ subject: "a", maxInFlight: 0 }), /option maxInFlight is 0/);
  const shown = describe(nats({ subject: "a", servers: "nats://user:pass@host:4222" }));
  assert.match(shown, /^nats\(\{ servers: .*subject: "a", queue: "wireway", maxInFlight: 1000, heartbeatMs: 2000 }\)$/);
  assert.equal(shown.includes("pass"), false);
});

Deno.test("nats() refuses a stream that gets past the types, as a request and as a reply, and cancels it", async () => {
  const ended: string[] = [];
  const stream = (name: string): Uint8Array => {
    const items = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("Nobody may read it")) }) };
    const streamed = new Streamed(new Uint8Array(1), items as AsyncIterable<Uint8Array>);
    streamed.whenEnded(() => ended.push(name));
    return streamed as unknown as Uint8Array;
  };
  const wire = nats({ subject: "streams" });
  const server = await serve(wire, () => stream("the reply"));
  const session = await wire.dial();
  await failure(session.call(stream("a call")), "unsupported", "no");
  assert.throws(() => session.send(stream("a send")), { code: "unsupported", processed: "no" });
  assert.equal(server.calls.started, 0);
  await failure(session.call(new Uint8Array(1)), "unsupported", "yes");
  assert.deepEqual(ended, ["a call", "a send", "the reply"]);
  await session.close();
  await server.shutdown();
});
