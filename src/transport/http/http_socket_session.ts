/**
 * Calls over HTTP/1.1 on own sockets: a session is one connection, which
 * carries one call at a time.
 *
 * @module
 */

import type { Address } from "../../core/channel.ts";
import { background, type CallContext } from "../../core/context.ts";
import { deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import type { Session, SessionState, ShutdownOptions } from "../../core/session.ts";
import { type CallHome, HttpCall } from "./http_call.ts";
import type { HttpConnection } from "./http_connection.ts";
import { dialLine } from "./http_dial.ts";
import type { CallLine } from "./http_exchange.ts";
import { Http1Line } from "./http1_line.ts";
import type { HttpSettings } from "./http_options.ts";
import { plainPartsOf, usePlain } from "./http_plain_request.ts";
import { outgoing } from "./http_request.ts";
import { addressOf, closeTimeoutMs, refusalOf, unfitness } from "./http_session.ts";

/** See the module. */
export class HttpSocketSession implements Session<Request, Response>, CallHome {
  readonly remote: Address;
  readonly finished: Promise<TransportError | undefined>;
  readonly capacity = 1;
  readonly settings: HttpSettings;
  readonly connection: CallLine;
  onChange: (() => void) | undefined = undefined;
  state: SessionState = "open";
  load = 0;
  readonly #origin: string;
  readonly #local: Address;
  readonly #finished = Promise.withResolvers<TransportError | undefined>();
  #call: HttpCall | undefined = undefined;
  #error: TransportError | undefined = undefined;

  /** Takes over a connection to `origin`. */
  constructor(origin: string, settings: HttpSettings, connection: HttpConnection) {
    this.#origin = origin;
    this.settings = settings;
    this.connection = new Http1Line(connection);
    this.#local = connection.local;
    this.remote = addressOf(origin);
    this.finished = this.#finished.promise;
    connection.onClosed = (error) => {
      this.#error ??= error;
      this.#setState("draining");
      this.#endIfDone();
    };
  }

  get local(): Address {
    return this.#local;
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
      this.load = 1;
      this.settings.counts.calls++;
      this.#call = new HttpCall(this, request.redirect, signal, out, context);
      return this.#call.start(plain === undefined ? request.body : usePlain(request) ?? null);
    } catch (error) {
      return Promise.reject(TransportError.from(error, "invalid-request"));
    }
  }

  send(): never {
    throw new TransportError("unsupported", "Cannot send one way: every HTTP request has a response");
  }

  ping(): Promise<number> {
    return Promise.reject(new TransportError("unsupported", "Cannot ping: HTTP has no such thing"));
  }

  close({ graceMs = closeTimeoutMs }: ShutdownOptions = {}): Promise<void> {
    this.#setState("draining");
    this.#endIfDone();
    if (this.state === "closed") return this.finished.then(() => {});
    const cutOff = this.settings.clock.schedule(() => {
      const why = `Connection closed: its call was not finished within ${graceMs} ms`;
      this.abort(new TransportError("closed", why, { processed: "maybe" }));
    }, graceMs);
    return this.finished.then(() => cutOff.cancel());
  }

  abort(reason: TransportError): void {
    if (this.state === "closed") return;
    this.#error ??= reason;
    this.#setState("draining");
    this.#call?.cancelled(reason);
    this.#endIfDone();
  }

  // CallHome

  dial(origin: string, signal: AbortSignal): Promise<CallLine> {
    return dialLine(origin, this.settings, signal);
  }

  callOver(): void {
    this.#call = undefined;
    this.load = 0;
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
