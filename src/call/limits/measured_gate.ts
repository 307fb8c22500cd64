/**
 * A gate whose limit follows from how calls fare.
 *
 * @module
 */

import { attempt } from "../../core/attempt.ts";
import { endsLater, whenComplete } from "../../core/completion.ts";
import type { CallContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import { type Outcome, outcomeOf, outcomeOfReply } from "../../core/outcome.ts";
import type { Service } from "../../core/service.ts";
import type { LimitWindow } from "../../util/limit_window.ts";
import { CallGate, type GateSettings } from "./call_gate.ts";

/** Of a large limit so many calls are timed at once: a mean of more is no better, and clocks have their price. */
const timedAtOnce = 32;

/** While less than half of the limit is in use, one call of so many is timed. */
const idleStride = 8;

/** See the module. */
export class MeasuredGate extends CallGate {
  readonly window: LimitWindow;
  /** Calls until one is timed. */
  #untimed = 1;

  constructor(window: LimitWindow, settings: GateSettings) {
    super(Math.floor(window.limit), settings);
    this.window = window;
  }

  /** Makes a call, and times it where its turn has come. */
  override run<Req, Res>(inner: Service<Req, Res>, request: Req, context: CallContext): Promise<Res> {
    if (--this.#untimed > 0) return super.run(inner, request, context);
    this.#untimed = 2 * this.inFlight < this.limit ? idleStride : Math.ceil(this.limit / timedAtOnce);
    this.inFlight++;
    const call = new MeasuredCall(this, context);
    try {
      return inner(request, context).then((reply) => call.replied(reply), (error) => call.failed(error));
    } catch (error) {
      return Promise.reject(error).catch((error) => call.failed(error));
    }
  }

  /** A timed call is over. */
  over(startedAt: number, verdict: Verdict): void {
    const { window } = this;
    if (verdict !== "nothing") {
      const now = this.settings.clock.now();
      if (verdict === "success") window.succeeded(startedAt, now, this.inFlight);
      else if (verdict === "drop") window.dropped(startedAt, now);
      else window.expired(startedAt, now);
    }
    this.inFlight--;
    this.setLimit(Math.floor(window.limit));
    this.freed();
  }

  /** Refusals count, of calls that are not timed as well. */
  protected override looked(outcome: Outcome): void {
    if (outcome !== "overload") return;
    this.window.refused(this.settings.clock.now());
    this.setLimit(Math.floor(this.window.limit));
  }
}

/** What the end of a call says to the algorithm. */
type Verdict = "success" | "drop" | "expired" | "nothing";

class MeasuredCall {
  readonly #gate: MeasuredGate;
  readonly #context: CallContext;
  readonly #startedAt: number;

  constructor(gate: MeasuredGate, context: CallContext) {
    this.#gate = gate;
    this.#context = context;
    this.#startedAt = gate.settings.clock.now();
  }

  replied<Res>(reply: Res): Res {
    if (!endsLater(reply)) {
      this.#over("success");
      return reply;
    }
    const verdict = verdictOf(outcomeOfReply(reply));
    // How long a stream stays open says nothing of the far side's load.
    const endless = !(reply instanceof Response) ||
      (reply.headers.get("content-type")?.startsWith("text/event-stream") ?? false);
    return whenComplete(reply, (error) => {
      this.#over(
        verdict !== "success" ? verdict : error !== undefined ? this.#judge(error) : endless ? "nothing" : verdict,
      );
    });
  }

  failed(error: unknown): never {
    this.#over(this.#judge(error));
    throw error;
  }

  /** A call that was cancelled ended for the reason of that, whatever error the cancelling brought forth. */
  #judge(error: unknown): Verdict {
    const reason = this.#context.cancellation?.reason ?? error;
    const outcome = outcomeOf(reason);
    const late = outcome === "failure" && reason instanceof TransportError && reason.code === "deadline-exceeded";
    return late ? "expired" : verdictOf(outcome);
  }

  /** A repeated call may be answered from what an earlier attempt left behind: its latency is not taken (Karn's rule). */
  #over(verdict: Verdict): void {
    const repeated = verdict === "success" && this.#context.get(attempt) > 1;
    this.#gate.over(this.#startedAt, repeated ? "nothing" : verdict);
  }
}

/** Failures may be quick, and are not of load: they say nothing. */
function verdictOf(outcome: Outcome): Verdict {
  if (outcome === "success") return "success";
  return outcome === "overload" ? "drop" : "nothing";
}
