/**
 * Waits of the JetStream client that outlive its end.
 *
 * @module
 */

import type { ConsumerMessages } from "@nats-io/jetstream";
import { turn } from "../bridge/turn.ts";

/**
 * Ends the wait that the client begins when it hears, closed already, that an
 * ordered consumer could not be made again: it would hold the program for seconds.
 */
export async function endWaits(messages: ConsumerMessages): Promise<void> {
  // It hears so a few microtasks after the end of the connection.
  await turn();
  const { cancelables } = messages as { cancelables?: { cancel(): void }[] };
  for (const wait of cancelables ?? []) wait.cancel();
}
