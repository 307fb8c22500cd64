/**
 * Hearing that an HTTP caller has gone, at little cost.
 *
 * @module
 */

import { Cancellation } from "../../core/cancellation.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";

/**
 * Touching `request.signal` costs several times what answering a request does.
 * A call that ends sooner than this gains nothing from being cancelled.
 */
const listenAfterMs = 10;

/** Cancels when the request's caller goes away; begins to listen only after a while. */
export class RequestCancellation extends Cancellation implements DeadlineEntry {
  readonly #request: Request;
  readonly #info: Deno.ServeHandlerInfo;
  readonly #heard: Set<RequestCancellation>;
  dueAt = Infinity;
  position = -1;
  readonly holds = false;
  #listening = false;
  #answered = false;
  #completes = false;
  #over = false;
  readonly #onAbort = (): void => {
    this.cancel(new TransportError("cancelled", "Call cancelled: the HTTP client closed the connection"));
  };

  /** Stands in `heard` as long as somebody listens. */
  constructor(request: Request, info: Deno.ServeHandlerInfo, heard: Set<RequestCancellation>) {
    super();
    this.#request = request;
    this.#info = info;
    this.#heard = heard;
  }

  override get signal(): AbortSignal {
    // Whoever asks for a signal keeps it for long: there is nothing to save.
    this.#listen();
    return super.signal;
  }

  /**
   * The handler has answered. When the whole answer is out the platform aborts
   * the request's signal, too: only an answer that is still going out a turn
   * later can be given up.
   */
  answered(): void {
    this.#answered = true;
    if (!this.#listening) return;
    this.#unlisten();
    this.#listenIn(0);
  }

  expire(): void {
    if (this.#answered && this.#request.signal.aborted) this.release();
    else this.#listen();
  }

  protected override attach(): void {
    this.#heard.add(this);
    if (!this.#listening) this.#listenIn(listenAfterMs);
  }

  protected override detach(): void {
    this.#heard.delete(this);
    this.#unlisten();
  }

  #listenIn(ms: number): void {
    this.dueAt = performance.now() + ms;
    deadlinesOf().add(this);
  }

  #listen(): void {
    if (this.#listening || this.#over) return;
    deadlinesOf().remove(this);
    this.#listening = true;
    const { signal } = this.#request;
    if (signal.aborted) return this.#onAbort();
    signal.addEventListener("abort", this.#onAbort, { once: true });
    if (this.#completes) return;
    this.#completes = true;
    const end = (): void => {
      this.#over = true;
      this.release();
    };
    this.#info.completed.then(end, end);
  }

  #unlisten(): void {
    deadlinesOf().remove(this);
    if (this.#listening) this.#request.signal.removeEventListener("abort", this.#onAbort);
    this.#listening = false;
  }
}
