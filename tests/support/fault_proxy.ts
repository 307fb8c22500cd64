/**
 * A TCP proxy that breaks connections on command, for tests of what a client
 * and a server do when the network fails.
 *
 * How a reset is made: a socket closed with SO_LINGER at zero sends a lone
 * RST. Deno's own connections have no such option, and their `close()` calls
 * shutdown(2) first, so that the peer sees a FIN even where unread data makes
 * the kernel add a RST. `node:net` has `resetAndDestroy()`, which does set
 * SO_LINGER; the proxy is built on `node:net` for that one method.
 *
 * @module
 */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Cut, type Direction, type Faults, Link } from "./_fault_proxy_link.ts";

export type { Cut, Direction };

/** Options for {@linkcode faultProxy}. */
export interface FaultProxyOptions {
  /** The port on 127.0.0.1 that connections are forwarded to. */
  upstreamPort: number;
}

/** Options for {@linkcode FaultProxy.cutAfterBytes}. */
export interface CutAfterOptions {
  /**
   * How the connection is cut.
   *
   * @default {"reset"}
   */
  how?: Cut;
  /**
   * How many connections are cut before the rule is spent.
   *
   * @default {1}
   */
  times?: number;
}

/** A running proxy. Disposing closes its port and resets its connections. */
export interface FaultProxy extends AsyncDisposable {
  /** The port on 127.0.0.1 that clients connect to. */
  readonly port: number;
  /** How many connections are open. */
  readonly connections: number;
  /** How many connections were ever forwarded. */
  readonly accepted: number;
  /**
   * Cuts every open connection on both sides. Bytes that the proxy holds are
   * dropped.
   *
   * `"fin"`: the peer reads the end of the stream; its first write goes
   * through, a later one fails, as with a program that has closed its socket.
   * `"reset"`: the peer's pending read or next write fails.
   */
  cutAll(how: Cut): void;
  /**
   * Cuts a connection once `bytes` bytes went in a direction: those arrive,
   * not one more, and a reset comes 50 ms later, because it would throw away
   * what the receiver has not read yet. With 0 the connection is cut when its first byte comes.
   * Each connection counts from this call, or from its opening if that is
   * later. A new call replaces the rule for that direction.
   */
  cutAfterBytes(
    bytes: number,
    direction: Direction,
    options?: CutAfterOptions,
  ): void;
  /**
   * Stops forwarding, both ways: bytes, ends and resets. Connections stay
   * open and new ones are accepted: a blackhole, except that the kernel
   * acknowledges what fits its buffers.
   */
  pause(): void;
  /** Forwards again, beginning with what was held. */
  resume(): void;
  /**
   * Forwards at most this many bytes a second, on each connection and in each
   * direction. `Infinity` lifts the limit.
   */
  throttle(bytesPerSecond: number): void;
  /** Lets each byte take this long, in each direction, without making the stream slower. 0 lifts it. */
  delay(latencyMs: number): void;
  /** Swallows the next `bytes` bytes that go in a direction, and forwards what follows: a broken box in between. */
  lose(bytes: number, direction: Direction): void;
  /**
   * Forwards nothing more on the connections that are open, for ever, while new
   * ones work: half-open, as after a box in between has forgotten them.
   */
  freeze(): void;
  /**
   * Closes new connections as soon as they are accepted, or no longer does.
   * The client's connect succeeds: `ConnectionRefused` needs a closed port.
   */
  refuse(on: boolean): void;
}

/**
 * Starts a proxy on a free port of 127.0.0.1. Nagle's algorithm is off on both
 * sides, and a half-closed connection is forwarded as one.
 *
 * @example Usage
 * ```ts
 * import { faultProxy } from "./fault_proxy.ts";
 *
 * await using proxy = await faultProxy({ upstreamPort: 8080 });
 * using conn = await Deno.connect({ port: proxy.port });
 * proxy.cutAll("reset");
 * ```
 */
export async function faultProxy(
  options: FaultProxyOptions,
): Promise<FaultProxy> {
  const faults: Faults = { bytesPerSecond: Infinity, latencyMs: 0, losing: { up: 0, down: 0 }, rules: {} };
  const sockets = new Set<Socket>();
  const links = new Set<Link>();
  let refusing = false;
  let accepted = 0;

  function track(socket: Socket): Socket {
    sockets.add(socket);
    // The link hears of errors where it reads and writes.
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    return socket;
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    track(client).setNoDelay(true);
    if (refusing) return void client.destroy();
    accepted++;
    const upstream = track(connect({
      host: "127.0.0.1",
      port: options.upstreamPort,
      allowHalfOpen: true,
    }));
    upstream.setNoDelay(true);
    const link = new Link(client, upstream, faults);
    links.add(link);
    void link.ended.then(() => links.delete(link));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  function resume(): void {
    faults.paused?.resolve();
    faults.paused = undefined;
  }

  return {
    port,
    get connections() {
      return [...links].filter((link) => !link.cutBy).length;
    },
    get accepted() {
      return accepted;
    },
    cutAll(how) {
      for (const link of links) link.cut(how);
    },
    cutAfterBytes(bytes, direction, { how = "reset", times = 1 } = {}) {
      faults.rules[direction] = { bytes, how, times };
      for (const link of links) link.forwarded[direction] = 0;
    },
    pause() {
      faults.paused ??= Promise.withResolvers<void>();
    },
    resume,
    throttle(bytesPerSecond) {
      faults.bytesPerSecond = bytesPerSecond;
    },
    delay(latencyMs) {
      faults.latencyMs = latencyMs;
    },
    lose(bytes, direction) {
      faults.losing[direction] += bytes;
    },
    freeze() {
      for (const link of links) link.frozen = true;
    },
    refuse(on) {
      refusing = on;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      const ended = [...links].map((link) => link.ended);
      const gone = [...sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
      for (const link of links) link.cut("reset");
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed, ...ended, ...gone]);
    },
  };
}
