/**
 * Connecting over TCP, TLS and unix sockets, with one limit on the time.
 *
 * @module
 */

import type { Address } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { type TcpSettings, toAddress } from "./tcp_options.ts";
import { needDeno } from "../need_deno.ts";

/** A connection that was made. */
export interface DialledStream {
  readonly stream: ByteStream;
  readonly local: Address;
  readonly remote: Address;
  readonly alpnProtocol: string | null;
}

/** Connects; rejects with `connect-failed`, `connect-timeout`, `cancelled` or `unsupported`. */
export async function dialStream<Opened = DialledStream>(
  settings: TcpSettings,
  signal: AbortSignal | undefined,
  /** What is still to be done before the connection is one; the time for connecting and the caller's signal bound it, too. */
  open: (dialled: DialledStream) => Promise<Opened> = (dialled) => Promise.resolve(dialled as Opened),
): Promise<Opened> {
  const target = settings.path ?? `${settings.hostname}:${settings.port}`;
  needDeno(`Cannot connect to ${target}`);
  const attempt = new DialAttempt(target, settings, signal);
  try {
    if (attempt.reason !== undefined) throw attempt.reason;
    const dialled = await (settings.path === undefined ? dialTcp(settings, attempt) : dialUnix(settings.path, attempt));
    if (attempt.reason !== undefined) throw attempt.reason;
    const opened = await open(dialled);
    if (attempt.reason === undefined) return opened;
    // Given up in the same turn: nobody will end it.
    (opened as { abort?(reason: TransportError): void }).abort?.(attempt.reason);
    throw attempt.reason;
  } catch (error) {
    attempt.failed();
    throw attempt.reason ?? connectError(target, error);
  } finally {
    attempt.end();
  }
}

async function dialTcp(settings: TcpSettings, attempt: DialAttempt): Promise<DialledStream> {
  const { hostname, tls } = settings;
  const conn = await Deno.connect({ hostname, port: settings.port!, signal: attempt.signal });
  attempt.opened(conn);
  if (settings.noDelay) conn.setNoDelay(true);
  if (settings.keepAlive) conn.setKeepAlive(true);
  const local = toAddress(conn.localAddr);
  const remote = toAddress(conn.remoteAddr);
  if (tls === undefined) return { stream: conn, local, remote, alpnProtocol: null };
  // Through startTls, because the platform's connectTls leaves no way to send without delay.
  const secured = await Deno.startTls(conn, {
    hostname: tls.serverName ?? hostname,
    caCerts: tls.caCerts,
    alpnProtocols: tls.alpnProtocols,
  });
  attempt.opened(secured);
  const { alpnProtocol } = await secured.handshake();
  return { stream: secured, local, remote, alpnProtocol };
}

async function dialUnix(path: string, attempt: DialAttempt): Promise<DialledStream> {
  const conn = await Deno.connect({ transport: "unix", path });
  attempt.opened(conn);
  return { stream: conn, local: toAddress(conn.localAddr), remote: { transport: "unix", path }, alpnProtocol: null };
}

/** What can end a dial from outside: the caller and the time. Whatever was open by then is closed. */
class DialAttempt {
  reason: TransportError | undefined = undefined;
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #timer: { cancel(): void } | undefined;
  #conn: Deno.Conn | undefined = undefined;

  constructor(target: string, settings: TcpSettings, caller: AbortSignal | undefined) {
    this.#caller = caller;
    // The platform asks it once more when it has connected, and loses the connection where that throws: `opened()` asks.
    this.signal.throwIfAborted = () => {};
    caller?.addEventListener("abort", this.#onAbort, { once: true });
    if (caller?.aborted) this.#onAbort();
    const limitMs = settings.connectTimeoutMs;
    if (limitMs !== Infinity) {
      this.#timer = settings.clock.schedule(() => {
        this.#giveUp(
          new TransportError("connect-timeout", `Cannot connect to ${target}: not connected after ${limitMs} ms`),
        );
      }, limitMs);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  opened(conn: Deno.Conn): void {
    this.#conn = conn;
    if (this.reason !== undefined) throw this.reason;
  }

  /** Closes what was opened: a handshake that fails leaves its connection open. */
  failed(): void {
    closeQuietly(this.#conn);
  }

  end(): void {
    this.#timer?.cancel();
    this.#caller?.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => {
    const cause: unknown = this.#caller!.reason;
    this.#giveUp(TransportError.from(cause, "cancelled", { processed: "no" }));
  };

  #giveUp(reason: TransportError): void {
    this.reason ??= reason;
    this.#controller.abort(reason);
    closeQuietly(this.#conn);
  }
}

/** Closes what may have been closed by the platform already. */
export function closeQuietly(conn: { close(): void } | undefined): void {
  try {
    conn?.close();
  } catch {
    // Closed already.
  }
}

/** What the platform says of bytes that are no TLS. */
const noTls = /InvalidContentType/;

function connectError(target: string, error: unknown): TransportError {
  if (error instanceof TransportError) return error;
  const why = error instanceof Deno.errors.ConnectionRefused
    ? "connection refused: does anything listen there?"
    : error instanceof Deno.errors.NotFound
    ? "no such socket: does anything listen there?"
    : error instanceof Deno.errors.InvalidData
    ? `TLS handshake failed: ${error.message}${noTls.test(error.message) ? ": is TLS on at one end only?" : ""}`
    : error instanceof Error
    ? error.message
    : String(error);
  return new TransportError("connect-failed", `Cannot connect to ${target}: ${why}`, { cause: error });
}
