/**
 * platformWebSocket() on an HTTP server of Deno's, for tests: the ends of its
 * sockets are waited for, so that nothing is left behind.
 *
 * @module
 */

import type { Address, ChannelTransport, MountedTransport, PlatformWebSocketOptions } from "../../mod.ts";
import { platformWebSocket } from "../../mod.ts";
import { testCert, testKey } from "./certs.ts";
import { until } from "./channels.ts";

/** A server that a transport is mounted in. */
export interface MountedServer {
  readonly transport: MountedTransport;
  /** `ws://127.0.0.1:…/` */
  readonly url: string;
  readonly port: number;
  /** The transport, but for where it says that it listens: on the server's port. */
  readonly onPort: ChannelTransport;
  /** Ends the server. */
  end(): Promise<void>;
}

/** Begins to serve; 503 until the transport is listened on. */
export function mountedServer(options: PlatformWebSocketOptions = {}, { tls = false, port = 0 } = {}): MountedServer {
  const transport = platformWebSocket(options);
  const secured = tls ? { cert: testCert, key: testKey } : {};
  const server = Deno.serve({ port, hostname: "127.0.0.1", onListen() {}, ...secured }, transport.fetch);
  const addr: Address = { transport: "tcp", hostname: "127.0.0.1", port: server.addr.port };
  const onPort: ChannelTransport = {
    dial: (dialOptions) => transport.dial(dialOptions),
    async listen(accept) {
      const listener = await transport.listen(accept);
      const { counters, finished } = listener;
      return { addr, counters, finished, close: () => listener.close() };
    },
  };
  return {
    transport,
    onPort,
    port: server.addr.port,
    url: `${tls ? "wss" : "ws"}://127.0.0.1:${server.addr.port}/`,
    end: () => server.shutdown(),
  };
}

/** Dials with the platform's object, trusting the certificate of the tests. */
export interface PlatformDialler {
  /** What dials; it does not listen. */
  dialTo(url: string, options?: PlatformWebSocketOptions): MountedTransport;
  /** Waits until all sockets are closed. */
  end(): Promise<void>;
}

/** Makes one. */
export function platformDialler(): PlatformDialler {
  const sockets: WebSocket[] = [];
  let client: Deno.HttpClient | undefined;
  return {
    dialTo(url, options = {}) {
      const createWebSocket = (to: string, protocols: string[]): WebSocket => {
        // With HTTP/2 allowed Deno knocks twice at a door that is shut.
        if (to.startsWith("wss:")) client ??= Deno.createHttpClient({ caCerts: [testCert], http2: false });
        const socket = new WebSocket(to, { protocols, ...client === undefined ? {} : { client } });
        sockets.push(socket);
        return socket;
      };
      return platformWebSocket({ ...options, url, createWebSocket });
    },
    async end() {
      for (const socket of sockets) socket.close();
      await until(() => sockets.every(({ readyState }) => readyState === WebSocket.CLOSED), "the end of all sockets");
      client?.close();
    },
  };
}
