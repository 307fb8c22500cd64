/**
 * Both ends of mounted sse(): a handler in `Deno.serve`, and a client over the
 * platform's fetch.
 *
 * @module
 */

import { type ChannelTransport, type MountedSse, mountedSse, type SseChannelOptions, sseClient } from "../../../mod.ts";

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

/** Serves it. */
export function servedSse(options: SseChannelOptions = {}, protocol: "h1" | "h2" = "h1"): ServedSse {
  const mounted = mountedSse(options);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, mounted.fetch);
  const client = Deno.createHttpClient({ http1: protocol === "h1" });
  const { port } = server.addr;
  const urlAt = (at: number): string => `http://127.0.0.1:${at}/live`;
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
