/**
 * Messages of a topic through a NATS subject: whoever listens gets them, and
 * nobody keeps them.
 *
 * @module
 */

import { TransportError } from "../../mod.ts";
import { textOf } from "../../src/core/thrown.ts";
import { tooLarge } from "../../src/session/mux_refusals.ts";
import type { TopicSource, TopicTarget } from "../bridge/shared_topic.ts";
import { type BrokerLink, lostAtOnce, plainBytes } from "./broker_link.ts";

/** Begins to listen. */
export async function plainSource(link: BrokerLink, subject: string, target: TopicTarget): Promise<TopicSource> {
  link.subscribe(subject, undefined, ({ data }) => target.deliver(plainBytes(data)));
  link.owner = { restored: () => target.missed(undefined) };
  void link.closed.then((error) => target.failed(linkLost(subject, error)));
  try {
    await link.flush();
  } catch (error) {
    await link.close();
    throw lostAtOnce(error);
  }
  return {
    publish(bytes: Uint8Array): Promise<void> {
      try {
        const { maxPayloadBytes } = link;
        if (bytes.length > maxPayloadBytes) throw tooLarge(bytes.length, maxPayloadBytes);
        if (link.isFull) {
          throw new TransportError("overloaded", "Cannot publish: too much waits for the broker to take it");
        }
        link.publish(subject, bytes);
        return link.backpressure() ?? Promise.resolve();
      } catch (error) {
        return Promise.reject(TransportError.from(error, "connection-lost"));
      }
    },
    close: () => link.close(),
  };
}

/** The error for a topic whose connection is over for good. */
export function linkLost(subject: string, error: Error | undefined): TransportError {
  const why = error === undefined ? "it was closed" : textOf(error);
  return new TransportError("connection-lost", `Topic ${subject} ended: the connection to NATS is over: ${why}`, {
    cause: error,
  });
}
