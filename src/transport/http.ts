/**
 * HTTP: requests and responses as calls.
 *
 * @module
 */

import { formatAddress } from "../core/channel.ts";
import { named } from "../core/describe.ts";
import { TransportError } from "../core/errors.ts";
import type { Handler } from "../core/service.ts";
import type { Session, SessionDialOptions, SessionListener, SessionTransport } from "../core/session.ts";
import { HttpSession } from "./http_client.ts";
import { type HttpOptions, readHttpOptions } from "./http_options.ts";
import { listenHttp } from "./http_server.ts";

export type { HttpOptions, HttpTlsOptions } from "./http_options.ts";

/**
 * HTTP/1.1 and HTTP/2: a call is a `Request`, its reply a `Response`.
 *
 * Listening goes through `Deno.serve`: HTTP/1.1 and HTTP/2 on one port, chosen
 * by ALPN with TLS and by prior knowledge without. A handler that throws a
 * {@linkcode TransportError} is answered with the status that says the same;
 * anything else that it throws is printed by the platform and answered 500.
 *
 * Calling goes through `fetch`, whose connections the platform keeps: a session
 * is one client with as many connections as it has calls in flight (HTTP/1.1)
 * or one (HTTP/2). A call is in flight until its body has been read or
 * cancelled.
 *
 * Metadata travels in header fields: `traceparent`, `tracestate` and `baggage`
 * under their own names, all others as `meta-…`. Deadlines are kept at the
 * calling end and not sent.
 *
 * Errors: `connect-failed`, `connection-lost`, `deadline-exceeded`,
 * `cancelled`, `too-many-calls`, `invalid-request` (another origin), `closed`;
 * `address-in-use` from listening; `unsupported` for one-way sends and for
 * calling back; `invalid-option`. A status of 400 and above is a reply, not an
 * error.
 *
 * Limits of `Deno.serve`: no timeout on a request's head, and no limit on
 * connections. Put a proxy in front where the callers are strangers. When a
 * server ends, request bodies that are still coming in fail at once; after the
 * grace a streamed response ends if it heeds the signal of its context, and is
 * left to its client if it does not.
 *
 * @example A server, and a client of it
 * ```ts
 * import { chain, http, reconnect, serve } from "@wireway/wireway";
 * await using server = await serve(http({ port: 8000 }), () => new Response("hello"));
 * await using call = chain(http({ origin: "http://127.0.0.1:8000" }), reconnect());
 * const response = await call(new Request("http://127.0.0.1:8000/"));
 * console.log(await response.text());
 * ```
 *
 * @example A Hono app
 * ```ts
 * import { http, serve } from "@wireway/wireway";
 * import { Hono } from "hono";
 * const app = new Hono().get("/", (c) => c.text("hello"));
 * await serve(http({ port: 8000 }), app.fetch);
 * ```
 */
export function http(options: HttpOptions): SessionTransport<Request, Response> {
  const settings = readHttpOptions(options);
  const { clock: _, tls, ...shown } = settings;
  return named("http", { ...shown, tls: tls === undefined ? undefined : true }, {
    dial({ signal }: SessionDialOptions<Request, Response> = {}): Promise<Session<Request, Response>> {
      if (signal?.aborted) return Promise.reject(TransportError.from(signal.reason, "cancelled", { processed: "no" }));
      const scheme = tls === undefined ? "http" : "https";
      const address = formatAddress({ transport: scheme, hostname: settings.hostname, port: settings.port });
      try {
        return Promise.resolve(new HttpSession(settings.origin ?? new URL(`${scheme}://${address}`).origin, settings));
      } catch (error) {
        return Promise.reject(TransportError.from(error, "connect-failed"));
      }
    },

    listen: (handler: Handler<Request, Response>): Promise<SessionListener> => listenHttp(settings, handler),
  });
}
