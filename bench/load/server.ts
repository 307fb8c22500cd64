/**
 * The server process of a load test: answers each call with its request.
 *
 * `server.ts TRANSPORT [PATH|ADDRESSES]` prints the places where it listens,
 * answers `{"do":"usage"}` on its standard input and ends when that closes.
 *
 * @module
 */

import { serve, type Server } from "../../mod.ts";
import { heard, tell } from "./lines.ts";
import { type Place, type TransportName, transportOf } from "./transports.ts";
import { UsageMeter } from "./usage.ts";

/** What the server is asked. */
export interface ServerRequest {
  do: "usage";
  /** Collect the garbage first. */
  gc: boolean;
}

if (import.meta.main) {
  // The parent says when it is over: Ctrl-C reaches the whole group of processes.
  Deno.addSignalListener("SIGINT", () => {});
  const [name, detail] = Deno.args as [TransportName, string];
  const servers: Server[] = [];
  for (const place of placesOf(name, detail)) servers.push(await serve(transportOf(name, place), (request) => request));
  const meter = new UsageMeter();
  tell({ places: servers.map(({ addr: { hostname, port, path } }): Place => ({ hostname, port, path })) });
  for await (const { gc } of heard<ServerRequest>()) {
    const calls = servers.reduce((sum, { calls }) => sum + calls.started, 0);
    tell({ usage: meter.read(gc), calls });
  }
  Deno.exit(0);
}

/** A unix socket, or ports on as many addresses of the loopback as are asked for: each has all client ports anew. */
function placesOf(name: TransportName, detail: string): Place[] {
  if (name === "unix") return [{ path: detail }];
  return Array.from({ length: Number(detail) }, (_, i) => ({ hostname: `127.0.0.${i + 1}`, port: 0 }));
}
