/**
 * The floor of the load tests: an echo by hand on TCP sockets, with no
 * framework in it. What it measures at some rate, the machine, the platform and
 * the load tool cost.
 *
 * @module
 */

import { emptyCallCounters, type Session, type SessionListener, TransportError } from "../../mod.ts";
import { BatchWriter, writeAll } from "../floor/batch_writer.ts";
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
      await writeAll(conn, buffer.subarray(0, count));
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
  readonly #out: BatchWriter;
  readonly #over = Promise.withResolvers<TransportError | undefined>();
  #waiting: ((reply: Uint8Array) => void)[] = [];
  #next = 0;
  #size = 0;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.#out = new BatchWriter(conn, { bufferBytes, earlyFrames: Infinity, failed: () => {} });
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
      const at = this.#out.reserve(request.length);
      this.#out.buffer.set(request, at);
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
}
