/**
 * The live figures of what makes calls out of a connection: of the sessions
 * that it has dialled, and of the calls that it answers.
 *
 * @module
 */

import { counted, current, type Figure, type Figures } from "./figures.ts";
import type { CallCounters } from "./session.ts";

/** Where an end counts the calls that it has sent. */
export interface SentCalls {
  /** How many. */
  calls: number;
}

/** A session as far as it is counted. */
interface Dialled {
  readonly load: number;
  readonly finished: Promise<unknown>;
}

/** See the module. */
export class SessionFigures {
  /** Where the sessions count the calls that they send. */
  readonly sent: SentCalls;
  readonly #dialled = new Set<Pick<Dialled, "load">>();
  #served: CallCounters | undefined = undefined;

  constructor(sent: SentCalls = { calls: 0 }) {
    this.sent = sent;
  }

  /** A session was dialled. Whoever says so tells of its end as well. */
  opened(session: Pick<Dialled, "load">): void {
    this.#dialled.add(session);
  }

  /** A session has ended. */
  ended(session: Pick<Dialled, "load">): void {
    this.#dialled.delete(session);
  }

  /** A session was dialled; it tells of its end itself. */
  dialled<S extends Dialled>(session: S): S {
    this.opened(session);
    void session.finished.then(() => this.ended(session));
    return session;
  }

  /** Takes note of a listener; of several the latest is shown. */
  serves<L extends { readonly calls: CallCounters }>(listener: L): L {
    this.#served = listener.calls;
    return listener;
  }

  /** The figures. What only listens says nothing of sessions that it has dialled. */
  readonly figures: Figures = () => [
    ...(this.#served === undefined || this.sent.calls > 0 || this.#dialled.size > 0 ? this.#calling() : []),
    ...(this.#served === undefined ? [] : answering(this.#served)),
  ];

  #calling(): Figure[] {
    return [
      current("sessions", this.#dialled.size),
      current("in flight", Array.from(this.#dialled).reduce((sum, { load }) => sum + load, 0)),
      counted("calls", this.sent.calls),
    ];
  }
}

function answering({ inFlight, started, failed, refused }: CallCounters): Figure[] {
  return [
    current("answering", inFlight),
    counted("answered", started),
    counted("failed", failed),
    counted("turned away", refused),
  ];
}
