/**
 * What errors of JetStream mean.
 *
 * @module
 */

import { JetStreamApiError } from "@nats-io/jetstream";

/** The numbers of the errors that JetStream gives where there is no stream or no consumer of a name. */
const [noSuchStream, noSuchConsumer] = [10_059, 10_014];

/** Whether an error is JetStream's word that there is no stream of that name. */
export function isNoSuchStream(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === noSuchStream;
}

/** Whether an error is JetStream's word that there is no consumer of that name. */
export function isNoSuchConsumer(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === noSuchConsumer;
}

/** Whether an error is JetStream's word that it does not store a message, which it would give again. */
export function isRefusal(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.status >= 400 && error.status < 500 && error.status !== 408;
}
