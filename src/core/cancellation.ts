/**
 * Cancelling a call, without the price of an `AbortController` per call.
 *
 * @module
 */

import { reportUncaught } from "../util/report_uncaught.ts";
import { TransportError } from "./errors.ts";
import { textOf } from "./thrown.ts";

/**
 * Who wants to know that a call is cancelled.
 *
 * @example
 * ```ts
 * import type { CancelListener } from "@wireway/wireway";
 * const listener: CancelListener = { cancelled: (reason) => console.log(reason.message) };
 * ```
 */
export interface CancelListener {
  /** Called at most once, with the reason. */
  cancelled(reason: TransportError): void;
}

/**
 * What can cancel one call, and who listens for it. An `AbortSignal` is made
 * only when somebody asks for one.
 *
 * A cancellation may follow another one, or a caller's `AbortSignal`. It hears
 * that source only while it has listeners itself, so a long-lived signal keeps
 * nothing of the calls that have ended.
 *
 * @example
 * ```ts
 * import { Cancellation, TransportError } from "@wireway/wireway";
 * const cancellation = new Cancellation();
 * cancellation.subscribe({ cancelled: (reason) => console.log(reason.code) });
 * cancellation.cancel(new TransportError("cancelled", "Call cancelled: the user left"));
 * ```
 */
export class Cancellation implements CancelListener {
  readonly #source: Cancellation | undefined;
  readonly #signal: AbortSignal | undefined;
  #reason: TransportError | undefined = undefined;
  #first: CancelListener | undefined = undefined;
  #more: Set<CancelListener> | undefined = undefined;
  /** Whether the listeners have been told. A reason may be there before: `reason` reads it off a source. */
  #told = false;
  #controller: AbortController | undefined = undefined;
  #joined: AbortSignal | undefined = undefined;
  #onAbort: (() => void) | undefined = undefined;

  /** Makes a cancellation that follows `source` and a caller's `signal`, where they are given. */
  constructor(source?: Cancellation, signal?: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  /** Why the call was cancelled; undefined as long as it was not. */
  get reason(): TransportError | undefined {
    if (this.#reason === undefined) {
      if (this.#source !== undefined) this.#reason = this.#source.reason;
      if (this.#reason === undefined && this.#signal?.aborted) this.#reason = fromSignal(this.#signal);
    }
    return this.#reason;
  }

  /** Whether it can be cancelled from without, and somebody listens for that. */
  get heard(): boolean {
    return (this.#first !== undefined || this.#more !== undefined) &&
      (this.#source !== undefined || this.#signal !== undefined);
  }

  /**
   * An `AbortSignal` for it, made on first use. Where only a caller's signal is
   * followed it is that signal, so that nothing is hung onto a long-lived one.
   */
  get signal(): AbortSignal {
    if (this.#signal !== undefined) {
      return this.#source === undefined ? this.#signal : this.#joined ??= this.#join(this.#source, this.#signal);
    }
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      const reason = this.reason;
      if (reason !== undefined) this.#controller.abort(reason);
      else this.subscribe(new SignalListener(this.#controller));
    }
    return this.#controller.signal;
  }

  /** Tells all listeners. Only the first call has an effect. */
  cancel(reason: TransportError): void {
    if (this.#told) return;
    this.#told = true;
    const told = this.#reason ??= reason;
    const first = this.#first;
    this.#first = undefined;
    this.detach();
    if (this.#joined !== undefined) this.#controller!.abort(told);
    if (first !== undefined) tell(first, told);
    // One listener may take another back: what has left the set is not told.
    if (this.#more !== undefined) { for (const listener of this.#more) tell(listener, told); }
    this.#more = undefined;
  }

  /** Follows a source: cancels this one for the same reason. */
  cancelled(reason: TransportError): void {
    this.cancel(reason);
  }

  /** Listens. Does not call back if the cancellation has happened already: look at `reason` first. */
  subscribe(listener: CancelListener): void {
    if (this.#told) return;
    if (this.#first === undefined && this.#more === undefined) {
      this.#first = listener;
      this.attach();
    } else {
      (this.#more ??= new Set()).add(listener);
    }
  }

  /** Stops listening. */
  unsubscribe(listener: CancelListener): void {
    if (this.#first === listener) this.#first = undefined;
    else this.#more?.delete(listener);
    if (this.#more?.size === 0) this.#more = undefined;
    if (this.#first === undefined && this.#more === undefined) this.detach();
  }

  /** Drops all listeners and lets go of the source: the call has ended. */
  release(): void {
    this.#first = undefined;
    this.#more = undefined;
    this.detach();
  }

  /** A signal that follows both sources and `cancel()`. The platform lets go of it once nobody holds it. */
  #join(source: Cancellation, signal: AbortSignal): AbortSignal {
    this.#controller = new AbortController();
    if (this.#told) this.#controller.abort(this.#reason);
    return AbortSignal.any([this.#controller.signal, source.signal, signal]);
  }

  /** Begins to hear the sources: there is a first listener. */
  protected attach(): void {
    this.#source?.subscribe(this);
    const signal = this.#signal;
    if (signal !== undefined) {
      this.#onAbort = () => this.cancel(fromSignal(signal));
      signal.addEventListener("abort", this.#onAbort, { once: true });
    }
  }

  /** Stops hearing the sources: the last listener is gone. */
  protected detach(): void {
    this.#source?.unsubscribe(this);
    if (this.#onAbort !== undefined) {
      this.#signal!.removeEventListener("abort", this.#onAbort);
      this.#onAbort = undefined;
    }
  }
}

class SignalListener implements CancelListener {
  readonly #controller: AbortController;

  constructor(controller: AbortController) {
    this.#controller = controller;
  }

  cancelled(reason: TransportError): void {
    this.#controller.abort(reason);
  }
}

/** One bad listener must not keep the others from hearing. */
function tell(listener: CancelListener, reason: TransportError): void {
  try {
    listener.cancelled(reason);
  } catch (error) {
    reportUncaught(error);
  }
}

/** The reason a caller's signal gives, as an error of ours. */
function fromSignal(signal: AbortSignal): TransportError {
  const reason: unknown = signal.reason;
  if (reason instanceof TransportError) return reason;
  if (reason instanceof DOMException && reason.name === "TimeoutError") {
    return new TransportError("deadline-exceeded", "Call timed out: the caller's signal expired", { cause: reason });
  }
  return new TransportError("cancelled", `Call cancelled: ${textOf(reason)}`, { cause: reason });
}
