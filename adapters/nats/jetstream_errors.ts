/**
 * What errors of JetStream mean.
 *
 * @module
 */

import { JetStreamApiError } from "@nats-io/jetstream";

/** The number of the error that JetStream gives where there is no stream of a name. */
const noSuchStream = 10_059;

/** Whether an error is JetStream's word that there is no stream of that name. */
export function isNoSuchStream(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === noSuchStream;
}

/** Whether an error is JetStream's word that it does not store a message, which it would give again. */
export function isRefusal(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.status >= 400 && error.status < 500 && error.status !== 408;
}
