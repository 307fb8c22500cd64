/**
 * The attempts of the NATS client to connect again, the last of which goes on
 * when it has been closed.
 *
 * @module
 */

import type { NatsConnection } from "@nats-io/transport-node";
import { systemClock } from "../../mod.ts";

/** How long after a loss a connection is made again, in milliseconds, give or take a half. */
const reconnectMs = 250;

/** How long the client waits before its next attempt. */
export function reconnectDelayMs(): number {
  return reconnectMs * (0.5 + Math.random());
}

/** Resolves when a client that was closed makes no attempt any more: that of before may take so many milliseconds. */
export async function attemptsEnded(connection: NatsConnection, attemptMs: number): Promise<void> {
  // The client tells nobody else.
  const { protocol } = connection as { protocol?: { connectPromise?: Promise<void> | null } };
  const attempt = protocol?.connectPromise;
  if (!attempt) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = systemClock.schedule(resolve, attemptMs);
  attempt.then(resolve, resolve);
  await promise;
  timer.cancel();
}
