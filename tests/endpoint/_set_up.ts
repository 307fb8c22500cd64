/**
 * A pool over a scripted transport, on a clock that the test moves.
 *
 * @module
 */

import {
  type CallContext,
  callContext,
  type DeadlineQueue,
  deadlinesOf,
  ManualClock,
  pool,
  type PooledClient,
  type PoolOptions,
  type PoolStats,
  reconnect,
  type ReconnectOptions,
  type TransportEvent,
} from "../../mod.ts";
import { settle, Watched } from "../support/calls.ts";
import { type ScriptedSession, ScriptedTransport } from "./_script.ts";

/** See the module. */
export interface PoolSetUp {
  readonly clock: ManualClock;
  readonly queue: DeadlineQueue;
  readonly transport: ScriptedTransport;
  readonly client: PooledClient<number, number>;
  readonly events: TransportEvent[];
  /** Calls, and watches the call. */
  call(request?: number, context?: CallContext): Watched<number>;
  /** Ends the oldest dial well. */
  connect(capacity?: number): Promise<ScriptedSession>;
  /** Ends the oldest dial badly. */
  refuse(): Promise<void>;
}

function over(make: (transport: ScriptedTransport, common: object) => PooledClient<number, number>): PoolSetUp {
  const clock = new ManualClock();
  const transport = new ScriptedTransport();
  const events: TransportEvent[] = [];
  const client = make(transport, { clock, random: () => 1, observer: (event: TransportEvent) => events.push(event) });
  let next = 0;
  return {
    clock,
    queue: deadlinesOf(clock),
    transport,
    client,
    events,
    call: (request = next++, context = callContext()) => new Watched(client(request, context)),
    async connect(capacity) {
      const session = transport.dials[0].succeed(capacity);
      await settle();
      return session;
    },
    async refuse() {
      transport.dials[0].fail();
      await settle();
    },
  };
}

/** A pool; its random numbers are all 1, so that a back-off is as long as it can be. */
export function pooled(options: PoolOptions<number, number> = {}): PoolSetUp {
  return over((transport, common) => pool<number, number>({ ...common, ...options })(transport));
}

/** A single connection. */
export function reconnecting(options: ReconnectOptions<number, number> = {}): PoolSetUp {
  return over((transport, common) => reconnect<number, number>({ ...common, ...options })(transport));
}

/** The connections and calls of this moment, without what has happened since the start. */
export function counts({ client }: PoolSetUp): Partial<PoolStats> {
  const { total, active, idle, draining, dialling, waiting } = client.stats();
  return { total, active, idle, draining, dialling, waiting };
}

/** Closes the client whatever is in flight, and lets the clock see to the rest. */
export async function finish({ client, transport, clock }: PoolSetUp): Promise<void> {
  const closing = client.close();
  for (const session of transport.alive) for (const call of [...session.calls]) call.reply();
  for (const dial of [...transport.dials]) dial.fail();
  await settle();
  await closing;
  await clock.advance(0);
}
