/**
 * serve(): from listening to the end, and restarts that lose no call.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type CallContext,
  chain,
  type ChannelTransport,
  ManualClock,
  type Session,
  type SessionTransport,
  TransportError,
} from "../src/core/mod.ts";
import { serve } from "../src/serve.ts";
import { text } from "../src/session/codec.ts";
import { mux } from "../src/session/mux.ts";
import { memory } from "../src/transport/memory/memory.ts";
import { tcp } from "../src/transport/tcp/tcp.ts";
import { spyOn } from "./core/_spy.ts";
import { isPending, rejection, resolution, settle } from "./session/_settle.ts";

function wireOf(): { clock: ManualClock; wire: SessionTransport<string, string> } {
  const clock = new ManualClock();
  return { clock, wire: chain(memory({ clock, name: "orders" }), mux({ clock }), text()) };
}

/** A handler that answers when it is let. */
function gated(): { handler: (request: string) => Promise<string>; open: () => void } {
  const gate = Promise.withResolvers<void>();
  return { handler: (request) => gate.promise.then(() => request), open: gate.resolve };
}

Deno.test("serve() has a handler answer calls, and shows where and how much", async () => {
  const { wire } = wireOf();
  const server = await serve(wire, (request) => `hello ${request}`);
  const session = await wire.dial();
  assert.equal(await session.call("world"), "hello world");
  assert.deepEqual(server.addr, { transport: "memory", path: "orders" });
  assert.deepEqual({ ...server.calls }, { inFlight: 0, started: 1, failed: 0, refused: 0 });
  assert.equal(server.channels.connectionsOpen, 1);
  await isPending(server.finished);
  await server.shutdown();
  await resolution(server.finished);
});

Deno.test("a handler may be a chain", async () => {
  const { wire } = wireOf();
  const handler = chain(
    (request: string) => request.toUpperCase(),
    (inner) => async (request: string, context?: CallContext) => `${await inner(request, context)}!`,
  );
  await using _server = await serve(wire, handler);
  assert.equal(await (await wire.dial()).call("a"), "A!");
});

Deno.test("await using ends a server in order", async () => {
  const { wire } = wireOf();
  let finished: Promise<void> | undefined;
  {
    await using server = await serve(wire, (request) => request);
    finished = server.finished;
  }
  await resolution(finished);
  await rejection(wire.dial(), "connect-failed");
});

Deno.test("what can't be listened on is an error of serve()", async () => {
  const { wire } = wireOf();
  await using _server = await serve(wire, (request) => request);
  await rejection(serve(wire, (request) => request), "address-in-use");
});

Deno.test("the sessions are told of", async () => {
  const { wire } = wireOf();
  const sessions: Session<string, string>[] = [];
  await using _server = await serve(wire, (request) => request, { onSession: (session) => sessions.push(session) });
  await wire.dial({ handler: (request) => `client ${request}` });
  await settle();
  assert.equal(await sessions[0].call("here?"), "client here?");
});

Deno.test("a signal ends the server in order", async () => {
  const { wire } = wireOf();
  const { handler, open } = gated();
  const controller = new AbortController();
  const server = await serve(wire, handler, { signal: controller.signal });
  const session = await wire.dial();
  const call = session.call("last");
  await settle();
  controller.abort();
  await settle();
  assert.equal(session.state, "draining");
  await isPending(server.finished);
  open();
  assert.equal(await resolution(call), "last");
  await resolution(server.finished);
});

Deno.test("a signal that has aborted before keeps the server from listening", async () => {
  const { wire } = wireOf();
  const reason = new Error("not today");
  await assert.rejects(serve(wire, (request) => request, { signal: AbortSignal.abort(reason) }), reason);
  await rejection(wire.dial(), "connect-failed");
});

Deno.test("the signal is let go of when the server has ended", async () => {
  const { wire } = wireOf();
  const controller = new AbortController();
  const spy = spyOn(controller.signal);
  const server = await serve(wire, (request) => request, { signal: controller.signal });
  assert.equal(spy.hanging, 1);
  await server.shutdown();
  await settle();
  assert.equal(spy.hanging, 0);
});

Deno.test("the grace of the options holds where the shutdown names none", async () => {
  for (
    const [options, shutdown, graceMs] of [[{ graceMs: 700 }, undefined, 700], [
      { graceMs: 700 },
      { graceMs: 50 },
      50,
    ]] as const
  ) {
    const { wire, clock } = wireOf();
    const server = await serve(wire, gated().handler, options);
    const call = (await wire.dial()).call("x");
    call.catch(() => {});
    await settle();
    const ending = server.shutdown(shutdown);
    await clock.advance(graceMs - 1);
    await isPending(ending);
    await clock.advance(1);
    await resolution(ending);
    await rejection(call, "connection-lost");
  }
});

/** A client that dials again by itself when its session takes no more calls. Counts the calls it has lost. */
class Redialling {
  answered = 0;
  redials = 0;
  readonly lost: unknown[] = [];
  #session: Promise<Session<string, string>> | undefined;
  readonly #dial: () => Promise<Session<string, string>>;
  readonly #pause: () => Promise<void>;

  constructor(dial: () => Promise<Session<string, string>>, pause: () => Promise<void>) {
    this.#dial = dial;
    this.#pause = pause;
  }

  /** Makes calls one after the other until `done`. */
  async work(name: string, done: () => boolean): Promise<void> {
    for (let i = 0; !done(); i++) {
      for (;;) {
        const dialling = this.#session ??= this.#dial();
        try {
          const reply = await (await dialling).call(`${name} ${i}`);
          assert.match(reply, new RegExp(`^server \\d+: ${name} ${i}$`));
          this.answered++;
          break;
        } catch (error) {
          // Only what certainly was not worked on may be sent again.
          if (!(error instanceof TransportError) || error.processed !== "no") {
            this.lost.push(error);
            break;
          }
          if (this.#session === dialling) {
            this.#session = undefined;
            this.redials++;
          }
          await this.#pause();
        }
      }
    }
  }

  /** Waits until 50 more calls have been answered. */
  async progress(turn: () => Promise<void>): Promise<void> {
    const enough = this.answered + 50;
    for (let turns = 0; this.answered < enough; turns++) {
      assert.ok(turns < 20_000, `no progress: ${this.answered} answered, ${this.lost.length} lost`);
      await turn();
    }
  }

  async close(): Promise<void> {
    await this.#session?.then((session) => session.close(), () => {});
  }
}

/** Restarts a server five times under the calls of eight workers. */
async function rollingRestart(
  wire: () => ChannelTransport,
  listening: (port: number) => void,
  turn: () => Promise<void>,
  clock?: ManualClock,
): Promise<void> {
  const restarts = 5;
  let generation = 0;
  const start = () => {
    const number = ++generation;
    return serve(chain(wire(), mux({ clock }), text()), async (request) => {
      for (let i = 0; i < request.length % 4; i++) await turn();
      return `server ${number}: ${request}`;
    });
  };
  let server = await start();
  listening(server.addr.port ?? 0);
  let done = false;
  const client = new Redialling(() => chain(wire(), mux({ clock }), text()).dial(), turn);
  const workers = Array.from({ length: 8 }, (_, i) => client.work(`worker ${i}`, () => done));
  let failed = 0;
  for (let i = 0; i < restarts; i++) {
    await client.progress(turn);
    await server.shutdown();
    failed += server.calls.failed + server.calls.inFlight;
    server = await start();
  }
  await client.progress(turn);
  done = true;
  await Promise.all(workers);
  await client.close();
  await server.shutdown();
  assert.deepEqual(client.lost, []);
  assert.equal(failed, 0);
  assert.ok(client.redials >= restarts, `${client.redials} redials`);
}

Deno.test("five restarts under load lose no call, in one process", async () => {
  const clock = new ManualClock();
  const transport = memory({ clock });
  await rollingRestart(() => transport, () => {}, () => settle(3), clock);
});

Deno.test("five restarts under load lose no call, on TCP", async () => {
  let port = 0;
  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
  await rollingRestart(() => tcp({ port }), (chosen) => port = chosen, turn);
});

Deno.test("serve() refuses an option that it does not have and a grace that is no time", async () => {
  const wire = mux()(memory());
  const echo = (request: Uint8Array): Uint8Array => request;
  const misspelt = { grace: 5 } as Record<string, unknown>;
  await assert.rejects(serve(wire, echo, misspelt), { code: "invalid-option", message: /no option "grace"/ });
  await assert.rejects(serve(wire, echo, { graceMs: NaN }), { code: "invalid-option", message: /graceMs is NaN/ });
});

Deno.test("a server that can't end in order when its signal aborts ends no program", async () => {
  const { wire } = wireOf();
  const broken: SessionTransport<string, string> = {
    dial: () => wire.dial(),
    listen: async (handler, options) => {
      const listener = await wire.listen(handler, options);
      const { addr, channels, calls, finished } = listener;
      return {
        addr,
        channels,
        calls,
        finished,
        shutdown: () => listener.shutdown().then(() => Promise.reject(new TransportError("connection-lost", "Lost"))),
      };
    },
  };
  for (const at of ["listening", "work"]) {
    const ending = new AbortController();
    const serving = serve(broken, (request) => request, { signal: ending.signal });
    if (at === "listening") ending.abort();
    const server = await serving;
    ending.abort();
    await server.finished;
    await settle();
  }
});
