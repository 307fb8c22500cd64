/**
 * Hearing that an HTTP caller has gone, at little cost.
 *
 * @module
 */

import { Cancellation } from "../core/cancellation.ts";
import { type DeadlineEntry, deadlinesOf } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";

/**
 * Touching `request.signal` costs several times what answering a request does.
 * A call that ends sooner than this gains nothing from being cancelled.
 */
const listenAfterMs = 10;

/** Cancels when the request's caller goes away; begins to listen only after a while. */
export class RequestCancellation extends Cancellation implements DeadlineEntry {
  readonly #request: Request;
  dueAt = Infinity;
  position = -1;
  readonly holds = false;
  #listening = false;
  readonly #onAbort = (): void => {
    this.cancel(new TransportError("cancelled", "Call cancelled: the HTTP client closed the connection"));
  };

  constructor(request: Request) {
    super();
    this.#request = request;
  }

  override get signal(): AbortSignal {
    // Whoever asks for a signal keeps it for long: there is nothing to save.
    this.#listen();
    return super.signal;
  }

  expire(): void {
    this.#listen();
  }

  protected override attach(): void {
    if (this.#listening) return;
    this.dueAt = performance.now() + listenAfterMs;
    deadlinesOf().add(this);
  }

  protected override detach(): void {
    deadlinesOf().remove(this);
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
