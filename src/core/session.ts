/**
 * Sessions: connections that calls go through, and the transports that make
 * them.
 *
 * @module
 */

import type { Address, DialOptions, KnownCounters } from "./channel.ts";
import type { CallContext } from "./context.ts";
import type { TransportError } from "./errors.ts";
import type { Handler } from "./service.ts";

/**
 * The life of a session: it takes calls while `open`; while `draining` it only
 * finishes those in flight.
 *
 * @example
 * ```ts
 * import type { SessionState } from "@wireway/wireway";
 * const usable = (state: SessionState): boolean => state === "open";
 * ```
 */
export type SessionState = "open" | "draining" | "closed";

/**
 * One connection that calls go through. Symmetric: the accepting side may call
 * back through `context.peer`.
 *
 * @example
 * ```ts
 * import { chain, mux, tcp, text } from "@wireway/wireway";
 * const transport = chain(tcp({ port: 9000 }), mux(), text());
 * const session = await transport.dial();
 * console.log(await session.call("hello"));
 * await session.close();
 * ```
 */
export interface Session<Req, Res> {
  /** This end. */
  readonly local: Address;
  /** The far end. */
  readonly remote: Address;
  /** On a server, what `authenticate` said of the client that it let in, where that was more than `true`. */
  readonly identity?: unknown;
  /** Whether it takes calls. */
  readonly state: SessionState;
  /** Calls in flight that this end has made. */
  readonly load: number;
  /** How many calls may be in flight at once. */
  readonly capacity: number;
  /** Resolves when the session is over, with the error where it did not end in order. Never rejects. */
  readonly finished: Promise<TransportError | undefined>;
  /** Called whenever a call ends or the state changes: for whoever spreads calls over sessions. One place, one owner. */
  onChange: (() => void) | undefined;

  /**
   * Makes a call. Rejects with a {@linkcode TransportError}: `draining`,
   * `closed`, `too-many-calls`, `overloaded`, `message-too-large` before
   * anything was sent; `connection-lost`, `deadline-exceeded`, `cancelled` and
   * the far side's own error afterwards.
   */
  call(request: Req, context?: CallContext): Promise<Res>;

  /**
   * Sends a request that has no reply. A promise is backpressure. Throws as
   * {@linkcode Channel.send} does. Rejects with `unsupported` where the
   * protocol has no such thing.
   */
  send(request: Req, context?: CallContext): void | Promise<void>;

  /** Asks the far side for a sign of life; resolves with the round trip in milliseconds. */
  ping(): Promise<number>;

  /**
   * Takes no new calls, lets those in flight finish within a grace, then closes
   * the connection. Calling it again returns the same end.
   */
  close(options?: CloseOptions): Promise<void>;

  /** Ends at once: calls in flight are rejected with `reason`. */
  abort(reason: TransportError): void;
}

/**
 * What dialling a session may be given.
 *
 * @example Take calls from the server on the client's connection
 * ```ts
 * import { chain, mux, type SessionDialOptions, tcp, text } from "@wireway/wireway";
 * const options: SessionDialOptions<string, string> = { handler: (request) => `the client heard ${request}` };
 * const session = await chain(tcp({ port: 9000 }), mux(), text()).dial(options);
 * ```
 */
export interface SessionDialOptions<Req, Res> extends DialOptions {
  /** Answers calls that the far side makes. Without one they are refused with `unsupported`. */
  handler?: Handler<Req, Res>;
}

/**
 * Live counters of a server's calls.
 *
 * @example
 * ```ts
 * import type { CallCounters } from "@wireway/wireway";
 * const quiet = (calls: CallCounters): boolean => calls.inFlight === 0;
 * ```
 */
export interface CallCounters {
  /** Calls that handlers work on now. */
  inFlight: number;
  /** Calls that were handed to a handler since the start. */
  started: number;
  /** Calls whose handler failed. */
  failed: number;
  /** Calls refused before a handler saw them: expired, over a limit. */
  refused: number;
}

/**
 * Counters that start at 0.
 *
 * @example
 * ```ts
 * import { emptyCallCounters } from "@wireway/wireway";
 * const calls = emptyCallCounters();
 * ```
 */
export function emptyCallCounters(): CallCounters {
  return { inFlight: 0, started: 0, failed: 0, refused: 0 };
}

/**
 * How a server ends.
 *
 * @example
 * ```ts
 * import type { ShutdownOptions } from "@wireway/wireway";
 * const options: ShutdownOptions = { graceMs: 5000 };
 * ```
 */
export interface ShutdownOptions {
  /** How long calls in flight may take to finish, in milliseconds, before they are cut off. Default 30 000. */
  graceMs?: number;
}

/**
 * How a session or a client ends.
 *
 * @example
 * ```ts
 * import { chain, type CloseOptions, http, reconnect } from "@wireway/wireway";
 * const options: CloseOptions = { graceMs: 5000, unreadGraceMs: 0 };
 * const call = chain(http({ origin: "http://127.0.0.1:8080" }), reconnect());
 * await call.close(options);
 * ```
 */
export interface CloseOptions extends ShutdownOptions {
  /**
   * How long an HTTP response of whose body nobody has asked for a piece may
   * hold up the end, in milliseconds, before it is cut off: it may have been
   * forgotten. Default 1 000 for a client; for a single session, as long as all
   * others.
   */
  unreadGraceMs?: number;
}

/**
 * A place that accepts sessions.
 *
 * @example
 * ```ts
 * import { chain, mux, tcp, text } from "@wireway/wireway";
 * const listener = await chain(tcp({ port: 0 }), mux(), text()).listen((request) => `hello ${request}`);
 * await listener.shutdown({ graceMs: 1000 });
 * ```
 */
export interface SessionListener {
  /** Where it listens. */
  readonly addr: Address;
  /** Live counters of connections, bytes and messages: those that the transport can know. */
  readonly channels: KnownCounters;
  /** Live counters of calls. */
  readonly calls: CallCounters;
  /** Resolves when everything has ended; rejects where the listening failed. */
  readonly finished: Promise<void>;
  /** Stops accepting, tells the peers, lets calls in flight finish within the grace, then closes. */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/**
 * What listening for sessions may be given.
 *
 * @example
 * ```ts
 * import type { SessionListenOptions } from "@wireway/wireway";
 * const options: SessionListenOptions<string, string> = {
 *   onSession: (session) => console.log("connected", session.remote),
 * };
 * ```
 */
export interface SessionListenOptions<Req, Res> {
  /** Called with each session that was accepted, before its first call. */
  onSession?: (session: Session<Req, Res>) => void;
}

/**
 * Makes sessions: by dialling and by listening. One value describes both ends.
 *
 * @example
 * ```ts
 * import { chain, mux, type SessionTransport, tcp } from "@wireway/wireway";
 * const transport: SessionTransport<Uint8Array, Uint8Array> = chain(tcp({ port: 9000 }), mux());
 * ```
 */
export interface SessionTransport<Req, Res> {
  /** Connects. Rejects with `connect-failed`, `connect-timeout`, `version-mismatch`, `protocol` or `cancelled`. */
  dial(options?: SessionDialOptions<Req, Res>): Promise<Session<Req, Res>>;
  /** Listens and has `handler` answer the calls. */
  listen(handler: Handler<Req, Res>, options?: SessionListenOptions<Req, Res>): Promise<SessionListener>;
}
