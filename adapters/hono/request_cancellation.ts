/**
 * Cancels a call when the caller of an HTTP request has gone.
 *
 * @module
 */

import { Cancellation, TransportError } from "../../mod.ts";

/** Touches the request's signal, which costs more than answering does, only once somebody wants to hear of it. */
export class RequestCancellation extends Cancellation {
  readonly #request: Request;
  #listening = false;
  readonly #onAbort = (): void => {
    this.cancel(new TransportError("cancelled", "Call cancelled: the HTTP client closed the connection"));
  };

  constructor(request: Request) {
    super();
    this.#request = request;
  }

  override get signal(): AbortSignal {
    this.#listen();
    return super.signal;
  }

  protected override attach(): void {
    this.#listen();
  }

  protected override detach(): void {
    if (this.#listening) this.#request.signal.removeEventListener("abort", this.#onAbort);
    this.#listening = false;
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    const { signal } = this.#request;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }
}
