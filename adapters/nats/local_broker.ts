/**
 * A broker in this process: what calls and topics go through where no server
 * is named.
 *
 * @module
 */

import { headers as newHeaders, type MsgHdrs } from "@nats-io/transport-node";
import { type Address, TransportError } from "../../mod.ts";
import type { BrokerLink, BrokerMessage, BrokerSink, BrokerSubscription, LinkOwner } from "./broker_link.ts";

interface LocalSubscription {
  readonly link: LocalLink;
  readonly queue: string | undefined;
  readonly sink: BrokerSink;
}

/** All that listen on one subject, or on all that begin with it. */
interface Listeners {
  readonly all: Set<LocalSubscription>;
  readonly queues: Map<string, LocalSubscription[]>;
}

/** As with a NATS server that was not told otherwise. */
const maxPayloadBytes = 1024 * 1024;

const address: Address = { transport: "nats", path: "local" };

/** Subjects and who listens on them. `x.>` is all that begins with `x.`; other wildcards there are none. */
export class LocalBroker {
  readonly #listeners = new Map<string, Listeners>();
  #links = 0;
  #waiting: BrokerMessage[] = [];
  /** Bytes of messages that are on their way. */
  queuedBytes = 0;

  /** Makes a link. */
  connect(maxQueuedBytes: number): LocalLink {
    return new LocalLink(this, `_INBOX.${++this.#links}.`, maxQueuedBytes);
  }

  /** Messages come in a later turn, as from a server: nobody is called from within its own publish. */
  publish(message: BrokerMessage): void {
    this.queuedBytes += message.data.length;
    if (this.#waiting.push(message) === 1) queueMicrotask(() => this.#deliver());
  }

  add(subject: string, subscription: LocalSubscription): void {
    let listeners = this.#listeners.get(subject);
    if (listeners === undefined) this.#listeners.set(subject, listeners = { all: new Set(), queues: new Map() });
    const { queue } = subscription;
    if (queue === undefined) return void listeners.all.add(subscription);
    const group = listeners.queues.get(queue);
    if (group === undefined) listeners.queues.set(queue, [subscription]);
    else group.push(subscription);
  }

  remove(subject: string, subscription: LocalSubscription): void {
    const listeners = this.#listeners.get(subject);
    if (listeners === undefined) return;
    const { all, queues } = listeners;
    all.delete(subscription);
    const { queue } = subscription;
    const left = queue === undefined ? [] : queues.get(queue)?.filter((one) => one !== subscription) ?? [];
    if (queue !== undefined) {
      if (left.length > 0) queues.set(queue, left);
      else queues.delete(queue);
    }
    if (all.size === 0 && queues.size === 0) this.#listeners.delete(subject);
  }

  #deliver(): void {
    const messages = this.#waiting;
    this.#waiting = [];
    for (const message of messages) {
      this.queuedBytes -= message.data.length;
      const { subject, reply } = message;
      let heard = this.#give(this.#listeners.get(subject), message);
      for (let dot = subject.indexOf("."); dot >= 0; dot = subject.indexOf(".", dot + 1)) {
        if (this.#give(this.#listeners.get(`${subject.slice(0, dot)}.>`), message)) heard = true;
      }
      if (!heard && reply !== undefined && reply !== "") this.publish(nobody(reply));
    }
  }

  #give(listeners: Listeners | undefined, message: BrokerMessage): boolean {
    if (listeners === undefined) return false;
    for (const { sink } of listeners.all) sink(message);
    for (const group of listeners.queues.values()) {
      // Each in its turn: whoever got this one goes to the end.
      const next = group.shift()!;
      group.push(next);
      next.sink(message);
    }
    return true;
  }
}

/** The broker's word that nobody listens. */
function nobody(subject: string): BrokerMessage {
  return { subject, reply: "", data: new Uint8Array(0), headers: newHeaders(503, "No Responders") };
}

/** A link to a broker in this process. */
export class LocalLink implements BrokerLink {
  readonly remote = address;
  readonly local = address;
  readonly maxPayloadBytes = maxPayloadBytes;
  readonly inbox: string;
  readonly closed: Promise<undefined>;
  owner: LinkOwner | undefined = undefined;
  readonly #closed = Promise.withResolvers<undefined>();
  readonly #broker: LocalBroker;
  readonly #maxQueuedBytes: number;
  readonly #subscriptions = new Map<LocalSubscription, string>();
  #isClosed = false;

  constructor(broker: LocalBroker, inbox: string, maxQueuedBytes: number) {
    this.#broker = broker;
    this.inbox = inbox;
    this.#maxQueuedBytes = maxQueuedBytes;
    this.closed = this.#closed.promise;
  }

  get isFull(): boolean {
    return this.#broker.queuedBytes > this.#maxQueuedBytes;
  }

  publish(subject: string, data: Uint8Array, reply = "", headers?: MsgHdrs): void {
    if (this.#isClosed) throw new TransportError("closed", `Cannot publish on ${subject}: the connection is closed`);
    this.#broker.publish({ subject, reply, data, headers });
  }

  backpressure(): Promise<void> | undefined {
    return this.isFull ? this.flush() : undefined;
  }

  subscribe(subject: string, queue: string | undefined, sink: BrokerSink): BrokerSubscription {
    const subscription = { link: this, queue, sink };
    this.#broker.add(subject, subscription);
    this.#subscriptions.set(subscription, subject);
    return {
      drain: () => {
        this.#broker.remove(subject, subscription);
        this.#subscriptions.delete(subscription);
        return Promise.resolve();
      },
    };
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // What was published before is delivered first.
    await Promise.resolve();
    for (const [subscription, subject] of this.#subscriptions) this.#broker.remove(subject, subscription);
    this.#subscriptions.clear();
    this.#closed.resolve(undefined);
  }
}

let shared: LocalBroker | undefined;

/** The one broker of this process. Made when it is first asked for. */
export function localBroker(): LocalBroker {
  return shared ??= new LocalBroker();
}
