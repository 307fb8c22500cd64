/**
 * A resilient client, a server that counts what it does, and a network between
 * them that breaks on command.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type Address,
  callContext,
  chain,
  type ErrorCode,
  http,
  httpCalls,
  idempotent,
  mux,
  resilient,
  type ResilientClient,
  type ResilientOptions,
  serve,
  type Server,
  type SessionTransport,
  tcp,
  text,
  TransportError,
  websocket,
} from "../../mod.ts";
import { turn, until, within } from "../support/channels.ts";
import { type FaultProxy, faultProxy } from "../support/fault_proxy.ts";

/** The transports that are broken. */
export const transports: Record<string, (address?: Address) => SessionTransport<string, string>> = {
  TCP: (address) => chain(tcp({ port: address?.port ?? 0 }), mux(), text()),
  WebSocket: (address) => chain(websocket({ port: address?.port ?? 0 }), mux(), text()),
  HTTP: (address) => chain(http({ port: address?.port ?? 0 }), httpCalls(), text()),
};

/** How a call may end where the network is broken, and not the program. */
const ends = new Set<ErrorCode>([
  "connect-failed",
  "connect-timeout",
  "acquire-timeout",
  "connection-lost",
  "deadline-exceeded",
  "circuit-open",
  "overloaded",
  "draining",
  "protocol",
  "invalid-request",
  "invalid-reply",
  "message-too-large",
  "version-mismatch",
]);

/** One call that was made. */
interface Made {
  readonly repeatable: boolean;
  settled: number;
  reply: string | undefined;
  error: unknown;
}

/** Long enough to be cut in two. */
const padding = "x".repeat(500);

/** See the module. */
export class FaultWorld {
  readonly client: ResilientClient<string, string>;
  readonly proxy: FaultProxy;
  readonly server: Server;
  readonly #made: Made[] = [];
  readonly #executions: number[];
  #over = false;

  private constructor(
    server: Server,
    proxy: FaultProxy,
    client: ResilientClient<string, string>,
    executions: number[],
  ) {
    this.server = server;
    this.proxy = proxy;
    this.client = client;
    this.#executions = executions;
  }

  /** Runs a test in a world of its own, ends it, and checks what must hold whatever has happened. */
  static async run(
    name: string,
    test: (world: FaultWorld) => Promise<void>,
    options: ResilientOptions<string, string>,
  ): Promise<void> {
    const at = transports[name];
    const executions: number[] = [];
    const handler = (request: string): string => {
      const id = Number(request.slice(0, request.indexOf(" ")));
      executions[id] = (executions[id] ?? 0) + 1;
      return request;
    };
    const server = await serve(at(), handler, { graceMs: 1000 });
    const proxy = await faultProxy({ upstreamPort: server.addr.port! });
    const client = resilient(at({ ...server.addr, port: proxy.port }), options);
    const world = new FaultWorld(server, proxy, client, executions);
    try {
      await within(test(world), "the end of the test");
    } finally {
      world.#over = true;
      proxy.resume();
      await proxy[Symbol.asyncDispose]();
      await within(client.close(), "the end of the client");
      await within(server.shutdown(), "the end of the server");
    }
    world.#check();
  }

  /** How many calls were answered. */
  get answered(): number {
    return this.#made.filter(({ reply }) => reply !== undefined).length;
  }

  /** How many calls have failed. */
  get failed(): number {
    return this.#made.filter(({ error }) => error !== undefined).length;
  }

  /** How many calls were sent again. */
  get executions(): number {
    return this.#executions.reduce((sum, times) => sum + times, 0);
  }

  /** The codes of the errors so far. */
  get codes(): Set<unknown> {
    return new Set(this.#made.flatMap(({ error }) => error instanceof TransportError ? [error.code] : []));
  }

  /** Makes a call; resolves when it is over, however it ended. Every other one may be made more than once. */
  async call(repeatable = this.#made.length % 2 === 0): Promise<Made> {
    if (this.#over) throw new Error("Cannot call: the test is over");
    const id = this.#made.length;
    const made: Made = { repeatable, settled: 0, reply: undefined, error: undefined };
    this.#made.push(made);
    const request = `${id} ${padding}`;
    await this.client(request, repeatable ? callContext().set(idempotent, true) : callContext()).then((reply) => {
      made.settled++;
      made.reply = reply;
      assert.equal(reply, request, `the reply of call ${id}`);
    }, (error) => {
      made.settled++;
      made.error = error;
    });
    return made;
  }

  /** Makes so many calls, some of them at once; `onStart` is told which one begins. */
  async calls(count: number, atOnce = 8, onStart: (index: number) => void = () => {}): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) {
        onStart(next++);
        await this.call();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
  }

  /** Calls until one is answered. */
  async recovers(): Promise<void> {
    while ((await this.call(true)).reply === undefined) await turn();
  }

  /** Calls until the breaker is in this state. */
  async becomes(state: "open" | "closed"): Promise<void> {
    while (this.client.stats().breaker !== state) {
      // Those that are refused at once are not to be made as fast as the machine can.
      if (this.client.stats().breaker !== "closed") await turn();
      await this.calls(4, 4);
    }
  }

  /** Waits until no call is on a connection, and none waits. */
  async idle(): Promise<void> {
    await until(() => {
      const { active, waiting } = this.client.stats().pool;
      return active === 0 && waiting === 0;
    }, "an idle pool");
  }

  #check(): void {
    for (const [id, { settled, repeatable, error }] of this.#made.entries()) {
      const times = this.#executions[id] ?? 0;
      assert.equal(settled, 1, `call ${id} is settled exactly once`);
      assert.ok(times <= (repeatable ? 3 : 1), `call ${id} was worked on ${times} times; repeatable: ${repeatable}`);
      if (error === undefined) {
        assert.ok(times >= 1, `call ${id} was answered by the server`);
        continue;
      }
      if (!(error instanceof TransportError)) throw error;
      if (!ends.has(error.code)) throw error;
      if (error.processed === "no") assert.equal(times, 0, `call ${id} was not worked on, as it says: ${error.code}`);
    }
    assert.equal(this.client.stats().pool.total, 0, "no connection is left");
  }
}
