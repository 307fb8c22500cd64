/**
 * serve(): has a service answer the calls that come in on a transport.
 *
 * @module
 */

import type { Address, KnownCounters } from "./core/channel.ts";
import { duration, given, readOptions } from "./core/options.ts";
import type { Handler } from "./core/service.ts";
import type {
  CallCounters,
  SessionListener,
  SessionListenOptions,
  SessionTransport,
  ShutdownOptions,
} from "./core/session.ts";

/**
 * Options of {@linkcode serve}.
 *
 * @example
 * ```ts
 * import type { ServeOptions } from "@wireway/wireway";
 * const options: ServeOptions<string, string> = { graceMs: 5000 };
 * ```
 */
export interface ServeOptions<Req, Res> extends SessionListenOptions<Req, Res> {
  /** Ends the server in order when it aborts. */
  signal?: AbortSignal;
  /** How long calls in flight may take to finish when the server ends, in milliseconds. @default {30000} */
  graceMs?: number;
}

/**
 * A running server. `await using` ends it in order.
 *
 * @example
 * ```ts
 * import { chain, formatAddress, memory, mux, serve, type Server } from "@wireway/wireway";
 * const server: Server = await serve(chain(memory(), mux()), (request) => request);
 * console.log(formatAddress(server.addr), server.calls.inFlight);
 * await server.shutdown({ graceMs: 1000 });
 * ```
 */
export interface Server extends AsyncDisposable {
  /** Where it listens, with the port that the system chose where it was left to it. */
  readonly addr: Address;
  /** Live counters of connections, bytes and messages: those that the transport can know. On http() none. */
  readonly channels: KnownCounters;
  /** Live counters of calls. */
  readonly calls: CallCounters;
  /** Resolves when everything has ended; rejects where the listening failed. */
  readonly finished: Promise<void>;
  /**
   * Ends in order: accepts nothing new, tells the peers, lets calls in flight
   * finish within the grace, then closes. Calling it again returns the same
   * promise.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/**
 * Listens on `transport` and has `handler` answer the calls. The handler may be
 * a chain: `chain(handler, timeout(...), ...)`.
 *
 * Errors: `address-in-use`; whatever else the transport's listening rejects
 * with; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, mux, serve, tcp, text } from "@wireway/wireway";
 * await serve(chain(tcp({ port: 9000 }), mux(), text()), (request) => `hello ${request}`);
 * ```
 *
 * @example HTTP
 * ```ts
 * import { http, serve } from "@wireway/wireway";
 * await serve(http({ port: 8000 }), () => new Response("hello"));
 * ```
 */
export async function serve<Req, Res>(
  transport: SessionTransport<Req, Res>,
  handler: Handler<Req, Res>,
  options: ServeOptions<Req, Res> = {},
): Promise<Server> {
  const { signal, graceMs, onSession } = readOptions("serve()", options, {
    signal: given<AbortSignal | undefined>(undefined, "an object"),
    graceMs: duration(undefined),
    onSession: given<ServeOptions<Req, Res>["onSession"]>(undefined, "a function"),
  });
  signal?.throwIfAborted();
  const listener = await transport.listen(handler, { onSession });
  const server = new ListeningServer(listener, graceMs);
  // Nobody waits for it: what goes wrong is told by `finished`.
  const end = (): void => void server.shutdown().catch(() => {});
  if (signal?.aborted) {
    end();
  } else if (signal !== undefined) {
    signal.addEventListener("abort", end, { once: true });
    listener.finished.finally(() => signal.removeEventListener("abort", end)).catch(() => {});
  }
  return server;
}

class ListeningServer implements Server {
  readonly #listener: SessionListener;
  readonly #graceMs: number | undefined;

  constructor(listener: SessionListener, graceMs: number | undefined) {
    this.#listener = listener;
    this.#graceMs = graceMs;
  }

  get addr(): Address {
    return this.#listener.addr;
  }

  get channels(): KnownCounters {
    return this.#listener.channels;
  }

  get calls(): CallCounters {
    return this.#listener.calls;
  }

  get finished(): Promise<void> {
    return this.#listener.finished;
  }

  shutdown(options: ShutdownOptions = {}): Promise<void> {
    return this.#listener.shutdown({ graceMs: options.graceMs ?? this.#graceMs });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }
}
