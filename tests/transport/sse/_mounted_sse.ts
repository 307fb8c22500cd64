/**
 * Both ends of mounted sse(): a handler in `Deno.serve`, and a client over the
 * platform's fetch.
 *
 * @module
 */

import { type ChannelTransport, type MountedSse, mountedSse, type SseChannelOptions, sseClient } from "../../../mod.ts";
import { testCert, testKey } from "../../support/certs.ts";

/** A mounted transport on a port of its own. */
export interface ServedSse {
  /** Dials what it listens on. */
  readonly transport: ChannelTransport;
  readonly mounted: MountedSse;
  /** Where it is. */
  readonly url: string;
  readonly port: number;
  /** Dials by way of another port: a proxy's. */
  readonly through: (port: number) => ChannelTransport;
  /** Ends the HTTP server and the connections to it. */
  end(): Promise<void>;
}

/** How it is served. */
export interface ServingOptions {
  /** What the client speaks. */
  readonly protocol?: "h1" | "h2";
  /** Over TLS. */
  readonly secured?: boolean;
}

/** Serves it. */
export function servedSse(
  options: SseChannelOptions = {},
  { protocol = "h1", secured = false }: ServingOptions = {},
): ServedSse {
  const mounted = mountedSse(options);
  const tls = secured ? { cert: testCert, key: testKey } : {};
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls }, mounted.fetch);
  const client = Deno.createHttpClient({
    http1: protocol === "h1",
    http2: protocol === "h2",
    ...secured ? { caCerts: [testCert] } : {},
  });
  const { port } = server.addr;
  const urlAt = (at: number): string => `${secured ? "https" : "http"}://127.0.0.1:${at}/live`;
  const fetchOptions = { client } as RequestInit;
  const through = (at: number): ChannelTransport => sseClient({ ...options, url: urlAt(at), fetchOptions });
  return {
    mounted,
    port,
    url: urlAt(port),
    transport: {
      dial: (dialOptions) => through(port).dial(dialOptions),
      async listen(accept) {
        const listener = await mounted.listen(accept);
        return {
          addr: { transport: "tcp", hostname: "127.0.0.1", port },
          counters: listener.counters,
          finished: listener.finished,
          close: () => listener.close(),
        };
      },
    },
    through,
    async end() {
      client.close();
      await server.shutdown();
    },
  };
}
