/**
 * A connection to a Redis server, made when it is first needed and again after
 * each loss.
 *
 * @module
 */

import { Redis, type RedisOptions } from "ioredis";
import { TransportError } from "../../mod.ts";
import { given, integer, invalidOption, label } from "../../src/core/options.ts";
import { textOf } from "../../src/core/thrown.ts";

/**
 * What a connection to Redis is made with, beside where to: credentials, TLS, a
 * database. As ioredis takes it.
 *
 * @example
 * ```ts
 * import { type RedisConnectionOptions, redisStore } from "@wireway/wireway/redis";
 * const connection: RedisConnectionOptions = { password: "secret", db: 2 };
 * redisStore({ server: "redis.example:6379", connection });
 * ```
 */
export type RedisConnectionOptions = Omit<
  RedisOptions,
  "host" | "port" | "lazyConnect" | "enableOfflineQueue" | "autoResendUnfulfilledCommands" | "commandTimeout"
>;

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
  readonly connection: RedisConnectionOptions;
  readonly timeoutMs: number;
  /** Whether commands may wait for something to happen: then they have no time limit. */
  readonly blocking?: boolean;
}

/** Reads `host:port`. Throws `invalid-option`. */
export function placeOf(owner: string, server: string): { host: string; port: number } {
  const parts = /^(.+?)(?::(\d{1,5}))?$/.exec(server.replace(/^redis:\/\//, ""));
  const port = Number(parts?.[2] ?? 6379);
  if (parts === null || port > 65_535 || /[\s/@]/.test(parts[1])) {
    throw invalidOption(owner, "server", server, "a host and a port, as in 127.0.0.1:6379");
  }
  return { host: parts[1].replace(/^\[|\]$/g, ""), port };
}

/** The longest pause between two attempts to connect, in milliseconds. */
const maxPauseMs = 500;

/** See the module. */
export class RedisLink {
  readonly #client: Redis;
  #connecting: Promise<void> | undefined = undefined;

  constructor({ host, port, connection, timeoutMs, blocking }: RedisSettings) {
    this.#client = new Redis({
      retryStrategy: (attempt) => Math.min(maxPauseMs, 20 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2),
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
  close(): Promise<void> {
    const { status } = this.#client;
    const connected = status === "connecting" || status === "connect" || status === "ready";
    const ended = connected ? new Promise<void>((resolve) => this.#client.once("end", resolve)) : Promise.resolve();
    this.#client.disconnect();
    return ended;
  }

  /** Waits for the first connection. Later ones are made by themselves, and not waited for. */
  #connect(): Promise<void> {
    if (this.#client.status === "wait") this.#connecting = this.#client.connect();
    return this.#client.status === "reconnecting" ? Promise.resolve() : this.#connecting ?? Promise.resolve();
  }
}
