/**
 * The two ends of a transport of calls, and what may stand between them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type Address,
  type ChannelTransport,
  type Handler,
  type ManualClock,
  pool,
  type PooledClient,
  reconnect,
  type ReconnectOptions,
  serve,
  type Server,
  type Session,
  type SessionDialOptions,
  type SessionTransport,
  TransportError,
} from "../../mod.ts";
import { turn, until, within } from "../support/channels.ts";
import { type Cut, type FaultProxy, faultProxy } from "../support/fault_proxy.ts";
import type { Capabilities, SessionLimits, TestedSessions } from "./session_suite.ts";
import { wide } from "./_session_wide.ts";

/** Bytes. */
export type Bytes = Uint8Array;

/** Answers with the request. */
export const echo: Handler<Bytes, Bytes> = (request) => request;

/** See the module. Ends all that was begun in it. */
export class World {
  /** What the protocol can do. */
  readonly can: Capabilities;
  /** What deadlines are measured on, where the test moves it. */
  readonly clock: ManualClock | undefined;
  readonly #tested: TestedSessions;
  readonly #maxInFlight: number;
  readonly #ends: (() => Promise<unknown>)[] = [];
  readonly #accepted = new Set<Session<Bytes, Bytes>>();
  #address: Address | undefined;
  #door: FaultProxy | undefined;

  constructor(tested: TestedSessions, can: Capabilities, { clock, maxInFlight }: SessionLimits) {
    this.#tested = tested;
    this.#maxInFlight = maxInFlight;
    this.can = can;
    this.clock = clock;
  }

  /** Where the server is, or the proxy in front of it. */
  get transport(): SessionTransport<Bytes, Bytes> {
    assert.ok(this.#address !== undefined, "nothing is served yet");
    return this.#tested.at(this.#door === undefined ? this.#address : { ...this.#address, port: this.#door.port });
  }

  /** Serves: at first where the transport likes, from then on at the same place. */
  async serve(handler: Handler<Bytes, Bytes>, graceMs = 1000): Promise<Server> {
    const server = await serve(this.#tested.at(this.#address), handler, {
      graceMs,
      onSession: (session) => {
        this.#accepted.add(session);
        void session.finished.then(() => this.#accepted.delete(session));
      },
    });
    this.#address = server.addr;
    this.#ends.push(() => server.shutdown());
    return server;
  }

  /** Serves again at the place of a server that is ending, as soon as it is free. */
  async replace(handler: Handler<Bytes, Bytes>, graceMs?: number): Promise<Server> {
    for (;;) {
      try {
        return await this.serve(handler, graceMs);
      } catch (error) {
        if (!(error instanceof TransportError) || error.code !== "address-in-use") throw error;
        await turn();
      }
    }
  }

  /** The channels below, to the server. */
  get channels(): ChannelTransport | undefined {
    return this.#tested.channels?.(this.#address!);
  }

  /** Puts a proxy in front of the server, where there is a port. */
  async proxy(): Promise<FaultProxy> {
    const proxy = await faultProxy({ upstreamPort: this.#address!.port! });
    this.#door = proxy;
    this.#ends.push(async () => await proxy[Symbol.asyncDispose]());
    return proxy;
  }

  /** Breaks all connections: by the proxy, or where there is no port to put one, by the server. */
  cut(how: Cut): void {
    if (this.#door !== undefined) return this.#door.cutAll(how);
    for (const session of this.#accepted) session.abort(new TransportError("connection-lost", "The test cut it"));
  }

  /** One session. */
  async dial(options?: SessionDialOptions<Bytes, Bytes>): Promise<Session<Bytes, Bytes>> {
    const transport = this.can.concurrent ? this.transport : wide(this.transport, this.#maxInFlight);
    const session = await within(transport.dial(options), "a connection");
    this.#ends.push(() => session.close());
    return session;
  }

  /** A client that connects again. */
  client(options: ReconnectOptions<Bytes, Bytes> = {}): PooledClient<Bytes, Bytes> {
    const client = this.can.concurrent
      ? reconnect<Bytes, Bytes>({ initialBackoffMs: 10, ...options })(this.transport)
      : pool<Bytes, Bytes>({ initialBackoffMs: 10, callsPerConnection: 1, ...options })(this.transport);
    this.#ends.push(() => client.close());
    return client;
  }

  /** Ends something else with the rest. */
  defer(end: () => Promise<unknown>): void {
    this.#ends.push(end);
  }

  /** Ends everything, the last begun first. */
  async end(): Promise<void> {
    try {
      for (const end of this.#ends.reverse()) await within(end(), "the end of all that was begun");
    } finally {
      await this.#tested.cleanup?.();
    }
  }
}

/** Waits until a server has nothing to do any more. */
export async function quiet(server: Server): Promise<void> {
  await until(() => server.calls.inFlight === 0, "a server with no calls in flight");
}

/** A handler that answers when the test lets it, and what it was called with. */
export class Gate {
  /** How many calls have come in. */
  entered = 0;
  /** How many of them were cancelled. */
  cancelled = 0;
  #open = Promise.withResolvers<void>();

  /** Answers with the request, once the gate is open. */
  readonly handler: Handler<Bytes, Bytes> = async (request, context) => {
    this.entered++;
    context.signal.addEventListener("abort", () => this.cancelled++, { once: true });
    await this.#open.promise;
    return request;
  };

  /** Lets all calls go on. */
  open(): void {
    this.#open.resolve();
  }

  /** Waits until so many calls have come in. */
  reached(calls: number): Promise<void> {
    return until(() => this.entered >= calls, `${calls} calls in the handler`);
  }
}
