/**
 * The handlers of the one-way sends that came in over a mux() session.
 *
 * @module
 */

import type { Cancellation } from "../core/cancellation.ts";
import { discardReply } from "../core/completion.ts";
import type { CallContext } from "../core/context.ts";
import type { TransportError } from "../core/errors.ts";
import type { Handler } from "../core/service.ts";
import type { StreamedBytes } from "./mux_call_streams.ts";

/** Who counts the handlers. */
export interface OneWayAnswersOwner {
  /** A handler has ended. */
  handlerOver(isFailed: boolean): void;
}

/** See the module. */
export class OneWayAnswers {
  readonly #owner: OneWayAnswersOwner;
  /** What cancels those that run. */
  readonly #running = new Set<Cancellation>();

  constructor(owner: OneWayAnswersOwner) {
    this.#owner = owner;
  }

  /** Runs the handler. Nobody hears of its failure but the owner. */
  run(
    handler: Handler<StreamedBytes, StreamedBytes>,
    request: Uint8Array,
    context: CallContext,
    cancellation: Cancellation,
  ): void {
    this.#running.add(cancellation);
    const ended = (isFailed: boolean): void => {
      this.#running.delete(cancellation);
      this.#owner.handlerOver(isFailed);
    };
    const failed = (): void => ended(true);
    try {
      Promise.resolve(handler(request, context)).then((reply) => {
        // Nobody reads what a handler answers with.
        discardReply(reply);
        ended(false);
      }, failed);
    } catch {
      failed();
    }
  }

  /** The connection is gone. */
  cancelAll(reason: TransportError): void {
    for (const cancellation of [...this.#running]) cancellation.cancel(reason);
  }
}
