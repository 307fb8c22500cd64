/**
 * HTTP/2 through `node:http2`, for those who need to set what `Deno.serve` has
 * fixed: streams, windows, the sizes of frames and of header fields.
 *
 * ```ts
 * import { chain, concurrencyLimit, serve } from "@wireway/wireway";
 * import { nodeHttp2 } from "@wireway/wireway/node-http2";
 *
 * const wire = nodeHttp2({ port: 8000, maxConcurrentStreams: 1000, windowBytes: 4 * 1024 * 1024 });
 * await serve(wire, chain((_: Request) => new Response("hello"), concurrencyLimit()));
 * ```
 *
 * @module
 */

import {
  type Clock,
  counted,
  current,
  type Figure,
  type Handler,
  type Observer,
  type Session,
  type SessionListener,
  type SessionTransport,
  systemClock,
  TransportError,
} from "../mod.ts";
import { named } from "../src/core/describe.ts";
import { duration, given, integer, invalidOption, label, readOptions } from "../src/core/options.ts";
import { listenNodeHttp2 } from "./node_http2/http2_server.ts";

/**
 * Options of {@linkcode nodeHttp2}.
 *
 * @example
 * ```ts
 * import { nodeHttp2, type NodeHttp2Options } from "@wireway/wireway/node-http2";
 * const options: NodeHttp2Options = { port: 8000, maxConcurrentStreams: 1000, maxFrameBytes: 65_536 };
 * nodeHttp2(options);
 * ```
 */
export interface NodeHttp2Options {
  /** Where to listen. @default {"127.0.0.1"} this machine only */
  hostname?: string;
  /** Port to listen on; 0 lets the system choose. */
  port: number;
  /** TLS, as PEM. Without it plain HTTP/2 is spoken, by prior knowledge (h2c). */
  tls?: {
    /** Certificate chain. */
    cert: string;
    /** Private key. */
    key: string;
  };
  /** Connections that the system holds before they are accepted. @default {511} */
  backlog?: number;
  /** Connections open at once; further ones are closed as they come. @default {65536} */
  maxConnections?: number;
  /** Requests in flight at once on a connection. `Deno.serve` has 200. @default {200} */
  maxConcurrentStreams?: number;
  /** Bytes of a request's body that a client may send before they are taken up. `Deno.serve` has 1 MiB. @default {1048576} 1 MiB */
  windowBytes?: number;
  /** The same, of all bodies of a connection together. @default {windowBytes} */
  connectionWindowBytes?: number;
  /** The largest frame that a client may send, in bytes. `Deno.serve` has 16 KiB. @default {16384} 16 KiB */
  maxFrameBytes?: number;
  /** The largest header list of a request, in bytes as HTTP/2 counts them; above it 431 is answered. `Deno.serve` has 16 KiB. @default {16384} 16 KiB */
  maxHeaderListBytes?: number;
  /** The table that header fields are compressed by, in bytes; 0 for none. @default {4096} */
  headerTableBytes?: number;
  /** Time without a request in flight after which a connection ends, in milliseconds. @default {300000} 5 minutes */
  idleTimeoutMs?: number;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Hears of connections. */
  observer?: Observer;
}

/**
 * A transport that serves HTTP/2 by `node:http2`, to the same handlers as
 * `http()`: with `serve()` it ends gracefully, by GOAWAY. A handler's context is
 * cancelled when its client resets the stream or goes away. Bodies are streams
 * with backpressure both ways: a client sends no more than `windowBytes` that
 * nobody has read, and a response's body is read no faster than its client takes
 * it.
 *
 * Prefer `http()` where you can: of requests with a short answer, `Deno.serve`
 * answered 5.1 times as many a second by h2c in one run on one busy machine
 * (h2load, 4 connections of 32 streams; `bench/programs/node_http2.ts`). And
 * **Deno 2.9.6 aborts the whole process** (an assertion of nghttp2, in a server of
 * three lines of `node:http2` alone, too) in most runs where h2load ends a
 * connection under load by GOAWAY. Until that is mended, put it behind a proxy
 * whose connections stay, and have the process started anew. A client of
 * HTTP/1.1 is refused.
 *
 * It only listens. To call, use `http({ protocol: "h2" })`.
 *
 * Errors: `address-in-use`, `invalid-option`, `unsupported` to dial.
 *
 * @example Over TLS, with large windows for uploads from far away
 * ```ts
 * import { serve } from "@wireway/wireway";
 * import { nodeHttp2 } from "@wireway/wireway/node-http2";
 * declare const tls: { cert: string; key: string };
 * const windowBytes = 8 * 1024 * 1024;
 * await serve(nodeHttp2({ port: 8443, tls, windowBytes }), async (request: Request) => {
 *   return new Response(`${(await request.bytes()).length} bytes`);
 * });
 * ```
 */
export function nodeHttp2(options: NodeHttp2Options): SessionTransport<Request, Response> {
  const owner = "nodeHttp2()";
  const read = readOptions(owner, options, {
    hostname: label("127.0.0.1"),
    port: integer(undefined, 0, 65_535),
    tls: given<NodeHttp2Options["tls"]>(undefined, "an object"),
    backlog: integer(511, 1, 65_535),
    maxConnections: integer(65_536, 1, 10_000_000),
    maxConcurrentStreams: integer(200, 1, 0x7fff_ffff),
    windowBytes: integer(1024 * 1024, 1, 0x7fff_ffff),
    connectionWindowBytes: integer(undefined, 65_535, 0x7fff_ffff),
    maxFrameBytes: integer(16_384, 16_384, 16_777_215),
    maxHeaderListBytes: integer(16_384, 256, 16 * 1024 * 1024),
    headerTableBytes: integer(4096, 0, 16 * 1024 * 1024),
    idleTimeoutMs: duration(300_000, 1),
    clock: given<Clock>(systemClock, "an object"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
  if (read.port === undefined) throw invalidOption(owner, "port", undefined, "an integer from 0 to 65535");
  const tls = read.tls === undefined
    ? undefined
    : readOptions(`tls of ${owner}`, read.tls, { cert: label(undefined), key: label(undefined) });
  if (tls !== undefined && (tls.cert === undefined || tls.key === undefined)) {
    throw invalidOption(owner, "tls", "half a pair", "cert and key together, or neither");
  }
  const settings: NodeHttp2Settings = {
    ...read,
    port: read.port,
    tls: tls as NodeHttp2Settings["tls"],
    connectionWindowBytes: read.connectionWindowBytes ?? Math.max(65_535, read.windowBytes),
  };
  const { clock: _, observer: __, tls: ___, ...shown } = settings;
  let listener: SessionListener | undefined;
  return named("nodeHttp2", { ...shown, tls: tls !== undefined }, {
    dial: (): Promise<Session<Request, Response>> => {
      const why = `Cannot dial by nodeHttp2(): it only listens, use http({ protocol: "h2" })`;
      return Promise.reject(new TransportError("unsupported", why));
    },
    listen: (handler: Handler<Request, Response>): Promise<SessionListener> =>
      listenNodeHttp2(settings, handler).then((listening) => listener = listening),
  }, () => listener === undefined ? [] : figuresOf(listener));
}

function figuresOf({ channels, calls }: SessionListener): Figure[] {
  return [
    current("open", channels.connectionsOpen),
    counted("accepted", channels.connectionsAccepted),
    counted("refused", channels.connectionsRefused),
    current("answering", calls.inFlight),
    counted("answered", calls.started),
    counted("failed", calls.failed),
  ];
}

/**
 * The settings that it works by.
 *
 * @example
 * ```ts
 * import type { NodeHttp2Settings } from "@wireway/wireway/node-http2";
 * const isSecured = ({ tls }: NodeHttp2Settings): boolean => tls !== undefined;
 * ```
 */
export interface NodeHttp2Settings extends Required<Omit<NodeHttp2Options, "tls" | "observer">> {
  /** TLS. */
  readonly tls: NodeHttp2Options["tls"];
  /** Hears of connections. */
  readonly observer: Observer | undefined;
}
