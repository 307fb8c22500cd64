/**
 * Settings of transports, of sessions and of what keeps connections, changed
 * while calls go through them: no connection is dropped and no call is lost.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adjustablesOf,
  type AdjustableStage,
  cache,
  chain,
  circuitBreakers,
  describe,
  http,
  type HttpOptions,
  ManualClock,
  memory,
  mux,
  reconnect,
  serve,
  tcp,
  text,
  TransportError,
} from "../../mod.ts";
import { until } from "../support/channels.ts";

function stage(part: object, name: string): AdjustableStage {
  const found = adjustablesOf(part).filter((one) => one.name === name);
  assert.equal(found.length, 1, `stages called ${name}`);
  return found[0];
}

Deno.test("what can't be changed is refused as such, and a wrong value changes nothing", () => {
  const parts: [object, string, wrong: [string, number], fixed: [string, number]][] = [
    [tcp({ port: 9 }), "tcp", ["maxBufferedBytes", 5], ["backlog", 5]],
    [http({ port: 9 }), "http", ["headTimeoutMs", 0], ["maxHeadBytes", 4096]],
    [mux(), "mux", ["maxInFlight", 0], ["windowBytes", 4096]],
    [reconnect(), "reconnect", ["maxBackoffMs", -1], ["nothing", 1]],
    [circuitBreakers({ key: () => "" }), "circuitBreakers", ["openMs", 400_000], ["nothing", 1]],
  ];
  for (const [part, name, [setting, value], [fixed, to]] of parts) {
    const one = stage(part, name);
    const before = one.settings();
    assert.throws(() => one.adjust(setting, value), { code: "invalid-option" }, name);
    const code = fixed === "nothing" ? "invalid-option" : "unsupported";
    assert.throws(() => one.adjust(fixed, to), { code }, `${name}.${fixed}`);
    assert.deepEqual(one.settings(), before);
  }
});

Deno.test("the buffers of tcp() are changed under a connection, and it goes by them from its next message on", async () => {
  const paused = Promise.withResolvers<void>();
  const far = await tcp({ port: 0 }).listen((channel) =>
    channel.receive({ message: () => paused.promise, end: () => void channel.close(), closed: () => {} })
  );
  const near = tcp({ port: far.addr.port!, highWaterBytes: 16 * 1024 * 1024 });
  const channel = await near.dial();
  channel.receive({ message: () => {}, end: () => {}, closed: () => {} });
  const piece = new Uint8Array(64 * 1024);
  // The system's own buffers are full when bytes begin to wait here.
  await until(() => {
    for (let i = 0; i < 64; i++) void channel.send(piece);
    return channel.bufferedBytes > 4 * piece.length;
  }, "nothing waits");
  assert.equal(channel.send(piece), undefined);
  const buffers = stage(near, "tcp");
  buffers.adjust("highWaterBytes", 1024);
  const room = channel.send(piece);
  assert.ok(room instanceof Promise);
  buffers.adjust("maxBufferedBytes", 2048);
  assert.throws(() => channel.send(piece), { code: "overloaded" });
  assert.match(describe(near), /highWaterBytes: 1024, maxBufferedBytes: 2048/);
  assert.equal(channel.bufferedBytes > 2048, true);
  paused.resolve();
  await room;
  await channel.close();
  await far.close();
});

Deno.test("a listener takes as many connections as it is told to by then", async () => {
  const transport = tcp({ port: 0, maxConnections: 1 });
  const listener = await transport.listen((channel) =>
    channel.receive({ message: () => {}, end: () => void channel.close(), closed: () => {} })
  );
  const port = listener.addr.port!;
  const first = await tcp({ port }).dial();
  await until(() => listener.counters.connectionsOpen === 1, "the first is not there");
  const second = await tcp({ port }).dial();
  await until(() => listener.counters.connectionsRefused === 1, "the second was not refused");
  stage(transport, "tcp").adjust("maxConnections", 2);
  const third = await tcp({ port }).dial();
  await until(() => listener.counters.connectionsOpen === 2, "the third is not there");
  for (const channel of [first, second, third]) channel.abort(new TransportError("closed", "Connection closed: test"));
  await until(() => listener.counters.connectionsOpen === 0, "connections are left");
  await listener.close();
});

Deno.test("calls in flight through mux() are limited anew at once, and those there are go on", async () => {
  const held = Promise.withResolvers<void>();
  const wire = memory();
  await using _server = await serve(chain(wire, mux(), text()), async (request) => {
    await held.promise;
    return request;
  });
  const near = chain(wire, mux({ maxInFlight: 2 }), text());
  const session = await near.dial();
  const calls = ["a", "b"].map((request) => session.call(request));
  await assert.rejects(session.call("c"), { code: "too-many-calls" });
  const limits = stage(near, "mux");
  limits.adjust("maxInFlight", 3);
  assert.equal(session.capacity, 3);
  calls.push(session.call("c"));
  limits.adjust("maxInFlight", 1);
  assert.equal(session.capacity, 1);
  await assert.rejects(session.call("d"), { code: "too-many-calls" });
  held.resolve();
  assert.deepEqual(await Promise.all(calls), ["a", "b", "c"]);
  assert.equal(await session.call("e"), "e");
  await session.close();
});

Deno.test("the answering end of mux() takes what a connection was promised, and its next connections what holds by then", async () => {
  const held = Promise.withResolvers<void>();
  const wire = memory();
  const far = chain(wire, mux({ maxInFlight: 4 }), text());
  await using _server = await serve(far, async (request) => {
    await held.promise;
    return request;
  });
  const near = chain(wire, mux(), text());
  const before = await near.dial();
  stage(far, "mux").adjust("maxInFlight", 1);
  const calls = ["a", "b", "c", "d"].map((request) => before.call(request));
  const after = await near.dial();
  assert.deepEqual([before.capacity, after.capacity], [4, 1]);
  held.resolve();
  assert.deepEqual(await Promise.all(calls), ["a", "b", "c", "d"]);
  assert.equal(await after.call("e"), "e");
  await Promise.all([before.close(), after.close()]);
});

Deno.test("reconnect() backs off by what it is told while it is without a connection", async () => {
  const clock = new ManualClock();
  const dials: number[] = [];
  const wire = {
    dial: () => {
      dials.push(clock.now());
      return Promise.reject(new TransportError("connect-failed", "Cannot connect: nobody is there"));
    },
    listen: () => Promise.reject(new Error("not here")),
  };
  const call = chain(
    wire as never as ReturnType<ReturnType<typeof mux>>,
    reconnect({
      initialBackoffMs: 1000,
      maxBackoffMs: 1000,
      clock,
      random: () => 1,
      acquireTimeoutMs: 1_000_000,
      waitForReady: true,
    }),
  );
  const waiting = call(new Uint8Array(1)).catch(({ code }) => code);
  for (let i = 0; i < 40; i++) await clock.advance(100);
  const slow = dials.length;
  assert.ok(slow >= 4 && slow <= 6, `${slow} attempts in 4 s`);
  stage(call, "reconnect").adjust("initialBackoffMs", 100);
  stage(call, "reconnect").adjust("maxBackoffMs", 100);
  for (let i = 0; i < 40; i++) await clock.advance(100);
  const fast = dials.length - slow;
  assert.ok(fast >= 25, `${fast} attempts in another 4 s`);
  await call.close();
  assert.equal(await waiting, "closed");
});

Deno.test("the timeouts of http() hold for the next request on a connection that is open", async () => {
  const clock = new ManualClock();
  const never = Promise.withResolvers<Response>();
  const asked: string[] = [];
  await using server = await serve(http({ port: 0 }), (request) => {
    asked.push(new URL(request.url).pathname);
    return request.url.endsWith("/never") ? never.promise : new Response("hello");
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const options: HttpOptions = { origin, clock, client: "sockets" };
  const wire = http(options);
  const session = await wire.dial();
  await (await session.call(new Request(`${origin}/`))).text();
  stage(wire, "http").adjust("headTimeoutMs", 50);
  const call = session.call(new Request(`${origin}/never`));
  const failed = assert.rejects(call, /no response|within 50 ms|50 ms/);
  await until(() => asked.length === 2, "the request has not arrived");
  await clock.advance(60);
  await failed;
  never.resolve(new Response("late"));
  await session.close();
});

Deno.test("circuitBreakers() changes the breakers that there are, and those to come", async () => {
  const clock = new ManualClock();
  const breakers = circuitBreakers({ key: (request) => String(request), failures: 100, clock, random: () => 0 });
  const call = chain((_: string): string => {
    throw new TransportError("connection-lost", "Connection lost: gone");
  }, breakers);
  const fails = async (key: string, times: number): Promise<string> => {
    for (let i = 0; i < times; i++) await call(key).catch(() => {});
    return breakers.get(key).state;
  };
  assert.equal(await fails("old", 2), "closed");
  stage(call, "circuitBreakers").adjust("failures", 3);
  stage(call, "circuitBreakers").adjust("openMs", 5000);
  assert.equal(await fails("old", 1), "open");
  assert.equal(await fails("new", 3), "open");
  await assert.rejects(call("new"), /Call refused by circuitBreakers new: it is open/);
  await clock.advance(5000);
  assert.equal(breakers.get("old").state, "half-open");
});

Deno.test("cache() gives the lifetime that holds by then to what it keeps from now on", async () => {
  const clock = new ManualClock();
  let made = 0;
  const call = chain((request: string) => `${request} ${++made}`, cache<string, string>({ ttlMs: 1000, clock }));
  assert.equal(await call("a"), "a 1");
  stage(call, "cache").adjust("ttlMs", 5000);
  assert.equal(await call("b"), "b 2");
  await clock.advance(2000);
  assert.equal(await call("a"), "a 3");
  assert.equal(await call("b"), "b 2");
  stage(call, "cache").adjust("staleWhileRevalidateMs", 60_000);
  await call("c");
  await clock.advance(6000);
  assert.equal(await call("c"), "c 4");
  const said = cache<string, string>({ ttlMs: () => 1000 });
  assert.throws(() => stage(said, "cache").adjust("ttlMs", 5), { code: "invalid-option" });
});
