/**
 * The consumer of JetStream under whose name a process remembers what it has
 * read.
 *
 * @module
 */

import { AckPolicy, DeliverPolicy, type JetStreamManager, type JsMsg } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { isNoSuchConsumer } from "./jetstream_errors.ts";

/** Whose consumer it is. */
export interface ConsumerPlace {
  readonly stream: string;
  readonly name: string;
  readonly subject: string;
}

const ackWaitMs = 10_000;

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
      if (!isNoSuchConsumer(error)) throw error;
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
      ack_wait: nanos(ackWaitMs),
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: next,
      filter_subject: subject,
    });
    this.#delivered = 0;
  }
}
