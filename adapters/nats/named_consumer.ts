/**
 * The consumer of JetStream under whose name a process remembers what it has
 * read.
 *
 * @module
 */

import { AckPolicy, DeliverPolicy, JetStreamApiError, type JetStreamManager, type JsMsg } from "@nats-io/jetstream";

/** Whose consumer it is. */
export interface ConsumerPlace {
  readonly stream: string;
  readonly name: string;
  readonly subject: string;
}

const nanosPerMs = 1_000_000;
const ackWaitMs = 10_000;
/** The number of the error that JetStream gives where there is no consumer of a name. */
const noSuchConsumer = 10_014;

/** See the module. */
export class NamedConsumer {
  readonly #manager: JetStreamManager;
  readonly #place: ConsumerPlace;
  /** The number of the last delivery. JetStream counts them without gaps. */
  #delivered = 0;

  constructor(manager: JetStreamManager, place: ConsumerPlace) {
    this.#manager = manager;
    this.#place = place;
  }

  /** The number of the message to go on with, which is `first` where nobody was here before. */
  async find(first: number): Promise<number> {
    const { stream, name } = this.#place;
    for await (
      const { name: found, config, ack_floor, delivered, num_ack_pending } of this.#manager.consumers.list(stream)
    ) {
      if (found !== name) continue;
      const next = Math.max(ack_floor.stream_seq + 1, config.opt_start_seq ?? 1);
      this.#delivered = delivered.consumer_seq;
      // Whoever was here got messages that it did not come to: they would come late, and after newer ones.
      if (num_ack_pending > 0) await this.moveTo(next);
      return next;
    }
    await this.#add(first);
    return first;
  }

  /** Has the message with this number come next: a consumer can't be moved, but made anew. */
  async moveTo(next: number): Promise<void> {
    const { stream, name } = this.#place;
    try {
      await this.#manager.consumers.delete(stream, name);
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== noSuchConsumer) throw error;
    }
    await this.#add(next);
  }

  /** Whether no delivery is missing before this one. */
  follows({ info: { deliverySequence } }: JsMsg): boolean {
    const follows = deliverySequence === this.#delivered + 1;
    this.#delivered = deliverySequence;
    return follows;
  }

  async #add(next: number): Promise<void> {
    const { stream, name, subject } = this.#place;
    await this.#manager.consumers.add(stream, {
      durable_name: name,
      ack_policy: AckPolicy.Explicit,
      ack_wait: ackWaitMs * nanosPerMs,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: next,
      filter_subject: subject,
    });
    this.#delivered = 0;
  }
}
