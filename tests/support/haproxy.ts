/**
 * haproxy between a client and a server of a test.
 *
 * @module
 */

import { startProxy } from "./_proxy.ts";
import type { Proxy } from "./_proxy.ts";
import { type Peer, peer } from "./peer.ts";

export type { Proxy } from "./_proxy.ts";

/** The program, for `peerTest()`. */
export const haproxy: Peer = peer("haproxy", "haproxy");

/** Options of {@linkcode startHaproxy}. */
export interface HaproxyOptions {
  /** The port of the server behind it, on 127.0.0.1. */
  readonly upstreamPort: number;
  /** Lines of the section `defaults`, such as `option http-no-delay`, which event streams need. */
  readonly defaults?: readonly string[];
}

/**
 * Starts haproxy on a free port, in HTTP mode.
 *
 * @example Usage
 * ```ts ignore
 * import { haproxy, startHaproxy } from "./haproxy.ts";
 *
 * peerTest("events pass haproxy", [haproxy], async () => {
 *   await using proxy = await startHaproxy({ upstreamPort: 9000, defaults: ["option http-no-delay"] });
 *   new EventSource(`http://127.0.0.1:${proxy.port}/`);
 * });
 * ```
 */
export function startHaproxy({ upstreamPort, defaults = [] }: HaproxyOptions): Promise<Proxy> {
  return startProxy({
    command: "haproxy",
    args: (file) => ["-db", "-q", "-f", file],
    config: (port) => `
global
  maxconn 1024
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout tunnel 60s
  ${defaults.join("\n  ")}
frontend front
  bind 127.0.0.1:${port}
  default_backend back
backend back
  server one 127.0.0.1:${upstreamPort}
`,
  });
}
