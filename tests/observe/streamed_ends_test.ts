/**
 * Calls whose bodies and streams go on after their heads, as health(),
 * objectives() and callMeter() judge them: at their end.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  callMeter,
  chain,
  health,
  http,
  ManualClock,
  objectives,
  pool,
  serve,
  type Service,
  Streamed,
  TransportError,
} from "../../mod.ts";

/** A response whose body the test writes. */
function written(): { response: Response; body: ReadableStreamDefaultController<Uint8Array> } {
  let body!: ReadableStreamDefaultController<Uint8Array>;
  const stream = new ReadableStream<Uint8Array>({ start: (controller) => void (body = controller) });
  return { response: new Response(stream), body };
}

function watchers(options: { streams?: boolean } = {}) {
  const clock = new ManualClock();
  const watched = health({ clock, silentAfterMs: 30_000, ...options });
  const promised = objectives({ targets: { p95Ms: 100, errorRate: 0.1 }, clock, ...options });
  const around = <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> =>
    chain(inner, watched.watch("far"), promised.watch);
  const orders = () => watched.snapshot().endpoints[0];
  const close = (): void => {
    watched.close();
    promised.close();
  };
  return { clock, watched, promised, around, orders, close };
}

const request = new Request("http://localhost/");
const within = (value: number | undefined, wanted: number): void =>
  assert.ok(value !== undefined && Math.abs(value - wanted) <= wanted / 50, `${value} is not ${wanted}`);

Deno.test("a response counts when its body has ended, with the time that took", async () => {
  const { clock, around, orders, promised, close } = watchers();
  const { response, body } = written();
  const reply = await around((_: Request) => Promise.resolve(response))(request);
  const reading = reply.text();
  await clock.advance(400);
  assert.deepEqual([orders().inFlight, orders().calls, promised.calls().calls], [1, 0, 0]);
  body.enqueue(new TextEncoder().encode("hello"));
  body.close();
  assert.equal(await reading, "hello");
  assert.deepEqual([orders().inFlight, orders().calls, orders().failures], [0, 1, 0]);
  within(orders().p99Ms, 400);
  within(promised.calls().latency.percentile(0.99), 400);
  close();
});

Deno.test("a body that is cut off is a failure and an error", async () => {
  const { around, orders, promised, close } = watchers();
  const { response, body } = written();
  const reply = await around((_: Request) => Promise.resolve(response))(request);
  body.error(new TransportError("connection-lost", "Connection lost: cut"));
  await assert.rejects(reply.text(), { code: "connection-lost" });
  assert.deepEqual([orders().inFlight, orders().calls, orders().failures], [0, 1, 1]);
  const { calls, errors } = promised.calls();
  assert.deepEqual([calls, errors], [1, 1]);
  close();
});

Deno.test("a body that its reader leaves was answered", async () => {
  const { around, orders, promised, close } = watchers();
  const { response } = written();
  const reply = await around((_: Request) => Promise.resolve(response))(request);
  await reply.body!.cancel();
  assert.deepEqual([orders().calls, orders().failures, promised.calls().errors], [1, 0, 0]);
  close();
});

Deno.test("a stream that says nothing for long is no peer that is dead, for its head came", async () => {
  const { clock, watched, around, close } = watchers();
  const { response } = written();
  const reply = await around((_: Request) => Promise.resolve(response))(request);
  await clock.advance(120_000);
  const peer = watched.snapshot().checks.find(({ name }) => name === "peer");
  assert.notEqual(peer?.state, "unhealthy");
  void around(() => new Promise<string>(() => {}))("never answered");
  await clock.advance(29_000);
  assert.equal(watched.isHealthy("far"), true);
  await clock.advance(2000);
  assert.equal(watched.isHealthy("far"), false);
  await reply.body!.cancel();
  close();
});

Deno.test("calls that run out of time are no sign of life of a peer that answers none", async () => {
  const clock = new ManualClock();
  using watched = health({ clock, silentAfterMs: 30_000, failuresInRow: 1000, minCalls: 1000 });
  const late = new TransportError("deadline-exceeded", "Call ended: its deadline has passed", { processed: "maybe" });
  const call = watched.watch("far")((_: string) =>
    new Promise<string>((_, reject) => clock.schedule(() => reject(late), 20_000))
  );
  for (let second = 0; second < 45; second++) {
    call("again").catch(() => {});
    await clock.advance(1000);
  }
  assert.equal(watched.isHealthy("far"), false);
});

Deno.test("a streamed reply counts when its stream has ended, and the promise is the inner one's", async () => {
  const { clock, watched, promised, orders, close } = watchers();
  const source = Promise.withResolvers<void>();
  async function* items(): AsyncGenerator<number> {
    yield 1;
    await source.promise;
    yield 2;
  }
  const inner = Promise.resolve(new Streamed("head", items()));
  const call = promised.watch(watched.watch("far")((_: string) => inner))("go");
  assert.equal(call, inner);
  const seen: number[] = [];
  const reading = (async () => {
    for await (const item of await call) seen.push(item);
  })();
  await clock.advance(250);
  assert.deepEqual([orders().inFlight, promised.calls().calls], [1, 0]);
  source.resolve();
  await reading;
  assert.deepEqual(seen, [1, 2]);
  assert.equal(orders().inFlight, 0);
  within(orders().p99Ms, 250);
  within(promised.calls().latency.percentile(0.99), 250);
  close();
});

Deno.test("with streams: false a call ends with its head, and the response is handed on as it is", async () => {
  const { clock, around, orders, close } = watchers({ streams: false });
  const { response } = written();
  const reply = await around((_: Request) => Promise.resolve(response))(request);
  assert.equal(reply, response);
  await clock.advance(500);
  assert.deepEqual([orders().inFlight, orders().calls], [0, 1]);
  assert.ok((orders().p99Ms ?? 1) < 1);
  await reply.body!.cancel();
  close();
});

Deno.test("a meter counts to the head, or with streams: true to the end", async () => {
  for (const [streams, inFlight] of [[undefined, 0], [true, 1]] as const) {
    const meter = callMeter({ clock: new ManualClock(), ...(streams === undefined ? {} : { streams }) });
    const { response, body } = written();
    const reply = await meter((_: Request) => Promise.resolve(response))(request);
    assert.equal(meter.stats().inFlight, inFlight);
    body.close();
    await reply.text();
    assert.deepEqual([meter.stats().inFlight, meter.stats().outcomes.success], [0, 1]);
  }
});

Deno.test("over real sockets, at both ends, a call is in flight until its body has arrived", async () => {
  const end = Promise.withResolvers<void>();
  const [near, far] = [watchers(), watchers()];
  const handler = far.around((_: Request) =>
    Promise.resolve(
      new Response(
        new ReadableStream<Uint8Array>({
          async start(controller) {
            controller.enqueue(new Uint8Array(10));
            await end.promise;
            controller.close();
          },
        }),
      ),
    )
  );
  await using server = await serve(http({ port: 0 }), handler);
  const origin = `http://127.0.0.1:${server.addr.port}`;
  await using connections = chain(http({ origin }), pool({ max: 1 }));
  const reply = await near.around(connections)(new Request(origin));
  assert.deepEqual([near.orders().inFlight, far.orders().inFlight], [1, 1]);
  end.resolve();
  assert.equal((await reply.bytes()).length, 10);
  assert.deepEqual([near.orders().inFlight, near.orders().calls], [0, 1]);
  assert.deepEqual([far.orders().inFlight, far.orders().calls], [0, 1]);
  near.close();
  far.close();
});
