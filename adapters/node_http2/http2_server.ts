/**
 * The listener: connections, their settings and limits, and their end.
 *
 * @module
 */

import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import {
  type Address,
  type CallCounters,
  type Handler,
  type SessionListener,
  type ShutdownOptions,
  TransportError,
} from "../../mod.ts";
import { deadlinesOf } from "../../src/core/deadline_queue.ts";
import { notify } from "../../src/core/observer.ts";
import { emptyCallCounters } from "../../src/core/session.ts";
import type { NodeHttp2Settings } from "../node_http2.ts";
import { Http2Call } from "./http2_call.ts";

const defaultGraceMs = 30_000;

/** Listens, and has `handler` answer the requests. */
export function listenNodeHttp2(
  settings: NodeHttp2Settings,
  handler: Handler<Request, Response>,
): Promise<SessionListener> {
  const { hostname, port, backlog } = settings;
  const listener = new NodeHttp2Listener(settings, handler);
  const { promise, resolve, reject } = Promise.withResolvers<SessionListener>();
  const refused = (error: Error & { code?: string }): void => {
    const [code, why] = error.code === "EADDRINUSE"
      ? ["address-in-use", "another program does"] as const
      : ["connect-failed", error.message] as const;
    reject(new TransportError(code, `Cannot listen on ${hostname}:${port}: ${why}`, { cause: error }));
  };
  listener.server.once("error", refused);
  listener.server.listen({ host: hostname, port, backlog }, () => {
    listener.server.off("error", refused);
    listener.listening();
    resolve(listener);
  });
  return promise;
}

/** The end of a connection that the settings are of: what is open there. */
interface OpenSession {
  readonly calls: Set<Http2Call>;
  readonly remote: Address;
}

class NodeHttp2Listener implements SessionListener {
  readonly server: Http2Server | Http2SecureServer;
  /** Bytes and messages are counted by nobody. */
  readonly channels = { connectionsOpen: 0, connectionsAccepted: 0, connectionsRefused: 0, connectionsFailed: 0 };
  readonly calls: CallCounters = emptyCallCounters();
  readonly finished: Promise<void>;
  readonly #settings: NodeHttp2Settings;
  readonly #handler: Handler<Request, Response>;
  readonly #finished = Promise.withResolvers<void>();
  readonly #open = new Map<ServerHttp2Session, OpenSession>();
  #addr: Address | undefined = undefined;
  #shutdown: Promise<void> | undefined = undefined;

  constructor(settings: NodeHttp2Settings, handler: Handler<Request, Response>) {
    this.#settings = settings;
    this.#handler = handler;
    this.finished = this.#finished.promise;
    // Whoever waits for it hears of it; where nobody does, it is no reason to end the program.
    this.finished.catch(() => {});
    const { tls, maxConcurrentStreams, windowBytes, maxFrameBytes, maxHeaderListBytes, headerTableBytes } = settings;
    const own = {
      settings: {
        maxConcurrentStreams,
        initialWindowSize: windowBytes,
        maxFrameSize: maxFrameBytes,
        maxHeaderListSize: maxHeaderListBytes,
        headerTableSize: headerTableBytes,
        enablePush: false,
      },
    };
    this.server = tls === undefined ? createServer(own) : createSecureServer({ ...own, ...tls, allowHTTP1: false });
    this.server.on("session", (session) => this.#accepted(session));
    // A handshake that fails is the client's own trouble.
    this.server.on("tlsClientError", () => void this.channels.connectionsFailed++);
    this.server.on("sessionError", () => {});
    this.server.on("stream", (stream, headers, flags) => this.#asked(stream, headers, flags));
  }

  get addr(): Address {
    return this.#addr!;
  }

  /** The system has given a port. */
  listening(): void {
    this.#addr = this.#addressOf(this.server.address() as AddressInfo);
    this.server.on("error", (error) => this.#finished.reject(error));
    this.server.on("close", () => this.#finished.resolve());
  }

  shutdown({ graceMs = defaultGraceMs }: ShutdownOptions = {}): Promise<void> {
    return this.#shutdown ??= this.#end(graceMs);
  }

  async #end(graceMs: number): Promise<void> {
    const { clock } = this.#settings;
    this.server.close();
    // GOAWAY: what is in flight is answered, and nothing new is taken.
    for (const session of this.#open.keys()) session.close();
    const timer = clock.schedule(() => {
      const why = `Call cut off: the server ended, and its grace of ${graceMs} ms is over`;
      const reason = new TransportError("closed", why, { processed: "maybe" });
      for (const [session, { calls }] of [...this.#open]) {
        for (const call of calls) call.cancel(reason);
        session.destroy();
      }
    }, graceMs);
    try {
      await this.finished;
    } finally {
      timer.cancel();
      deadlinesOf(clock).trim();
    }
  }

  #accepted(session: ServerHttp2Session): void {
    const { maxConnections, connectionWindowBytes, idleTimeoutMs, observer } = this.#settings;
    const { channels } = this;
    const socket = session.socket as Socket;
    const remote = this.#addressOf({ address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 });
    session.on("error", () => {});
    if (channels.connectionsOpen >= maxConnections) {
      channels.connectionsRefused++;
      const error = new TransportError("overloaded", `Connection refused: ${maxConnections} are open`);
      if (observer !== undefined) notify(observer, { type: "connection-refused", remote, error });
      return session.destroy();
    }
    channels.connectionsOpen++;
    channels.connectionsAccepted++;
    if (observer !== undefined) {
      notify(observer, { type: "connection-opened", side: "server", local: this.addr, remote });
    }
    this.#open.set(session, { calls: new Set(), remote });
    session.setLocalWindowSize(connectionWindowBytes);
    if (idleTimeoutMs !== Infinity) {
      session.setTimeout(idleTimeoutMs, () => {
        if (this.#open.get(session)?.calls.size === 0) session.close();
      });
    }
    session.on("close", () => {
      channels.connectionsOpen--;
      this.#open.delete(session);
      if (observer === undefined) return;
      notify(observer, { type: "connection-closed", side: "server", remote, error: undefined });
    });
    if (this.#shutdown !== undefined) session.close();
  }

  #asked(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number): void {
    const open = stream.session === undefined ? undefined : this.#open.get(stream.session as ServerHttp2Session);
    if (open === undefined) return stream.close();
    const { maxHeaderListBytes, tls } = this.#settings;
    const place = { local: this.addr, remote: open.remote, scheme: tls === undefined ? "http" : "https" };
    const call = new Http2Call(stream, place, this.calls, open.calls);
    call.begin(headers, flags, maxHeaderListBytes, this.#handler);
  }

  #addressOf({ address, port }: { address: string; port: number }): Address {
    const transport = this.#settings.tls === undefined ? "http" : "https";
    return { transport, hostname: address, port };
  }
}
