/**
 * A connection to a Redis server, made when it is first needed and again after
 * each loss.
 *
 * @module
 */

import { Redis, type RedisOptions } from "ioredis";
import { systemClock, TransportError } from "../../mod.ts";
import { given, integer, invalidOption, label, readOptions } from "../../src/core/options.ts";
import { textOf } from "../../src/core/thrown.ts";
import { turn } from "../bridge/turn.ts";

/**
 * What a connection to Redis is made with, beside where to.
 *
 * @example
 * ```ts
 * import { type RedisConnectionOptions, redisStore } from "@wireway/wireway/redis";
 * const connection: RedisConnectionOptions = { password: "secret", database: 2 };
 * redisStore({ server: "redis.example:6379", connection });
 * ```
 */
export interface RedisConnectionOptions {
  /** The user. @default {the server's default user} */
  username?: string;
  /** The password. */
  password?: string;
  /** The number of the database. @default {0} */
  database?: number;
  /** Speaks TLS. @default {no TLS} */
  tls?: RedisTlsOptions;
}

/**
 * TLS of a connection to Redis; `{}` for that of the system.
 *
 * @example
 * ```ts
 * import { redisStore, type RedisTlsOptions } from "@wireway/wireway/redis";
 * const tls: RedisTlsOptions = { ca: await Deno.readTextFile("ca.pem") };
 * redisStore({ server: "redis.example:6380", connection: { tls } });
 * ```
 */
export interface RedisTlsOptions {
  /** Certificates to trust, in PEM. @default {those that the system trusts} */
  ca?: string;
  /** This end's certificate, in PEM. */
  cert?: string;
  /** The key of `cert`, in PEM. */
  key?: string;
}

/**
 * Options of what has a connection to Redis.
 *
 * @example
 * ```ts
 * import { type RedisServerOptions, redisRates, redisStore } from "@wireway/wireway/redis";
 * const redis: RedisServerOptions = { server: "127.0.0.1:6379", timeoutMs: 200 };
 * redisStore(redis);
 * redisRates(redis);
 * ```
 */
export interface RedisServerOptions {
  /** The server, as `host:port`. Without one this process stands in for it. */
  server?: string;
  /** Credentials, TLS, the database and the like. */
  connection?: RedisConnectionOptions;
  /** What all keys begin with, so that several programs may share a server. @default {"wireway"} */
  namespace?: string;
  /** How long a command, and connecting, may take, in milliseconds. @default {1000} */
  timeoutMs?: number;
}

/** Rules for what has a connection. */
export const rulesOfRedis = {
  server: label(undefined),
  connection: given<RedisConnectionOptions>({}, "an object"),
  namespace: label("wireway"),
  timeoutMs: integer(1000, 1, 0x7fff_ffff),
};

/** Where a server is. */
export interface RedisSettings {
  readonly host: string;
  readonly port: number;
  readonly connection: RedisOptions;
  readonly timeoutMs: number;
  /** Whether commands may wait for something to happen: then they have no time limit. */
  readonly blocking?: boolean;
}

/** Where to, and what a connection is made with. Throws `invalid-option`. */
export function placeOf(
  owner: string,
  { server, connection, timeoutMs }: { server: string; connection: RedisConnectionOptions; timeoutMs: number },
): RedisSettings {
  const parts = /^(.+?)(?::(\d{1,5}))?$/.exec(server.replace(/^redis:\/\//, ""));
  const port = Number(parts?.[2] ?? 6379);
  if (parts === null || port > 65_535 || /[\s/@]/.test(parts[1])) {
    throw invalidOption(owner, "server", server, "a host and a port, as in 127.0.0.1:6379");
  }
  const { database, ...rest } = readOptions(`${owner} connection`, connection, {
    username: label(undefined),
    password: label(undefined),
    database: integer(0, 0, 0x7fff_ffff),
    tls: given<RedisTlsOptions | undefined>(undefined, "an object"),
  });
  return { host: parts[1].replace(/^\[|\]$/g, ""), port, timeoutMs, connection: { ...rest, db: database } };
}

/** How long after a failed attempt to connect the next one is made, at the least, in milliseconds. */
const pauseMs = 100;

/** The client sets itself two seconds to end a connection, also one that is over already: then it keeps them. */
class OwnRedis extends Redis {
  override disconnect(reconnect?: boolean): void {
    if (this.status !== "close" && this.status !== "end") super.disconnect(reconnect);
  }
}

/** See the module. */
export class RedisLink {
  readonly #client: Redis;
  #connecting: Promise<void> | undefined = undefined;
  #nextAttemptAt = -Infinity;
  #closed = false;

  constructor({ host, port, connection, timeoutMs, blocking }: RedisSettings) {
    this.#client = new OwnRedis({
      ...connection,
      host,
      port,
      lazyConnect: true,
      connectTimeout: timeoutMs,
      commandTimeout: blocking ? undefined : timeoutMs,
      // Whoever calls while it is away is told so at once, and nothing is sent that nobody waits for any more.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      // It is connected again when somebody needs it: an idle link has no timers.
      retryStrategy: () => null,
    });
    // Each command says so itself.
    this.#client.on("error", () => {});
  }

  /** Runs commands. Rejects with `connection-lost` where the server can't be asked, and with what it says itself. */
  async run<T>(commands: (client: Redis) => Promise<T>): Promise<T> {
    try {
      if (this.#client.status !== "ready") await this.#connect();
      return await commands(this.#client);
    } catch (error) {
      if (error instanceof TransportError) throw error;
      throw new TransportError("connection-lost", `Cannot use Redis: ${textOf(error)}`, { cause: error });
    }
  }

  /** Ends it: what waits for an answer is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    // The client takes a turn to begin: until then it would end the connection before this one.
    if (this.#client.status === "connecting") await turn();
    const { status } = this.#client;
    if (status !== "connecting" && status !== "connect" && status !== "ready") return;
    const ended = new Promise<void>((resolve) => this.#client.once("end", resolve));
    this.#client.disconnect();
    await ended;
  }

  /** Connects, or waits for it. Whoever comes too soon after an attempt that has failed is refused. */
  #connect(): Promise<void> {
    if (this.#connecting !== undefined) return this.#connecting;
    if (this.#closed) throw new Error("the connection is closed");
    if (systemClock.now() < this.#nextAttemptAt) throw new Error("there is no connection");
    const { status } = this.#client;
    // It has broken a moment ago, and is not over yet.
    if (status !== "wait" && status !== "end") throw new Error("the connection is lost");
    const done = (): void => {
      this.#connecting = undefined;
    };
    const failed = (): void => {
      this.#connecting = undefined;
      this.#nextAttemptAt = systemClock.now() + pauseMs * (0.5 + Math.random());
    };
    this.#connecting = this.#client.connect();
    this.#connecting.then(done, failed);
    return this.#connecting;
  }
}
