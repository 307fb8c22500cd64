/**
 * nginx between a client and a server of a test.
 *
 * @module
 */

import { startProxy } from "./_proxy.ts";
import type { Proxy } from "./_proxy.ts";
import { type Peer, peer } from "./peer.ts";

export type { Proxy } from "./_proxy.ts";

/** The program, for `peerTest()`. */
export const nginx: Peer = peer("nginx", "nginx-light");

/** Options of {@linkcode startNginx}. */
export interface NginxOptions {
  /** The port of the server behind it, on 127.0.0.1. */
  readonly upstreamPort: number;
  /** Directives of the location, each without its semicolon. */
  readonly location?: readonly string[];
}

/**
 * Starts nginx on a free port, with its defaults but for HTTP/1.1 to the server
 * behind it and what `location` says.
 *
 * @example Usage
 * ```ts ignore
 * import { nginx, startNginx } from "./nginx.ts";
 *
 * peerTest("a WebSocket passes nginx", [nginx], async () => {
 *   const location = ["proxy_set_header Upgrade $http_upgrade", "proxy_set_header Connection upgrade"];
 *   await using proxy = await startNginx({ upstreamPort: 9000, location });
 *   new WebSocket(`ws://127.0.0.1:${proxy.port}/`);
 * });
 * ```
 */
export function startNginx({ upstreamPort, location = [] }: NginxOptions): Promise<Proxy> {
  return startProxy({
    command: "nginx",
    args: (file, folder) => ["-p", folder, "-c", file, "-e", "stderr"],
    config: (port, folder) => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${upstreamPort};
      proxy_http_version 1.1;
      ${location.map((directive) => `${directive};`).join("\n      ")}
    }
  }
}
`,
  });
}
