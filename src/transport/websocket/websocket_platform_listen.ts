/**
 * WebSockets that somebody else's HTTP server hands over.
 *
 * @module
 */

import { type Address, type Channel, type ChannelCounters, emptyCounters, type Listener } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { notify } from "../../core/observer.ts";
import { inTime } from "../in_time.ts";
import type { StreamPlace } from "../stream/byte_stream.ts";
import { type Admission, admit, type OpeningRequest, refusalOf } from "./websocket_admission.ts";
import { PlatformChannel } from "./websocket_platform_channel.ts";
import type { PlatformSettings } from "./websocket_platform_options.ts";
import { findUpgrade, type Upgrade } from "./websocket_platform_upgrade.ts";

/** `WebSocket.OPEN`, which is called otherwise on some edge runtimes. */
const openState = 1;

/** See the module. Accepts one listener at a time. */
export class MountedWebSockets {
  readonly #settings: PlatformSettings;
  #listening: MountedListener | undefined = undefined;

  constructor(settings: PlatformSettings) {
    this.#settings = settings;
  }

  /** Listens until the listener is closed. */
  listen(accept: (channel: Channel) => void): Promise<Listener> {
    if (this.#listening !== undefined) {
      const why = "Cannot listen: this platformWebSocket() is listened on already";
      return Promise.reject(new TransportError("address-in-use", why));
    }
    const listener = new MountedListener(this.#settings, accept, () => {
      if (this.#listening === listener) this.#listening = undefined;
    });
    this.#listening = listener;
    return Promise.resolve(listener);
  }

  /** Answers a request: with an upgrade, or with the status that says why not. */
  answer(request: Request, info: unknown): Promise<Response> {
    if (this.#listening !== undefined) return this.#listening.answer(request, info);
    return Promise.resolve(new Response("Nobody listens here\n", { status: 503 }));
  }
}

class MountedListener implements Listener {
  readonly addr: Address = { transport: "websocket" };
  readonly counters: ChannelCounters = emptyCounters();
  readonly finished: Promise<void>;
  readonly #settings: PlatformSettings;
  readonly #place: StreamPlace;
  readonly #accept: (channel: Channel) => void;
  readonly #finish: () => void;
  #closed = false;
  /** Connections on their way to be open. */
  #opening = 0;

  constructor(settings: PlatformSettings, accept: (channel: Channel) => void, onClose: () => void) {
    this.#settings = settings;
    this.#accept = accept;
    this.#place = { side: "server", local: this.addr, counters: this.counters };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#finish = () => {
      this.#closed = true;
      onClose();
      resolve();
    };
  }

  close(): Promise<void> {
    this.#finish();
    return this.finished;
  }

  async answer(request: Request, info: unknown): Promise<Response> {
    const remote = remoteOf(info);
    try {
      this.#checkRoom();
      // Counted from here on: while one client is looked at, others must not take its place.
      this.#opening++;
      try {
        const { connectTimeoutMs, clock } = this.#settings;
        const admission = admit(this.#settings, openingRequest(request));
        const admitted = await inTime(admission, connectTimeoutMs, clock, () => {
          return unavailable("overloaded", `it was not let in after ${connectTimeoutMs} ms`);
        });
        if (this.#closed) throw unavailable("closed", "the listener is closed");
        const upgrade = findUpgrade();
        if (upgrade === undefined) throw unsupported();
        return this.#open(upgrade(request, admitted.protocol, this.#settings.pingAfterMs), remote, admitted);
      } catch (error) {
        this.#opening--;
        throw error;
      }
    } catch (error) {
      const refusal = TransportError.from(error, "protocol", { processed: "no" });
      this.#refused(remote, refusal);
      const { status, fields, body } = refusalOf(refusal);
      return new Response(body, { status, headers: fields });
    }
  }

  #checkRoom(): void {
    const open = this.counters.connectionsOpen + this.#opening;
    const { maxConnections } = this.#settings;
    if (open >= maxConnections) throw unavailable("overloaded", `${open} are open, ${maxConnections} are allowed`);
  }

  /** Waits for the upgrade to have happened, and makes a channel of it. */
  #open({ socket, response }: Upgrade, remote: Address, admission: Admission): Response {
    const { connectTimeoutMs, clock } = this.#settings;
    let over = false;
    const settle = (failure: TransportError | undefined): void => {
      if (over) return;
      over = true;
      timer?.cancel();
      this.#opening--;
      socket.removeEventListener("open", onOpen);
      socket.removeEventListener("close", onClose);
      if (failure === undefined && !this.#closed) return this.#give(socket, remote, admission);
      this.#refused(remote, failure ?? unavailable("closed", "the listener is closed"));
      socket.close();
    };
    const lost = (why: string): TransportError =>
      new TransportError("connection-lost", `WebSocket handshake failed: ${why}`, { processed: "no" });
    const onOpen = (): void => settle(undefined);
    const onClose = (): void => settle(lost("the client went away"));
    const timer = connectTimeoutMs === Infinity
      ? undefined
      : clock.schedule(() => settle(lost(`not open after ${connectTimeoutMs} ms`)), connectTimeoutMs);
    timer?.hold(false);
    socket.binaryType = "arraybuffer";
    if (socket.readyState === openState) {
      settle(undefined);
    } else {
      socket.addEventListener("open", onOpen);
      socket.addEventListener("close", onClose);
    }
    return response;
  }

  #give(socket: WebSocket, remote: Address, { protocol, identity }: Admission): void {
    const channel = new PlatformChannel(socket, this.#settings, this.#place, remote, protocol, identity);
    this.counters.connectionsAccepted++;
    try {
      this.#accept(channel);
    } catch (error) {
      channel.abort(TransportError.from(error, "protocol"));
    }
  }

  #refused(remote: Address, error: TransportError): void {
    this.counters.connectionsRefused++;
    const { observer } = this.#settings;
    if (observer !== undefined) notify(observer, { type: "connection-refused", remote, error });
  }
}

function unavailable(code: "closed" | "overloaded", why: string): TransportError {
  return new TransportError(code, `WebSocket handshake refused: ${why}`, { details: { status: 503 } });
}

function unsupported(): TransportError {
  const why = "WebSocket handshake refused: this platform has no way to upgrade a request";
  return new TransportError("unsupported", why, { details: { status: 501 } });
}

function openingRequest(request: Request): OpeningRequest {
  const { headers, method } = request;
  const url = new URL(request.url);
  return {
    method,
    upgrades: names(headers, "connection", "upgrade") && names(headers, "upgrade", "websocket"),
    target: url.pathname + url.search,
    ownOrigin: url.origin,
    field: (name) => headers.get(name) ?? undefined,
    headers: () => new Headers(headers),
  };
}

/** Whether a field that is a list of words has this one. */
function names(headers: Headers, field: string, word: string): boolean {
  return headers.get(field)?.split(",").some((each) => each.trim().toLowerCase() === word) ?? false;
}

/** Where the client is, as far as the server says. */
function remoteOf(info: unknown): Address {
  const { remoteAddr } = (info ?? {}) as { remoteAddr?: Partial<Address> | null };
  const { hostname, port } = remoteAddr ?? {};
  if (typeof hostname !== "string" || typeof port !== "number") return { transport: "websocket" };
  return { transport: "websocket", hostname, port };
}
