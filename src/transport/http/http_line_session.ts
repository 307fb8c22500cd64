/**
 * What sessions on own sockets have in common, whatever their connection
 * speaks: calls go out, and it ends when the last one does.
 *
 * @module
 */

import type { Address } from "../../core/channel.ts";
import { background, type CallContext } from "../../core/context.ts";
import { deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import { plainPartsOf, usePlain } from "../../core/plain_request.ts";
import type { CloseOptions, Session, SessionState } from "../../core/session.ts";
import { PlacedList } from "../../util/placed_list.ts";
import { type CallHome, HttpCall } from "./http_call.ts";
import { dialLine } from "./http_dial.ts";
import type { CallLine } from "./http_exchange.ts";
import type { HttpSettings } from "./http_options.ts";
import { outgoing } from "./http_request.ts";
import { addressOf, overWithin, refusalOf, unfitness } from "./http_session.ts";

/** See the module. */
export abstract class HttpLineSession implements Session<Request, Response>, CallHome {
  readonly local: Address;
  readonly remote: Address;
  readonly finished: Promise<TransportError | undefined>;
  readonly settings: HttpSettings;
  abstract readonly connection: CallLine;
  onChange: (() => void) | undefined = undefined;
  state: SessionState = "open";
  load = 0;
  readonly #origin: string;
  readonly #finished = Promise.withResolvers<TransportError | undefined>();
  readonly #calls = new PlacedList<HttpCall>();
  #error: TransportError | undefined = undefined;

  /** A session to `origin`, on a connection of this end's `local`. */
  constructor(origin: string, settings: HttpSettings, local: Address) {
    this.#origin = origin;
    this.settings = settings;
    this.local = local;
    this.remote = addressOf(origin);
    this.finished = this.#finished.promise;
  }

  abstract get capacity(): number;

  abstract ping(): Promise<number>;

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
      this.settings.counts.calls++;
      this.#calls.add(call);
      return call.start(plain === undefined ? request.body : usePlain(request) ?? null);
    } catch (error) {
      return Promise.reject(TransportError.from(error, "invalid-request"));
    }
  }

  send(): never {
    throw new TransportError("unsupported", "Cannot send one way: every HTTP request has a response");
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.drain();
    if (this.state === "closed") return this.finished.then(() => {});
    return overWithin(this, this.settings.clock, options);
  }

  abort(reason: TransportError): void {
    if (this.state === "closed") return;
    this.#error ??= reason;
    this.#setState("draining");
    for (const call of this.#calls.all()) call.cancelled(reason);
    this.#endIfDone();
  }

  cutUnread(reason: TransportError): void {
    for (const call of this.#calls.all()) call.cutUnread(reason);
  }

  // CallHome

  dial(origin: string, signal: AbortSignal): Promise<CallLine> {
    return dialLine(origin, this.settings, signal);
  }

  callOver(call: HttpCall): void {
    this.#calls.remove(call);
    this.load--;
    if (this.state === "open") this.onChange?.();
    else this.#endIfDone();
  }

  /** Takes no more calls, and ends with the last one; with `error` where something went wrong. */
  protected drain(error: TransportError | undefined = undefined): void {
    this.#error ??= error;
    this.#setState("draining");
    this.#endIfDone();
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
