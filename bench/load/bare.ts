/**
 * The floor of the load tests: an echo by hand on TCP sockets, with no
 * framework in it. What it measures at some rate, the machine, the platform and
 * the load tool cost.
 *
 * @module
 */

import { emptyCallCounters, type Session, type SessionListener, TransportError } from "../../mod.ts";
import type { CallTransport } from "./transports.ts";

const bufferBytes = 64 * 1024;

/** Both ends. All requests of a session have the same size, and its handler is not asked: it echoes. */
export function bareTcp({ hostname, port }: { hostname: string; port: number }): CallTransport {
  return {
    async dial() {
      const conn = await Deno.connect({ hostname, port });
      conn.setNoDelay(true);
      return new BareSession(conn);
    },
    listen: () => Promise.resolve(listen(hostname, port)),
  };
}

function listen(hostname: string, port: number): SessionListener {
  const listener = Deno.listen({ hostname, port, tcpBacklog: 4096 });
  const finished = Promise.withResolvers<void>();
  const accept = async (): Promise<void> => {
    try {
      for await (const conn of listener) void echo(conn);
    } finally {
      finished.resolve();
    }
  };
  void accept();
  return {
    addr: { transport: "tcp", hostname, port: listener.addr.port },
    channels: {},
    calls: emptyCallCounters(),
    finished: finished.promise,
    shutdown(): Promise<void> {
      listener.close();
      return finished.promise;
    },
  };
}

async function echo(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  const buffer = new Uint8Array(bufferBytes);
  try {
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      for (let at = 0; at < count;) at += await conn.write(buffer.subarray(at, count));
    }
  } catch {
    // The client has gone.
  }
  conn.close();
}

/** Requests go out once a turn; replies come in their order. */
class BareSession implements Session<Uint8Array, Uint8Array> {
  readonly local = { transport: "tcp" };
  readonly remote = { transport: "tcp" };
  readonly capacity = 1_000_000;
  readonly finished: Promise<TransportError | undefined>;
  state: Session<never, never>["state"] = "open";
  load = 0;
  onChange: (() => void) | undefined = undefined;
  readonly #conn: Deno.TcpConn;
  readonly #over = Promise.withResolvers<TransportError | undefined>();
  #waiting: ((reply: Uint8Array) => void)[] = [];
  #next = 0;
  #out: Uint8Array = new Uint8Array(bufferBytes);
  #spare: Uint8Array = new Uint8Array(bufferBytes);
  #outBytes = 0;
  #writing = false;
  #size = 0;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.finished = this.#over.promise;
    this.#read().catch(() => {}).finally(() => {
      this.state = "closed";
      this.#over.resolve(this.load > 0 ? new TransportError("connection-lost", "Connection lost") : undefined);
    });
  }

  call(request: Uint8Array): Promise<Uint8Array> {
    if (request.length === 0) return Promise.reject(new TransportError("unsupported", "Cannot echo nothing"));
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.load++;
      this.#size = request.length;
      if (this.#outBytes + request.length > this.#out.length) this.#grow(request.length);
      this.#out.set(request, this.#outBytes);
      this.#outBytes += request.length;
      if (this.#writing) return;
      this.#writing = true;
      queueMicrotask(() => void this.#write().catch(() => {}));
    });
  }

  send(): never {
    throw new TransportError("unsupported", "Cannot send one way: an echo answers all");
  }

  ping(): Promise<number> {
    return Promise.reject(new TransportError("unsupported", "Cannot ping: an echo has nothing but calls"));
  }

  close(): Promise<void> {
    this.abort();
    return this.finished.then(() => {});
  }

  abort(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.#conn.close();
  }

  async #write(): Promise<void> {
    while (this.#outBytes > 0) {
      const batch = this.#out.subarray(0, this.#outBytes);
      [this.#out, this.#spare] = [this.#spare, this.#out];
      this.#outBytes = 0;
      for (let at = 0; at < batch.length;) at += await this.#conn.write(at === 0 ? batch : batch.subarray(at));
    }
    this.#writing = false;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(bufferBytes);
    let filled = 0;
    for (;;) {
      const count = await this.#conn.read(filled === 0 ? buffer : buffer.subarray(filled));
      if (count === null) return;
      filled += count;
      let at = 0;
      for (; filled - at >= this.#size; at += this.#size) this.#answer(buffer.subarray(at, at + this.#size));
      if (at < filled) buffer.copyWithin(0, at, filled);
      filled -= at;
    }
  }

  #answer(reply: Uint8Array): void {
    const waiting = this.#waiting;
    const resolve = waiting[this.#next++];
    this.load--;
    if (this.#next === waiting.length) {
      waiting.length = 0;
      this.#next = 0;
    }
    resolve(reply);
    this.onChange?.();
  }

  #grow(bytes: number): void {
    const grown = new Uint8Array(2 * (this.#outBytes + bytes));
    grown.set(this.#out.subarray(0, this.#outBytes));
    this.#out = grown;
  }
}
