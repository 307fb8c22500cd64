/**
 * resilient() over a scripted transport, on a clock that the test moves.
 *
 * @module
 */

import {
  type CallContext,
  callContext,
  type DeadlineQueue,
  deadlinesOf,
  idempotent,
  ManualClock,
  resilient,
  type ResilientClient,
  type ResilientOptions,
  type TransportEvent,
} from "../mod.ts";
import { type ScriptedSession, ScriptedTransport } from "./endpoint/_script.ts";
import { settle, Watched } from "./support/calls.ts";

/** See the module. */
export interface ResilientSetUp {
  readonly clock: ManualClock;
  readonly queue: DeadlineQueue;
  readonly transport: ScriptedTransport;
  readonly client: ResilientClient<number, number>;
  readonly events: TransportEvent[];
  call(request?: number, context?: CallContext): Watched<number>;
  /** Opens the first connection, with a call that is answered. */
  begin(): Promise<ScriptedSession>;
  /** Closes the client whatever is in flight. */
  finish(): Promise<void>;
}

/** The context of a call that may be made more than once. */
export const repeatable = callContext().set(idempotent, true);

/** Sets it up: 3000 ms for a call, so that attempts have from 300 to 1000 ms. All random numbers are 1. */
export function resilientSetUp(options: ResilientOptions<number, number> = {}): ResilientSetUp {
  const clock = new ManualClock();
  const transport = new ScriptedTransport();
  const events: TransportEvent[] = [];
  const client = resilient(transport, {
    timeoutMs: 3000,
    clock,
    random: () => 1,
    observer: (event) => void events.push(event),
    ...options,
  });
  let next = 0;
  const call: ResilientSetUp["call"] = (request = next++, context = callContext()) =>
    new Watched(client(request, context));
  return {
    clock,
    queue: deadlinesOf(clock),
    transport,
    client,
    events,
    call,
    async begin() {
      call();
      const session = transport.dials[0].succeed();
      await settle();
      session.calls[0].reply();
      await settle();
      return session;
    },
    async finish() {
      const closing = client.close();
      for (const dial of [...transport.dials]) dial.fail();
      for (const session of transport.alive) for (const call of [...session.calls]) call.reply();
      await settle();
      await closing;
      await clock.advance(20_000);
    },
  };
}
