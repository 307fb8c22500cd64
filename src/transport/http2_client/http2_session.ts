/**
 * Calls over HTTP/2 on own sockets: a session is one connection, which carries
 * many calls at once.
 *
 * @module
 */

import type { Address } from "../../core/channel.ts";
import { background, type CallContext } from "../../core/context.ts";
import { deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import type { Session, SessionState, ShutdownOptions } from "../../core/session.ts";
import { type CallHome, HttpCall } from "../http/http_call.ts";
import { dialLine } from "../http/http_dial.ts";
import type { CallLine } from "../http/http_exchange.ts";
import type { HttpSettings } from "../http/http_options.ts";
import { plainPartsOf, usePlain } from "../http/http_plain_request.ts";
import { outgoing } from "../http/http_request.ts";
import { addressOf, closeTimeoutMs, refusalOf, unfitness } from "../http/http_session.ts";
import type { Http2Connection } from "./http2_connection.ts";

/** See the module. */
export class Http2Session implements Session<Request, Response>, CallHome {
  readonly local: Address;
  readonly remote: Address;
  readonly finished: Promise<TransportError | undefined>;
  readonly settings: HttpSettings;
  readonly connection: Http2Connection;
  onChange: (() => void) | undefined = undefined;
  state: SessionState = "open";
  load = 0;
  readonly #origin: string;
  readonly #finished = Promise.withResolvers<TransportError | undefined>();
  readonly #calls = new Set<HttpCall>();
  #error: TransportError | undefined = undefined;

  /** Takes over a connection to `origin` that is ready. */
  constructor(origin: string, settings: HttpSettings, connection: Http2Connection) {
    this.#origin = origin;
    this.settings = settings;
    this.connection = connection;
    this.local = connection.local;
    this.remote = addressOf(origin);
    this.finished = this.#finished.promise;
    connection.onChange = () => {
      if (connection.closed) this.#setState("draining");
      else this.onChange?.();
    };
    connection.onClosed = (error) => {
      this.#error ??= error;
      this.#setState("draining");
      this.#endIfDone();
    };
    if (!connection.closed) return;
    this.#setState("draining");
    this.#endIfDone();
  }

  get capacity(): number {
    return Math.min(this.settings.maxInFlight, this.connection.maxStreams);
  }

  call(request: Request, context: CallContext = background): Promise<Response> {
    try {
      const refusal = refusalOf(request, context, this.#origin, this, this.settings.clock);
      if (refusal !== undefined) return Promise.reject(refusal);
      const plain = plainPartsOf(request);
      const signal = plain === undefined ? request.signal : undefined;
      const unfit = plain === undefined ? unfitness(request) : undefined;
      if (unfit !== undefined) return Promise.reject(unfit);
      const out = outgoing(request, plain, this.#origin, context.metadata, this.settings);
      const call = new HttpCall(this, request.redirect, signal, out, context);
      this.load++;
      this.#calls.add(call);
      return call.start(plain === undefined ? request.body : usePlain(request) ?? null);
    } catch (error) {
      return Promise.reject(TransportError.from(error, "invalid-request"));
    }
  }

  send(): never {
    throw new TransportError("unsupported", "Cannot send one way: every HTTP request has a response");
  }

  ping(): Promise<number> {
    return this.connection.ping();
  }

  close({ graceMs = closeTimeoutMs }: ShutdownOptions = {}): Promise<void> {
    this.#setState("draining");
    this.#endIfDone();
    if (this.state === "closed") return this.finished.then(() => {});
    const cutOff = this.settings.clock.schedule(() => {
      const why = `Connection closed: its calls were not finished within ${graceMs} ms`;
      this.abort(new TransportError("closed", why, { processed: "maybe" }));
    }, graceMs);
    return this.finished.then(() => cutOff.cancel());
  }

  abort(reason: TransportError): void {
    if (this.state === "closed") return;
    this.#error ??= reason;
    this.#setState("draining");
    for (const call of [...this.#calls]) call.cancelled(reason);
    this.#endIfDone();
  }

  // CallHome

  dial(origin: string, signal: AbortSignal): Promise<CallLine> {
    return dialLine(origin, this.settings, signal);
  }

  callOver(call: HttpCall): void {
    this.#calls.delete(call);
    this.load--;
    if (this.state === "open") this.onChange?.();
    else this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.load > 0 || this.state === "closed") return;
    this.#setState("closed");
    this.connection.abort(new TransportError("closed", "Connection closed: its session is"));
    deadlinesOf(this.settings.clock).trim();
    this.#finished.resolve(this.#error);
  }

  #setState(state: SessionState): void {
    if (this.state === state || this.state === "closed") return;
    this.state = state;
    this.onChange?.();
  }
}
