/**
 * One server of a queue group.
 *
 * @module
 */

import {
  type Address,
  type CallCounters,
  deadlinesOf,
  emptyCallCounters,
  type Handler,
  type KnownCounters,
  type Session,
  type SessionListener,
  type SessionState,
  type ShutdownOptions,
  TransportError,
} from "../../mod.ts";
import { SessionEnd } from "../../src/session/session_end.ts";
import { textOf } from "../../src/core/thrown.ts";
import { type AnswersOwner, NatsAnswers } from "./answers.ts";
import type { BrokerLink, BrokerSubscription } from "./broker_link.ts";
import { type Destination, NatsCalls } from "./calls.ts";
import { NatsPeer, type PeerOwner, receiveInbox, type SessionSettings } from "./session.ts";

const defaultGraceMs = 30_000;

/** See the module. */
export class NatsListener implements SessionListener, AnswersOwner {
  readonly addr: Address;
  readonly calls: CallCounters = emptyCallCounters();
  /** Whose connections bring the calls, only the broker knows. */
  readonly channels: KnownCounters;
  readonly finished: Promise<void>;
  readonly #link: BrokerLink;
  readonly #settings: SessionSettings;
  readonly #answers: NatsAnswers;
  /** What calls back go through. */
  readonly #back: PeerOwner & { state: SessionState };
  readonly #subscription: BrokerSubscription;
  readonly #finished = Promise.withResolvers<void>();
  readonly #end = new SessionEnd();
  #shutdown: Promise<void> | undefined = undefined;
  #onIdle: (() => void) | undefined = undefined;

  constructor(
    link: BrokerLink,
    { subject, control }: Destination,
    queue: string,
    settings: SessionSettings,
    handler: Handler<Uint8Array, Uint8Array>,
  ) {
    this.#link = link;
    this.#settings = settings;
    this.addr = { ...link.remote, path: subject };
    this.finished = this.#finished.promise;
    this.finished.catch(() => {});
    const messages = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 };
    this.channels = messages;
    this.#answers = new NatsAnswers(link, settings, this, handler, { calls: this.calls, messages });
    this.#back = {
      link,
      settings,
      calls: new NatsCalls(link, settings),
      state: "open",
      finished: this.#end.promise,
    };
    receiveInbox(link, this.#back.calls, this.#answers);
    link.subscribe(control, undefined, (message) => this.#answers.control(message));
    this.#subscription = link.subscribe(subject, queue, (message) => this.#answers.serve(message));
    void link.closed.then((error) => this.#closed(error));
  }

  peerOf(inbox: string): Session<unknown, unknown> {
    return new NatsPeer(this.#back, inbox);
  }

  answered(): void {
    if (this.#answers.running === 0) this.#onIdle?.();
  }

  shutdown({ graceMs = defaultGraceMs }: ShutdownOptions = {}): Promise<void> {
    return this.#shutdown ??= this.#drain(graceMs);
  }

  async #drain(graceMs: number): Promise<void> {
    const { clock } = this.#settings;
    this.#back.state = "draining";
    const cutOff = Promise.withResolvers<void>();
    const timer = clock.schedule(() => cutOff.resolve(), graceMs);
    try {
      // What the broker gave us before it heard of that is served, too.
      await Promise.race([this.#subscription.drain(), cutOff.promise]);
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve;
        this.answered();
      });
      await Promise.race([idle, cutOff.promise]);
    } finally {
      timer.cancel();
    }
    this.#answers.cutOff(
      new TransportError("connection-lost", `Call lost: the server ended, and its grace of ${graceMs} ms is over`, {
        processed: "maybe",
        remote: true,
      }),
    );
    await this.#link.close();
    await this.finished;
  }

  #closed(error: Error | undefined): void {
    const { clock } = this.#settings;
    const reason = new TransportError("connection-lost", "Call lost: the server's connection to the broker is gone");
    this.#back.state = "closed";
    this.#back.calls.failAll(reason);
    this.#answers.cutOff(reason);
    deadlinesOf(clock).trim();
    this.#end.end(undefined);
    if (error === undefined) return this.#finished.resolve();
    const why = `Cannot go on serving ${this.addr.path}: the connection to NATS is over: ${textOf(error)}`;
    this.#finished.reject(new TransportError("connection-lost", why, { cause: error }));
  }
}
