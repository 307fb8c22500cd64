/**
 * What calls and topics need of a broker: the same for one in this process and
 * for a connection to a NATS server.
 *
 * @module
 */

import type { Msg, MsgHdrs } from "@nats-io/transport-node";
import { type Address, TransportError } from "../../mod.ts";
import { textOf } from "../../src/core/thrown.ts";

/** A message that has come. */
export type BrokerMessage = Pick<Msg, "subject" | "reply" | "data" | "headers">;

/** Takes the messages of a subscription, in their order. */
export type BrokerSink = (message: BrokerMessage) => void;

/** One subscription. */
export interface BrokerSubscription {
  /** Asks for no more messages; resolves when those on their way have come. */
  drain(): Promise<void>;
}

/** Hears of changes of a link. */
export interface LinkOwner {
  /** The broker is about to go away: it asks its clients to connect elsewhere. */
  leaving?(): void;
  /** The connection is back, after it was lost: messages may have been missed. */
  restored?(): void;
}

/** One connection to a broker. */
export interface BrokerLink {
  /** The broker. */
  readonly remote: Address;
  /** This end. */
  readonly local: Address;
  /** The beginning of the subjects that only this connection listens on, with a dot at its end. */
  readonly inbox: string;
  /** The largest message that the broker takes, headers included, in bytes. */
  readonly maxPayloadBytes: number;
  /** Whether so much waits to be sent that nothing should be added. */
  readonly isFull: boolean;
  /** Who hears of changes. */
  owner: LinkOwner | undefined;
  /** Resolves when the connection is over, with the error where it was not closed. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  /** Sends a message. Throws where the connection is over. */
  publish(subject: string, data: Uint8Array, reply?: string, headers?: MsgHdrs): void;
  /** Where much waits to be sent: resolves when the broker has taken it. */
  backpressure(): Promise<void> | undefined;
  /** Asks for the messages of a subject, alone or as one of a queue group. */
  subscribe(subject: string, queue: string | undefined, sink: BrokerSink): BrokerSubscription;
  /** Resolves when the broker has taken all that was published. Rejects where the connection breaks before. */
  flush(): Promise<void>;
  /** Sends what waits, then ends the connection. */
  close(): Promise<void>;
}

/** Whether it is the broker's word that nobody listens on a subject. */
export function saysNobody({ headers }: BrokerMessage): boolean {
  return headers !== undefined && headers.code === 503;
}

/** Bytes as nothing but bytes: the client gives views of Node's buffers. */
export function plainBytes(data: Uint8Array): Uint8Array {
  return data.constructor === Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.length);
}

/** The error for a connection that was lost before it was of any use. */
export function lostAtOnce(error: unknown): TransportError {
  const why = `Cannot use the connection to NATS: ${textOf(error)}`;
  return new TransportError("connect-failed", why, { processed: "no", cause: error });
}
