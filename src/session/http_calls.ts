/**
 * Calls in bytes over HTTP: the same service as over TCP, by POST.
 *
 * @module
 */

import { formatAddress } from "../core/channel.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { background, type CallContext } from "../core/context.ts";
import { named } from "../core/describe.ts";
import { type ErrorCode, errorCodes, type Processed, TransportError } from "../core/errors.ts";
import { statusOf } from "../core/http_status.ts";
import { given, integer, invalidOption, label, readOptions } from "../core/options.ts";
import type { Handler, Middleware } from "../core/service.ts";
import type {
  Session,
  SessionDialOptions,
  SessionListener,
  SessionTransport,
  ShutdownOptions,
} from "../core/session.ts";
import { readBody } from "../core/read_body.ts";

/**
 * Options of {@linkcode httpCalls}.
 *
 * @example
 * ```ts
 * import { httpCalls, type HttpCallsOptions } from "@wireway/wireway";
 * const options: HttpCallsOptions = { path: "/rpc", maxMessageBytes: 65_536 };
 * httpCalls(options);
 * ```
 */
export interface HttpCallsOptions {
  /** Where calls are posted. @default {"/call"} */
  path?: string;
  /** The largest request or reply, in bytes. @default {16777216} 16 MiB */
  maxMessageBytes?: number;
  /** Measures deadlines. @default {systemClock} */
  clock?: Clock;
}

/** Time left of a call, in milliseconds. */
const timeLeftField = "wireway-time-left-ms";
/** The code of an error; its presence says that the body describes one. */
const errorField = "wireway-error";

/**
 * Carries calls in bytes over HTTP: a call is a POST with the request as its
 * body, its reply a 200 with the reply as its body. Deadlines, metadata,
 * cancelling and errors travel as with {@linkcode mux}; any HTTP client can
 * call, too. There are no one-way sends and no calls back.
 *
 * An error is a status of 400 or above, `wireway-error: CODE`, and a JSON body
 * with `message`, `processed`, `retryAfterMs` and `details`.
 *
 * Place: directly on {@linkcode http}.
 *
 * Errors: those of the transport below; `message-too-large`, `remote` and
 * whatever {@linkcode TransportError} the far side's handler throws;
 * `invalid-reply` for an answer that is none of ours; `invalid-option`.
 *
 * @example The same service on TCP and HTTP
 * ```ts
 * import { chain, http, httpCalls, mux, serve, tcp, text } from "@wireway/wireway";
 * const hello = (name: string) => `hello ${name}`;
 * await serve(chain(tcp({ port: 9000 }), mux(), text()), hello);
 * await serve(chain(http({ port: 8000 }), httpCalls(), text()), hello);
 * ```
 */
export function httpCalls(
  options: HttpCallsOptions = {},
): Middleware<SessionTransport<Request, Response>, SessionTransport<Uint8Array, Uint8Array>> {
  const settings = readSettings("httpCalls()", options);
  const { path, maxMessageBytes } = settings;
  return named("httpCalls", { path, maxMessageBytes }, (
    inner: SessionTransport<Request, Response>,
  ): SessionTransport<Uint8Array, Uint8Array> => ({
    async dial({ signal }: SessionDialOptions<Uint8Array, Uint8Array> = {}): Promise<Session<Uint8Array, Uint8Array>> {
      return new HttpCallSession(await inner.dial({ signal }), settings);
    },
    listen: (handler: Handler<Uint8Array, Uint8Array>): Promise<SessionListener> =>
      inner.listen(atPath(path, answering(handler, settings))),
  }));
}

interface HttpCallSettings {
  readonly path: string;
  readonly maxMessageBytes: number;
  readonly clock: Clock;
}

/**
 * The answering end of {@linkcode httpCalls} alone, as a handler of requests:
 * for a route of somebody else's HTTP server. `path` is left to the route.
 *
 * Errors: none; they are answers. `invalid-option`.
 *
 * @example
 * ```ts
 * import { answerCalls, http, serve } from "@wireway/wireway";
 * const calls = answerCalls((request) => request);
 * await serve(http({ port: 8000 }), (request, context) => {
 *   return new URL(request.url).pathname === "/call" ? calls(request, context) : new Response("hello");
 * });
 * ```
 */
export function answerCalls(
  handler: Handler<Uint8Array, Uint8Array>,
  options: HttpCallsOptions = {},
): (request: Request, context: CallContext) => Promise<Response> {
  return answering(handler, readSettings("answerCalls()", options));
}

function readSettings(owner: string, options: HttpCallsOptions): HttpCallSettings {
  const settings = readOptions(owner, options, {
    path: label("/call"),
    maxMessageBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
    clock: given<Clock>(systemClock, "an object"),
  });
  if (!settings.path.startsWith("/")) throw invalidOption(owner, "path", settings.path, "a path that begins with /");
  return settings;
}

/** A handler for one path; all others are not found. */
function atPath(path: string, handler: (request: Request, context: CallContext) => Promise<Response>): typeof handler {
  return async function atPath(request: Request, context: CallContext): Promise<Response> {
    if (new URL(request.url).pathname === path) return await handler(request, context);
    await request.body?.cancel();
    return new Response(`Not found: calls are posted to ${path}\n`, { status: 404 });
  };
}

/** A handler of requests that runs a handler of bytes. */
function answering(
  handler: Handler<Uint8Array, Uint8Array>,
  { maxMessageBytes, clock }: HttpCallSettings,
): (request: Request, context: CallContext) => Promise<Response> {
  return async function answering(request: Request, context: CallContext): Promise<Response> {
    if (request.method !== "POST") {
      await request.body?.cancel();
      return new Response("Method not allowed: calls are posted\n", { status: 405, headers: { allow: "POST" } });
    }
    try {
      const timeLeft = request.headers.get(timeLeftField);
      const deadline = timeLeft === null ? Infinity : clock.now() + readTimeLeft(timeLeft);
      const body = await readBody(request, maxMessageBytes);
      if (deadline <= clock.now()) {
        throw new TransportError("deadline-exceeded", "Call refused: its deadline has passed", { processed: "no" });
      }
      const reply = await handler(body, deadline === Infinity ? context : context.with({ deadline }));
      if (reply.length > maxMessageBytes) throw tooLarge(reply.length, maxMessageBytes, "yes");
      return new Response(reply as Uint8Array<ArrayBuffer>, {
        headers: { "content-type": "application/octet-stream" },
      });
    } catch (error) {
      return encodeError(TransportError.from(error, "remote"));
    }
  };
}

function readTimeLeft(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new TransportError(
    "invalid-request",
    `Call refused: ${timeLeftField} is ${JSON.stringify(text)}, not a time in ms`,
  );
}

/** The calling end. */
class HttpCallSession implements Session<Uint8Array, Uint8Array> {
  readonly #inner: Session<Request, Response>;
  readonly #settings: HttpCallSettings;
  readonly #url: string;

  constructor(inner: Session<Request, Response>, settings: HttpCallSettings) {
    this.#inner = inner;
    this.#settings = settings;
    this.#url = new URL(settings.path, `${inner.remote.transport}://${formatAddress(inner.remote)}`).href;
  }

  get local(): Session<Uint8Array, Uint8Array>["local"] {
    return this.#inner.local;
  }
  get remote(): Session<Uint8Array, Uint8Array>["remote"] {
    return this.#inner.remote;
  }
  get state(): Session<Uint8Array, Uint8Array>["state"] {
    return this.#inner.state;
  }
  get load(): number {
    return this.#inner.load;
  }
  get capacity(): number {
    return this.#inner.capacity;
  }
  get finished(): Session<Uint8Array, Uint8Array>["finished"] {
    return this.#inner.finished;
  }
  get onChange(): (() => void) | undefined {
    return this.#inner.onChange;
  }
  set onChange(listener: (() => void) | undefined) {
    this.#inner.onChange = listener;
  }

  async call(request: Uint8Array, context: CallContext = background): Promise<Uint8Array> {
    const { maxMessageBytes, clock } = this.#settings;
    if (request.length > maxMessageBytes) throw tooLarge(request.length, maxMessageBytes, "no");
    const headers: Record<string, string> = { "content-type": "application/octet-stream" };
    if (context.deadline !== Infinity) {
      headers[timeLeftField] = String(Math.max(0, Math.ceil(context.deadline - clock.now())));
    }
    const body = request as Uint8Array<ArrayBuffer>;
    const response = await this.#inner.call(new Request(this.#url, { method: "POST", headers, body }), context);
    if (response.status === 200) return await readBody(response, maxMessageBytes);
    throw await decodeError(response);
  }

  send(): never {
    throw new TransportError("unsupported", "Cannot send one way: every HTTP request has a response");
  }

  ping(): Promise<number> {
    return this.#inner.ping();
  }

  close(options?: ShutdownOptions): Promise<void> {
    return this.#inner.close(options);
  }

  abort(reason: TransportError): void {
    this.#inner.abort(reason);
  }
}

function encodeError(error: TransportError): Response {
  const { code, message, processed, details, retryAfterMs } = error;
  const headers = new Headers({ "content-type": "application/json", [errorField]: code });
  if (retryAfterMs !== undefined) headers.set("retry-after", String(Math.ceil(retryAfterMs / 1000)));
  const body = JSON.stringify({ message, processed, retryAfterMs, details });
  return new Response(body, { status: statusOf(error), headers });
}

/** The longest description of an error that is read, in bytes. */
const maxErrorBytes = 1024 * 1024;

async function decodeError(response: Response): Promise<TransportError> {
  const code = response.headers.get(errorField) as ErrorCode | null;
  const body = new TextDecoder().decode(await readBody(response, maxErrorBytes));
  if (code === null) {
    const why = `Call failed: the server answered ${response.status}: ${body.slice(0, 200).trim()}`;
    return new TransportError("invalid-reply", why, { processed: "maybe", remote: true });
  }
  const { message, processed, retryAfterMs, details } = parse(body);
  return new TransportError(errorCodes.includes(code) ? code : "remote", String(message ?? body), {
    processed: processed === "no" || processed === "yes" ? processed satisfies Processed : "maybe",
    retryAfterMs: typeof retryAfterMs === "number" ? retryAfterMs : undefined,
    details: typeof details === "object" && details !== null ? details as Record<string, unknown> : undefined,
    remote: true,
  });
}

function parse(body: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(body)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function tooLarge(bytes: number, allowed: number, processed: Processed): TransportError {
  return new TransportError("message-too-large", `Message refused: it has ${bytes} bytes, ${allowed} are allowed`, {
    processed,
    details: { bytes, allowed },
  });
}
