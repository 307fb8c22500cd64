/**
 * A connection to a NATS server.
 *
 * @module
 */

import {
  connect,
  createInbox,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type NodeConnectionOptions,
} from "@nats-io/transport-node";
import { type Address, systemClock, TransportError } from "../../mod.ts";
import { textOf } from "../../src/core/thrown.ts";
import { attemptsEnded, reconnectDelayMs } from "./reconnecting.ts";
import type { BrokerLink, BrokerSink, BrokerSubscription, LinkOwner } from "./broker_link.ts";

/** How a connection is made. */
export interface ServerLinkSettings {
  readonly servers: readonly string[];
  readonly connection: NodeConnectionOptions;
  readonly connectTimeoutMs: number;
  readonly maxQueuedBytes: number;
}

const notConnected = "Cannot publish: the connection to NATS is lost, and not made again yet";

/** How long a connection that is closed waits for the broker to take what was published, in milliseconds. */
const flushMs = 1000;

/** From how many bytes on that the broker has not taken a sender is asked to wait. */
const highWaterBytes = 1024 * 1024;

/**
 * Connects. `lasting` connections are made again after a loss, for as long as
 * it takes; others end with it.
 */
export async function dialServer(
  settings: ServerLinkSettings,
  lasting: boolean,
  signal?: AbortSignal,
): Promise<ServerLink> {
  signal?.throwIfAborted();
  const options: NodeConnectionOptions = {
    ...settings.connection,
    servers: [...settings.servers],
    timeout: settings.connectTimeoutMs,
    reconnect: lasting,
    maxReconnectAttempts: lasting ? -1 : 0,
    reconnectDelayHandler: reconnectDelayMs,
  };
  let connection: NatsConnection;
  const connecting = connect(options);
  try {
    connection = await (signal === undefined ? connecting : unlessAborted(connecting, signal));
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const why = `Cannot connect to NATS at ${settings.servers.join(", ")}: ${textOf(error)}`;
    throw new TransportError("connect-failed", why, { cause: error });
  }
  if (connection.info?.headers !== true) {
    await connection.close();
    const why = `Cannot use NATS at ${connection.getServer()}: the server knows no headers, it is older than 2.2`;
    throw new TransportError("version-mismatch", why);
  }
  return new ServerLink(connection, settings);
}

/**
 * Waits for a connection, and closes it where it comes too late. The client can't be told to give up connecting: a dial
 * that was given up has failed when that is over, which takes `connectTimeoutMs` at the most.
 */
async function unlessAborted(connecting: Promise<NatsConnection>, signal: AbortSignal): Promise<NatsConnection> {
  const connection = await connecting;
  if (!signal.aborted) return connection;
  await connection.close();
  throw signal.reason;
}

/** See the module. */
export class ServerLink implements BrokerLink {
  readonly remote: Address;
  readonly local: Address = { transport: "nats" };
  readonly inbox: string;
  readonly closed: Promise<Error | undefined>;
  owner: LinkOwner | undefined = undefined;
  /** The connection, for what only a NATS server has. */
  readonly connection: NatsConnection;
  readonly #settings: ServerLinkSettings;
  /** Bytes that were published since the last flush that has come back began. */
  #unconfirmed = 0;
  #flushing: Promise<void> | undefined = undefined;
  #connected = true;
  #maxPayloadBytes = 0;

  constructor(connection: NatsConnection, settings: ServerLinkSettings) {
    this.connection = connection;
    this.#settings = settings;
    this.#maxPayloadBytes = connection.info?.max_payload ?? 0;
    this.inbox = `${createInbox()}.`;
    const { hostname, port } = new URL(`nats://${connection.getServer()}`);
    this.remote = { transport: "nats", hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 4222) };
    this.closed = connection.closed().then((error) => error ?? undefined);
    void this.#watch();
  }

  get maxPayloadBytes(): number {
    // While it connects again the client knows nothing of the broker.
    return this.#maxPayloadBytes = this.connection.info?.max_payload ?? this.#maxPayloadBytes;
  }

  get isFull(): boolean {
    return this.#unconfirmed > this.#settings.maxQueuedBytes;
  }

  publish(subject: string, data: Uint8Array, reply?: string, headers?: MsgHdrs): void {
    // The client would keep it, and drop it at the next attempt to connect.
    if (!this.#connected || this.connection.info === undefined) {
      throw new TransportError("connection-lost", notConnected, { processed: "no" });
    }
    this.connection.publish(subject, data, { reply, headers });
    this.#unconfirmed += data.length;
    if (this.#unconfirmed > highWaterBytes && this.#flushing === undefined) this.#confirm();
  }

  backpressure(): Promise<void> | undefined {
    return this.#unconfirmed > highWaterBytes ? this.#flushing : undefined;
  }

  subscribe(subject: string, queue: string | undefined, sink: BrokerSink): BrokerSubscription {
    const subscription = this.connection.subscribe(subject, {
      queue,
      callback: (error: Error | null, message: Msg) => {
        // Not allowed to listen: the server says so beside, on the connection.
        if (error === null) sink(message);
      },
    });
    return { drain: () => subscription.isClosed() ? Promise.resolve() : subscription.drain() };
  }

  flush(): Promise<void> {
    // Without a connection it would come back only after the next one is made, and say nothing of what is lost.
    if (!this.#connected) return Promise.reject(new Error(notConnected));
    return this.connection.flush();
  }

  async close(): Promise<void> {
    if (!this.connection.isClosed()) {
      const cutOff = Promise.withResolvers<void>();
      const timer = systemClock.schedule(cutOff.resolve, flushMs);
      // Where nobody is there any more to take it, or takes nothing, there is no use in waiting.
      await Promise.race([this.flush().catch(() => {}), cutOff.promise]);
      timer.cancel();
    }
    await this.connection.close();
    await attemptsEnded(this.connection, this.#settings.connectTimeoutMs);
  }

  #confirm(): void {
    const sent = this.#unconfirmed;
    const taken = (): void => {
      this.#unconfirmed -= sent;
      this.#flushing = undefined;
      if (this.#unconfirmed > highWaterBytes && !this.connection.isClosed()) this.#confirm();
    };
    // What a broken connection did not take is gone, and waits no more either.
    this.#flushing = this.flush().then(taken, taken);
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === "disconnect") {
        this.#connected = false;
      } else if (type === "reconnect") {
        this.#connected = true;
        this.owner?.restored?.();
      } else if (type === "ldm") {
        this.owner?.leaving?.();
      }
    }
  }
}
