/**
 * HTTP/1.1 and HTTP/2 on one port, through `Deno.serve`.
 *
 * @module
 */

import type { Address, KnownCounters } from "../../core/channel.ts";
import { background, CallContext } from "../../core/context.ts";
import { deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import { markRequest, type OpenBody } from "../../core/open_bodies.ts";
import type { Handler } from "../../core/service.ts";
import {
  type CallCounters,
  emptyCallCounters,
  type SessionListener,
  type ShutdownOptions,
} from "../../core/session.ts";
import { type Placed, PlacedList } from "../../util/placed_list.ts";
import { RequestCancellation } from "./http_cancellation.ts";
import { HttpPeer } from "./http_peer.ts";
import { errorResponse } from "./http_errors.ts";
import { lazyMetadata } from "./http_metadata.ts";
import type { HttpSettings } from "./http_options.ts";
import { listenError } from "../tcp/tcp_listen.ts";
import { toAddress } from "../tcp/tcp_options.ts";
import { needDeno } from "../need_deno.ts";

const defaultGraceMs = 30_000;

/** How long what was cut off may take to go out, in milliseconds. */
const cutOffMs = 500;

/** A body of at most so many bytes is there as soon as its head, or a round trip later. */
const soonThereBytes = 16_384;

/** Listens, and has `handler` answer the requests. */
export function listenHttp(settings: HttpSettings, handler: Handler<Request, Response>): Promise<SessionListener> {
  try {
    return Promise.resolve(new HttpListener(settings, handler));
  } catch (error) {
    return Promise.reject(listenError(`${settings.hostname}:${settings.port}`, error));
  }
}

class HttpListener implements SessionListener {
  readonly addr: Address;
  /** The platform shows a connection with its first whole request, never its end, and bytes of neither. */
  readonly channels: KnownCounters = {};
  readonly calls: CallCounters = emptyCallCounters();
  readonly finished: Promise<void>;
  readonly #settings: HttpSettings;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #finished = Promise.withResolvers<void>();
  /** Answers that handlers have promised. */
  readonly #promised = new PlacedList<PromisedAnswer>();
  /** Calls whose cancelling somebody would hear of: handlers, and bodies that are still being sent. */
  readonly #heard = new Set<RequestCancellation>();
  /** Event streams: the platform would wait for them for ever, and keep the program alive. */
  readonly #bodies = new Set<OpenBody>();
  #shutdown: Promise<void> | undefined = undefined;
  /** Whether requests are refused, since the platform can't be told yet to take none. */
  #refusing = false;

  constructor(settings: HttpSettings, handler: Handler<Request, Response>) {
    this.#settings = settings;
    const { hostname, port, tls } = settings;
    if (port === undefined) {
      throw new TransportError("invalid-option", "Cannot listen: http() has no port", { details: { option: "port" } });
    }
    needDeno(`Cannot listen on ${hostname}:${port}`);
    const where = { hostname, port, tcpBacklog: settings.backlog, onListen(): void {} };
    const secured = tls?.cert !== undefined && tls.key !== undefined ? { cert: tls.cert, key: tls.key } : {};
    this.#server = Deno.serve({ ...where, ...secured }, this.#answering(handler));
    this.addr = { ...toAddress(this.#server.addr), transport: tls === undefined ? "http" : "https" };
    this.finished = this.#finished.promise;
    // A failure is told to whoever waits for the end, and ends no program where nobody does.
    this.finished.catch(() => {});
    this.#server.finished.then(
      () => this.#shutdown ?? this.#finished.resolve(),
      (error) => this.#finished.reject(error),
    );
  }

  shutdown({ graceMs = defaultGraceMs }: ShutdownOptions = {}): Promise<void> {
    return this.#shutdown ??= this.#end(graceMs);
  }

  async #end(graceMs: number): Promise<void> {
    const { clock } = this.#settings;
    const over = Promise.withResolvers<void>();
    // The platform can't end a server at once that it is ending in order: what is in flight is answered here.
    let timer = clock.schedule(() => {
      this.#cutOff(graceMs);
      timer = clock.schedule(over.resolve, cutOffMs);
    }, graceMs);
    const ended = this.#endPlatform().then(() => this.#server.finished);
    try {
      await Promise.race([ended, over.promise]);
    } finally {
      timer.cancel();
      ended.catch(() => {});
    }
    deadlinesOf().trim();
    this.#finished.resolve();
  }

  /**
   * Has the platform end in order. From then on it gives nothing more of what is still coming in over HTTP/1.1
   * (denoland/deno#36809): it is told when the uploads in flight are answered, and until then others are refused here.
   */
  #endPlatform(): Promise<void> {
    const uploads = this.#promised.all().filter((answer) => answer.uploading());
    if (uploads.length === 0) return this.#server.shutdown();
    this.#refusing = true;
    return Promise.allSettled(uploads.map((answer) => answer.response)).then(() => this.#server.shutdown());
  }

  #cutOff(graceMs: number): void {
    const why = `Call cut off: the server ended, and its grace of ${graceMs} ms is over`;
    const reason = new TransportError("closed", why, { processed: "maybe" });
    for (const answer of this.#promised.all()) answer.cut(errorResponse(reason));
    for (const cancellation of this.#heard) cancellation.cancel(reason);
    for (const body of this.#bodies) body.end(reason);
  }

  /** The handler as `Deno.serve` wants it. An answer that comes at once stays one that comes at once: that is faster. */
  #answering(handler: Handler<Request, Response>): Deno.ServeHandler<Deno.NetAddr> {
    const { calls, addr } = { calls: this.calls, addr: (): Address => this.addr };
    const [promised, heard, bodies] = [this.#promised, this.#heard, this.#bodies];
    return (request, info) => {
      if (this.#refusing) {
        calls.refused++;
        return refusal();
      }
      markRequest(request, bodies);
      calls.started++;
      calls.inFlight++;
      const cancellation = new RequestCancellation(request, info, heard);
      const context = new CallContext(
        Infinity,
        false,
        background.priority,
        new HttpPeer(info, addr),
        cancellation,
        lazyMetadata(request),
      );
      try {
        const response = handler(request, context);
        if (response instanceof Promise) {
          return new PromisedAnswer(request, response, cancellation, calls, promised).response;
        }
        calls.inFlight--;
        cancellation.answered();
        return response;
      } catch (error) {
        calls.inFlight--;
        calls.failed++;
        return failureOf(error);
      }
    };
  }
}

/** An answer that a handler has promised, and that is given without the handler when the server must end. */
class PromisedAnswer implements Placed {
  place = -1;
  readonly response: Promise<Response>;
  readonly #request: Request;
  readonly #resolve: (response: Response) => void;

  constructor(
    request: Request,
    response: Promise<Response>,
    cancellation: RequestCancellation,
    calls: CallCounters,
    promised: PlacedList<PromisedAnswer>,
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    this.response = promise;
    this.#request = request;
    this.#resolve = resolve;
    promised.add(this);
    response.then((response) => {
      promised.remove(this);
      calls.inFlight--;
      cancellation.answered();
      resolve(response);
    }, (error) => {
      promised.remove(this);
      calls.inFlight--;
      calls.failed++;
      try {
        resolve(failureOf(error));
      } catch (error) {
        reject(error);
      }
    });
  }

  /** Whether the request's body may still be coming in. */
  uploading(): boolean {
    const { method, headers } = this.#request;
    if (method === "GET" || method === "HEAD") return false;
    return headers.has("transfer-encoding") || Number(headers.get("content-length")) > soonThereBytes;
  }

  /** Answers instead of the handler, whose own answer nobody hears any more. */
  cut(response: Response): void {
    this.#resolve(response);
  }
}

/** The answer to a request that came when the server was ending. */
function refusal(): Response {
  const response = errorResponse(new TransportError("draining", "Call not run: the server is ending"));
  response.headers.set("connection", "close");
  return response;
}

/** The answer to a request whose handler failed. */
function failureOf(error: unknown): Response {
  if (error instanceof TransportError) return errorResponse(error);
  // The platform prints it and answers 500.
  throw error;
}
