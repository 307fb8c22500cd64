/**
 * What calls over NATS can be given.
 *
 * @module
 */

import { credsAuthenticator, type NodeConnectionOptions } from "@nats-io/transport-node";
import { type Clock, systemClock } from "../../mod.ts";
import { duration, given, integer, invalidOption, label, readOptions } from "../../src/core/options.ts";

/**
 * What a connection to NATS is made with, beside where to.
 *
 * @example
 * ```ts
 * import { nats, type NatsConnectionOptions } from "@wireway/wireway/nats";
 * const connection: NatsConnectionOptions = { user: "orders", password: "secret", name: "orders-1" };
 * nats({ servers: "nats.example:4222", subject: "orders", connection });
 * ```
 */
export interface NatsConnectionOptions {
  /** What the server's monitoring calls it. */
  name?: string;
  /** The user, with `password`. */
  user?: string;
  /** The password of `user`. */
  password?: string;
  /** A token, in place of a user. */
  token?: string;
  /** What stands in a file of credentials (`.creds`): a JWT and the seed of its key. */
  credentials?: string;
  /** Whom to trust and how to show who this is. Without it, TLS is used where the server offers it. */
  tls?: NatsTlsOptions;
}

/**
 * TLS of a connection to NATS.
 *
 * @example
 * ```ts
 * import { nats, type NatsTlsOptions } from "@wireway/wireway/nats";
 * const tls: NatsTlsOptions = { ca: await Deno.readTextFile("ca.pem") };
 * nats({ servers: "nats.example:4222", subject: "orders", connection: { tls } });
 * ```
 */
export interface NatsTlsOptions {
  /** Certificates to trust, in PEM. @default {those that the system trusts} */
  ca?: string;
  /** This end's certificate, in PEM. */
  cert?: string;
  /** The key of `cert`, in PEM. */
  key?: string;
  /** Whether TLS begins before the server has said anything. @default {false} */
  handshakeFirst?: boolean;
}

const connectionRules = {
  name: label(undefined),
  user: label(undefined),
  password: label(undefined),
  token: label(undefined),
  credentials: label(undefined),
  tls: given<NatsTlsOptions | undefined>(undefined, "an object"),
};

/** As the client takes it. */
function connectionOf(owner: string, options: NatsConnectionOptions): NodeConnectionOptions {
  const { name, user, password, token, credentials, tls } = readOptions(
    `${owner} connection`,
    options,
    connectionRules,
  );
  return {
    name,
    user,
    pass: password,
    token,
    ...(tls === undefined ? {} : { tls }),
    ...(credentials === undefined ? {} : { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) }),
  };
}

/**
 * Options of what has a connection to a broker.
 *
 * @example
 * ```ts
 * import { type BrokerOptions, nats } from "@wireway/wireway/nats";
 * const broker: BrokerOptions = { servers: ["nats-1:4222", "nats-2:4222"] };
 * nats({ ...broker, subject: "orders" });
 * ```
 */
export interface BrokerOptions {
  /** The NATS servers, one of which is connected to. Without any, a broker in this process stands in for them. */
  servers?: string | readonly string[];
  /** Credentials, TLS and the like. */
  connection?: NatsConnectionOptions;
  /** How long connecting may take, in milliseconds. @default {5000} */
  connectTimeoutMs?: number;
  /** How many bytes may wait for the broker to take them; past it nothing is added. @default {67108864} 64 MiB, as the broker's own limit */
  maxQueuedBytes?: number;
}

/**
 * Options of `nats()`.
 *
 * @example
 * ```ts
 * import { nats, type NatsOptions } from "@wireway/wireway/nats";
 * const options: NatsOptions = { servers: "127.0.0.1:4222", subject: "orders", maxInFlight: 100 };
 * nats(options);
 * ```
 */
export interface NatsOptions extends BrokerOptions {
  /** Where calls go. No wildcards. */
  subject: string;
  /** The queue group of the servers: each call goes to one server of each group. @default {"wireway"} */
  queue?: string;
  /** How many calls may be in flight: made by one session, and answered by one server. @default {1000} */
  maxInFlight?: number;
  /** The largest request and reply, in bytes. @default {what the broker takes} 1 MiB, where it was not told otherwise */
  maxMessageBytes?: number;
  /**
   * How often a server says that it works on a call, in milliseconds. A caller
   * that hears nothing for three times as long takes its call for lost; a
   * server learns from it that its caller is gone. The same on both ends;
   * `Infinity` turns it off. @default {2000}
   */
  heartbeatMs?: number;
  /** How long calls in flight may take when a session is closed, in milliseconds. @default {30000} */
  closeTimeoutMs?: number;
  /** Measures deadlines and heartbeats. @default {systemClock} */
  clock?: Clock;
}

const brokerRules = {
  servers: {
    allowed: 'a list of "host:port", or one',
    fallback: [] as string | readonly string[],
    accepts: (value: unknown) =>
      typeof value === "string" ? value !== "" : Array.isArray(value) && value.every((one) => typeof one === "string"),
  },
  connection: given<NatsConnectionOptions>({}, "an object"),
  connectTimeoutMs: integer(5000, 1, 0x7fff_ffff),
  maxQueuedBytes: integer(64 * 1024 * 1024, 1, 0x7fff_ffff),
};

/** Settings of what has a connection. */
export interface BrokerSettings {
  readonly servers: readonly string[];
  readonly connection: NodeConnectionOptions;
  readonly connectTimeoutMs: number;
  readonly maxQueuedBytes: number;
}

/** Reads the options of what has a connection. Throws `invalid-option`. */
export function readBroker(owner: string, options: BrokerOptions): BrokerSettings {
  const { servers, connection, ...settings } = readOptions(owner, options, brokerRules);
  return { ...settings, servers: [servers].flat(), connection: connectionOf(owner, connection) };
}

/** What nats() goes by. */
export interface NatsSettings extends BrokerSettings {
  readonly subject: string;
  readonly queue: string;
  readonly maxInFlight: number;
  readonly maxMessageBytes: number | undefined;
  readonly heartbeatMs: number;
  readonly closeTimeoutMs: number;
  readonly clock: Clock;
}

/** Reads the options of nats(). Throws `invalid-option`. */
export function readNatsOptions(options: NatsOptions): NatsSettings {
  const { servers, connection, connectTimeoutMs, maxQueuedBytes, ...own } = options;
  const settings = readOptions("nats()", own, {
    subject: label(undefined),
    queue: label("wireway"),
    maxInFlight: integer(1000, 1, 0x3fff_ffff),
    maxMessageBytes: integer(undefined, 1, 0x7fff_ffff),
    heartbeatMs: duration(2000, 1),
    closeTimeoutMs: duration(30_000),
    clock: given<Clock>(systemClock, "an object"),
  });
  return {
    ...settings,
    ...readBroker("nats()", { servers, connection, connectTimeoutMs, maxQueuedBytes }),
    subject: plainSubject("nats()", "subject", settings.subject),
    queue: plainSubject("nats()", "queue", settings.queue),
  };
}

/** A subject that is one place. Throws `invalid-option`. */
export function plainSubject(owner: string, name: string, subject: string | undefined): string {
  if (subject !== undefined && /^[^\s.*>]+(\.[^\s.*>]+)*$/.test(subject)) return subject;
  throw invalidOption(owner, name, subject, "a NATS subject without wildcards");
}
