/**
 * HTTP: requests and responses as calls.
 *
 * @module
 */

import { formatAddress } from "../../core/channel.ts";
import { named } from "../../core/describe.ts";
import { TransportError } from "../../core/errors.ts";
import { counted } from "../../core/figures.ts";
import { liveSettings } from "../../core/live_settings.ts";
import type { Handler } from "../../core/service.ts";
import type { Session, SessionDialOptions, SessionListener, SessionTransport } from "../../core/session.ts";
import { SessionFigures } from "../../core/session_figures.ts";
import { Http2Session } from "../http2_client/http2_session.ts";
import { HttpSession } from "./http_client.ts";
import { HttpConnection } from "./http_connection.ts";
import { dialHttp, hasSockets } from "./http_dial.ts";
import { type HttpOptions, httpRules, readHttpOptions } from "./http_options.ts";
import { listenHttp } from "./http_server.ts";
import { HttpSocketSession } from "./http_socket_session.ts";

export type { HttpOptions, HttpTlsOptions } from "./http_options.ts";
export { httpRequest } from "./http_plain_request.ts";

/**
 * HTTP/1.1 and HTTP/2: a call is a `Request`, its reply a `Response`.
 *
 * Listening goes through `Deno.serve`: HTTP/1.1 and HTTP/2 on one port, chosen
 * by ALPN with TLS and by prior knowledge without. A handler that throws a
 * {@linkcode TransportError} is answered with the status that says the same;
 * anything else that it throws is printed by the platform and answered 500.
 *
 * Calling has two forms; the option `client` chooses:
 *
 * - **Own sockets**: a session is one connection, so that {@linkcode pool} has
 *   real connections to pool, with a maximum, a lifetime and an idle timeout.
 *   Over HTTP/1.1 it carries one call at a time; over HTTP/2 as many as
 *   `maxInFlight` and the server allow, and can be pinged. With TLS the server
 *   chooses between the two unless the option `protocol` does; without,
 *   HTTP/2 is spoken where that says so. Small writes are not delayed. No
 *   request is ever sent again: a call that is lost says `processed: "no"`
 *   where nothing of it was written or the server says that it has not looked
 *   at it, else `"maybe"`. A response whose body is there when its head is
 *   frees its place at once; any other body holds it until it is read to the
 *   end, cancelled or collected unread. Limits on heads, redirects, interim
 *   responses and all waiting are options.
 * - **`fetch`**, for proxies that the environment names, which own sockets do
 *   not heed: a session is one client with as many connections as it has calls
 *   in flight (HTTP/1.1) or one (HTTP/2).
 *
 * By default it is own sockets where the platform has them. In browsers and on
 * edge runtimes `fetch` is all there is: the platform chooses protocol and
 * certificates, and may itself send a request again whose connection was lost,
 * whatever `resend` says.
 *
 * Over HTTP/2 a body that nobody reads is taken in up to 256 KiB and holds up
 * no other; request bodies go out as far as the server's windows allow, the
 * streams taking turns. Header fields are compressed, secrets such as
 * `authorization` and `cookie` without being remembered. Pushing is off. When
 * a server says that it goes away the session drains, and calls that it has
 * not taken fail as `draining`. A stream that the server resets fails its call:
 * as `overloaded` where it was refused, `remote` where the server has failed,
 * `version-mismatch` where it wants HTTP/1.1, `protocol` where it blames this
 * end, else as `connection-lost`. A server that floods the connection (pings,
 * settings, empty frames, frames for streams that are over, a header block in
 * more than 32 frames) loses it, with `protocol`.
 *
 * A call is in flight until its body has been read or cancelled. Redirects are
 * followed, refused or handed out as the request says and the Fetch standard
 * has it; compressed bodies are decompressed. A request's own fields go out as
 * they are but for those of the connection (`connection`, `transfer-encoding`
 * and their like), which are left out. A body goes out with its length where it
 * was made of text or bytes or is a form of at most 1 MiB, or where the caller
 * gives a `content-length`; else in chunks. `expect: 100-continue` is honoured.
 *
 * On own sockets a response is what `fetch` gives, but for this: its header
 * fields can be changed, and are without `content-encoding` and
 * `content-length` where its body was decompressed; `redirect: "manual"` hands
 * out the redirect itself; its stream has no readers with buffers of their own
 * (BYOB); failures are a {@linkcode TransportError}, a caller's own reason its
 * `cause`. `host` is the caller's to say, and no `accept-language` is added. A
 * name or a password in a URL is refused, and dropped where a redirect has one.
 * `cookie` stays with the first origin as `authorization` does. Responses are
 * refused that readers could take apart differently: folded and doubled
 * fields, lines that end with LF alone, spaces in a chunk's size, codings of
 * the transfer but chunks, a status past 599; and compressed bodies with
 * anything behind their end, a second member of gzip included.
 *
 * Metadata travels in header fields: `traceparent`, `tracestate` and `baggage`
 * under their own names, all others as `meta-…`. Deadlines are kept at the
 * calling end and not sent. One that the chain leaves to the transport bounds
 * the body, too; where a `timeout()` or `deadline()` around keeps it, it bounds
 * the time to the head, and the context's signal ends a body.
 *
 * The times of the calling end, `maxDrainBytes` and `maxInFlight` can be changed while it works
 * ({@linkcode adjustablesOf}): connections that are open go by them from their next request on.
 *
 * Errors: `connect-failed`, `connect-timeout`, `connection-lost`, `protocol`
 * (the response is no HTTP, or more than one), `version-mismatch` (the server
 * does not speak the protocol), `invalid-reply` (a redirect
 * or a coding that leads nowhere), `deadline-exceeded`, `cancelled`,
 * `too-many-calls`, `invalid-request` (another origin, a body that fails),
 * `closed`;
 * `address-in-use` from listening; `unsupported` for one-way sends and for
 * calling back; `invalid-option`. A status of 400 and above is a reply, not an
 * error.
 *
 * Limits of `Deno.serve`: no timeout on a request's head, and no limit on
 * connections. Put a proxy in front where the callers are strangers.
 *
 * When a server ends while uploads of more than 16 KiB or of unknown length are
 * still unanswered, the port stays open until those are answered or the grace
 * is over, and other requests are refused with 503 (`draining`). Without uploads
 * it takes nothing from then on. Other bodies that are still coming in then fail
 * over HTTP/1.1: shorter ones, and those whose response was given before their
 * end. After the grace an `eventStream()` is ended, another streamed response
 * ends if it heeds the signal of its context, and is left to its client if it
 * does not: the program then lives as long as that reads.
 *
 * @example A server, and a client of it
 * ```ts
 * import { chain, http, pool, serve } from "@wireway/wireway";
 * await using server = await serve(http({ port: 8000 }), () => new Response("hello"));
 * await using call = chain(http({ origin: "http://127.0.0.1:8000" }), pool({ max: 8 }));
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
  const { clock: _, observer: __, repeats: ___, counts, tls, client, protocol, ...shown } = settings;
  const sessions = new SessionFigures(counts);
  let onSockets = false;
  const scheme = tls === undefined ? "http" : "https";
  const overFetch = client === "fetch" || (client === "auto" && !hasSockets());
  return named("http", { ...shown, protocol, client, tls: tls === undefined ? undefined : true }, {
    async dial({ signal }: SessionDialOptions<Request, Response> = {}): Promise<Session<Request, Response>> {
      if (signal?.aborted) throw TransportError.from(signal.reason, "cancelled", { processed: "no" });
      const address = formatAddress({ transport: scheme, hostname: settings.hostname, port: settings.port });
      const origin = settings.origin ?? new URL(`${scheme}://${address}`).origin;
      if (!overFetch) {
        const connection = await dialHttp(origin, settings, signal);
        onSockets = true;
        return sessions.dialled(
          connection instanceof HttpConnection
            ? new HttpSocketSession(origin, settings, connection)
            : new Http2Session(origin, settings, connection),
        );
      }
      try {
        return sessions.dialled(new HttpSession(origin, settings));
      } catch (error) {
        throw TransportError.from(error, "connect-failed");
      }
    },

    listen: (handler: Handler<Request, Response>): Promise<SessionListener> =>
      listenHttp(settings, handler).then((listener) => sessions.serves(listener)),
  }, () => [
    ...sessions.figures(),
    ...(onSockets ? [counted("bytes in", counts.bytesIn, "By"), counted("bytes out", counts.bytesOut, "By")] : []),
  ], liveSettings("http()", settings, httpRules, liveNames));
}

/** What can be changed while it works: connections that there are go by it from their next request on. */
const liveNames = [
  "maxInFlight",
  "connectTimeoutMs",
  "headTimeoutMs",
  "bodyTimeoutMs",
  "continueTimeoutMs",
  "idleMarginMs",
  "maxDrainBytes",
] as const;
