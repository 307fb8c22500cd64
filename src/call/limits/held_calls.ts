/**
 * Calls that hold something until they are over: until the end of the body
 * where the reply is a response that has one, until the end of the stream where
 * it is streamed.
 *
 * @module
 */

import { endsLater, whenComplete } from "../../core/completion.ts";
import type { CallContext } from "../../core/context.ts";
import { type Outcome, outcomeOf, outcomeOfReply } from "../../core/outcome.ts";
import type { Service } from "../../core/service.ts";

/**
 * Counts calls in flight. All calls share the functions that hear of their end,
 * so that a call needs none of its own.
 */
export abstract class HeldCalls {
  /** Calls that are not over. */
  inFlight = 0;
  readonly #over = (): void => {
    this.inFlight--;
    this.freed();
  };
  readonly #replied = <Res>(reply: Res): Res => {
    if (endsLater(reply)) {
      this.looked(outcomeOfReply(reply));
      return whenComplete(reply, this.#over);
    }
    this.#over();
    return reply;
  };
  readonly #failed = (error: unknown): never => {
    this.looked(outcomeOf(error));
    this.#over();
    throw error;
  };

  /** Makes a call. It holds its place, whoever gives up on it, for as long as the inner service works on it. */
  run<Req, Res>(inner: Service<Req, Res>, request: Req, context: CallContext): Promise<Res> {
    this.inFlight++;
    try {
      return inner(request, context).then(this.#replied, this.#failed);
    } catch (error) {
      this.#over();
      return Promise.reject(error);
    }
  }

  /** A call is over. */
  protected abstract freed(): void;

  /** What a response or an error says of how its call ended. */
  protected looked(_outcome: Outcome): void {}
}
