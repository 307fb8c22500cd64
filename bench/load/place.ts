/**
 * Which server the command line names.
 *
 * @module
 */

import { UsageError } from "./usage_error.ts";
import { hasPort, type Place, type TransportName, transportNames } from "./transports.ts";

/** The words of the command line. */
export interface PlaceWords {
  url: string | undefined;
  port: number | undefined;
  host: string | undefined;
  transport: string | undefined;
}

/** The transport, and the server where one runs already. */
export interface ChosenPlace {
  transport: TransportName;
  server: Place | undefined;
}

/** What the scheme of a URL stands for: its transport, unless another is named, and its port. */
const schemes: Record<string, { transports: readonly TransportName[]; port?: number; secure?: boolean }> = {
  "tcp:": { transports: ["tcp"] },
  "tls:": { transports: ["tls"], secure: true },
  "unix:": { transports: ["unix"] },
  "http:": { transports: ["http", "h2", "sse"], port: 80 },
  "https:": { transports: ["http", "h2", "sse"], port: 443, secure: true },
  "ws:": { transports: ["websocket"], port: 80 },
  "wss:": { transports: ["websocket"], port: 443, secure: true },
};

/** Reads where the server is. Throws {@linkcode UsageError}. */
export function placeOf({ url, port, host, transport }: PlaceWords): ChosenPlace {
  if (transport !== undefined && !transportNames.includes(transport as TransportName)) {
    throw new UsageError(`Cannot use --transport ${transport}: ${transportNames.join(", ")} are allowed`);
  }
  const named = transport as TransportName | undefined;
  if (url !== undefined) {
    if (port !== undefined || host !== undefined) {
      throw new UsageError("Cannot use --url with --port or --host: the URL says where the server is");
    }
    return placeOfUrl(url, named);
  }
  const name = named ?? "tcp";
  if (port === undefined) {
    if (host !== undefined) throw new UsageError("Cannot use --host without --port: our own server is on this machine");
    return { transport: name, server: undefined };
  }
  if (!hasPort(name)) throw new UsageError(`Cannot use --port with --transport ${name}: it has none`);
  return { transport: name, server: { hostname: host ?? "127.0.0.1", port } };
}

function placeOfUrl(text: string, named: TransportName | undefined): ChosenPlace {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const scheme = url && schemes[url.protocol];
  if (url === undefined || scheme === undefined) {
    const allowed = Object.keys(schemes).map((scheme) => `${scheme}//`).join(", ");
    throw new UsageError(`Cannot use --url ${text}: a URL of ${allowed} is allowed`);
  }
  if (named !== undefined && !scheme.transports.includes(named)) {
    throw new UsageError(
      `Cannot use --transport ${named} with ${url.protocol}//: it goes with ${scheme.transports.join(", ")}`,
    );
  }
  const transport = named ?? scheme.transports[0];
  if (transport === "unix") {
    if (url.pathname.length < 2) throw new UsageError(`Cannot use --url ${text}: it names no path`);
    return { transport, server: { path: decodeURIComponent(url.pathname) } };
  }
  const port = url.port === "" ? scheme.port : Number(url.port);
  if (port === undefined || url.hostname === "") {
    throw new UsageError(`Cannot use --url ${text}: it names no host and port`);
  }
  const path = url.pathname.length > 1 ? url.pathname : undefined;
  return { transport, server: { hostname: url.hostname, port, path, secure: scheme.secure } };
}
