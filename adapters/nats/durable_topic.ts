/**
 * Messages of a topic through a JetStream stream: stored before a publisher is
 * told so, numbered, and given to each process in order and without a gap.
 *
 * @module
 */

import {
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
  type JsMsg,
  type StreamInfo,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { systemClock, TransportError } from "../../mod.ts";
import { sleep } from "../../src/core/sleep.ts";
import { textOf } from "../../src/core/thrown.ts";
import { tooLarge } from "../../src/session/mux_refusals.ts";
import { Publishing } from "../bridge/publishing.ts";
import type { TopicSource, TopicTarget } from "../bridge/shared_topic.ts";
import { plainBytes } from "./broker_link.ts";
import { isNoSuchStream, isRefusal } from "./jetstream_errors.ts";
import { endWaits } from "./jetstream_waits.ts";
import { NamedConsumer } from "./named_consumer.ts";
import { linkLost } from "./plain_topic.ts";
import type { ServerLink } from "./server_link.ts";

/** What a durable topic goes by. */
export interface DurableSettings {
  readonly stream: string;
  readonly consumer: string | undefined;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly publishTimeoutMs: number;
  readonly maxPublishing: number;
}

/** A stream, and where reading it begins. */
export interface DurableStart {
  /** Tells this stream from one of the same name that was there before. */
  readonly run: string;
  /** The number of the first message that comes. */
  readonly first: number;
  /** Begins to read. Resolves when all that was there has come. */
  open(target: TopicTarget): Promise<TopicSource>;
}

/** For how long the broker knows the ids of messages, so that one that is sent twice is stored once. */
const duplicateWindowMs = 120_000;
/** How long one attempt to publish may take. */
const attemptMs = 1000;
const pauseMs = 100;

/** Finds or makes the stream, and says from where on it is read: `recent` messages before its end. */
export async function startDurable(
  link: ServerLink,
  subject: string,
  settings: DurableSettings,
  recent: number,
): Promise<DurableStart> {
  try {
    const manager = await jetstreamManager(link.connection);
    const info = await streamOf(manager, subject, settings);
    const { first_seq: oldest, last_seq: last } = info.state;
    let first = Math.max(oldest, last - recent + 1, 1);
    let position: NamedConsumer | undefined;
    if (settings.consumer !== undefined) {
      position = new NamedConsumer(manager, { stream: settings.stream, name: settings.consumer, subject });
      first = await position.find(first);
    }
    const reading = new DurableSource(link, manager, subject, settings, first, info, position);
    const run = `${settings.stream}.${Date.parse(info.created).toString(36)}`;
    return { run, first, open: (target) => reading.open(target) };
  } catch (error) {
    if (error instanceof TransportError) throw error;
    const why = `Cannot use stream ${settings.stream} of JetStream: ${textOf(error)}`;
    throw new TransportError("connect-failed", why, { cause: error });
  }
}

async function streamOf(manager: JetStreamManager, subject: string, settings: DurableSettings): Promise<StreamInfo> {
  const { stream, maxMessages, maxBytes, maxAgeMs } = settings;
  const known = await manager.streams.info(stream).catch((error) => {
    if (isNoSuchStream(error)) return undefined;
    throw error;
  });
  const info: StreamInfo = known ?? await manager.streams.add({
    name: stream,
    subjects: [subject],
    max_msgs: maxMessages,
    max_bytes: maxBytes,
    max_age: maxAgeMs === Infinity ? 0 : nanos(maxAgeMs),
    duplicate_window: nanos(Math.min(duplicateWindowMs, maxAgeMs)),
  });
  if (info.config.subjects?.join() !== subject) {
    const why = `Cannot use stream ${stream}: it holds ${info.config.subjects?.join(", ")}, not ${subject} alone`;
    throw new TransportError("invalid-option", why);
  }
  return info;
}

class DurableSource implements TopicSource {
  readonly #link: ServerLink;
  readonly #manager: JetStreamManager;
  readonly #client: JetStreamClient;
  readonly #subject: string;
  readonly #settings: DurableSettings;
  readonly #created: string;
  readonly #untilThere: number;
  readonly #position: NamedConsumer | undefined;
  readonly #there = Promise.withResolvers<void>();
  /** The number of the message that comes next. */
  #next: number;
  readonly #publishing: Publishing;
  readonly #ending = new AbortController();
  /** Counts how often reading has begun: what an earlier one brings is not taken any more. */
  #reading = 0;
  /** Reading that is begun again. */
  #moving: Promise<void> | undefined = undefined;
  #messages: ConsumerMessages | undefined = undefined;

  constructor(
    link: ServerLink,
    manager: JetStreamManager,
    subject: string,
    settings: DurableSettings,
    first: number,
    info: StreamInfo,
    position: NamedConsumer | undefined,
  ) {
    this.#link = link;
    this.#position = position;
    this.#manager = manager;
    this.#created = info.created;
    this.#client = manager.jetstream();
    this.#subject = subject;
    this.#settings = settings;
    this.#publishing = new Publishing(settings.maxPublishing);
    this.#next = first;
    this.#untilThere = info.state.last_seq;
  }

  async open(target: TopicTarget): Promise<TopicSource> {
    await this.#consume(target);
    // What was sent into the connection as it broke would come again late.
    this.#link.owner = { restored: () => this.#consumeAgain(target) };
    void this.#link.closed.then((error) => {
      this.#there.resolve();
      target.failed(linkLost(this.#subject, error));
    });
    if (this.#next <= this.#untilThere) await this.#there.promise;
    return this;
  }

  publish(bytes: Uint8Array): Promise<void> {
    const { maxPayloadBytes } = this.#link;
    if (bytes.length > maxPayloadBytes) return Promise.reject(tooLarge(bytes.length, maxPayloadBytes));
    return this.#publishing.run(() => this.#store(bytes));
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#messages?.close();
    await this.#link.close();
    await Promise.allSettled([this.#publishing.ended(), this.#moving]);
    if (this.#messages !== undefined) await endWaits(this.#messages);
  }

  /** Stores a message, in as many attempts as it takes. */
  async #store(bytes: Uint8Array): Promise<void> {
    const { publishTimeoutMs } = this.#settings;
    const giveUpAt = systemClock.now() + publishTimeoutMs;
    // The same in each attempt: what was stored is not stored again.
    const msgID = crypto.randomUUID();
    for (;;) {
      try {
        const timeout = Math.max(1, Math.min(attemptMs, giveUpAt - systemClock.now()));
        await this.#client.publish(this.#subject, bytes, { msgID, timeout });
        return;
      } catch (error) {
        if (isRefusal(error)) {
          throw new TransportError("invalid-request", `Message not stored: JetStream refuses it: ${textOf(error)}`, {
            processed: "no",
            cause: error,
          });
        }
        if (systemClock.now() + pauseMs >= giveUpAt || this.#link.connection.isClosed()) {
          const why = `Message not known to be stored within ${publishTimeoutMs} ms: ${textOf(error)}`;
          throw new TransportError("connection-lost", why, { processed: "maybe", cause: error });
        }
      }
      await sleep(systemClock, pauseMs, this.#ending.signal);
    }
  }

  get #closed(): boolean {
    return this.#ending.signal.aborted;
  }

  /** Begins to read at the next message. */
  async #consume(target: TopicTarget): Promise<void> {
    const { stream, consumer } = this.#settings;
    const reader = await this.#client.consumers.get(
      stream,
      consumer ?? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.#next },
    );
    const reading = ++this.#reading;
    const messages = await reader.consume({
      idle_heartbeat: attemptMs,
      callback: (message) => {
        if (reading !== this.#reading) return;
        if (this.#position?.follows(message) ?? true) this.#take(message, target);
        else this.#consumeAgain(target);
      },
    });
    this.#messages = messages;
    if (this.#closed) return void messages.close();
    void this.#watch(messages, target);
  }

  /**
   * Begins to read again where messages that JetStream had sent have not come:
   * it would send them once more, but late, and after newer ones.
   */
  #consumeAgain(target: TopicTarget): void {
    const position = this.#position;
    if (position === undefined || this.#closed) return;
    this.#moving ??= this.#move(position, target).finally(() => this.#moving = undefined);
  }

  async #move(position: NamedConsumer, target: TopicTarget): Promise<void> {
    this.#reading++;
    await this.#messages?.close();
    while (!this.#closed && !this.#link.connection.isClosed()) {
      try {
        await position.moveTo(this.#next);
        await this.#consume(target);
        break;
      } catch (error) {
        if (isNoSuchStream(error)) return target.failed(this.#streamGone());
        await sleep(systemClock, pauseMs, this.#ending.signal);
      }
    }
  }

  /** Ends the topic where its stream is not there any more: what was missed would never come. */
  async #watch(messages: ConsumerMessages, target: TopicTarget): Promise<void> {
    for await (const { type } of messages.status()) {
      if (type === "consumer_deleted" && this.#settings.consumer !== undefined) {
        const why = `Topic ${this.#subject} ended: its consumer ${this.#settings.consumer} was deleted`;
        return target.failed(new TransportError("connection-lost", why));
      }
      if (type !== "stream_not_found" && type !== "consumer_not_found" && type !== "heartbeats_missed") continue;
      try {
        const { created } = await this.#manager.streams.info(this.#settings.stream);
        if (created === this.#created) continue;
      } catch (error) {
        // A broker that begins says nothing of its streams, or says something else.
        if (!isNoSuchStream(error)) continue;
      }
      return target.failed(this.#streamGone());
    }
  }

  #streamGone(): TransportError {
    const why = `Topic ${this.#subject} ended: its stream ${this.#settings.stream} was deleted`;
    return new TransportError("connection-lost", why);
  }

  #take(message: JsMsg, target: TopicTarget): void {
    const { seq } = message;
    // One that comes again has been here: the word that it was may have been lost.
    if (seq >= this.#next) {
      if (seq > this.#next) target.missed(seq - this.#next);
      this.#next = seq + 1;
      target.deliver(plainBytes(message.data));
    }
    if (this.#position !== undefined) message.ack();
    if (seq >= this.#untilThere) this.#there.resolve();
  }
}
