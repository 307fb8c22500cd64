/**
 * Sessions over a link: the one that dialling makes, and the way back to a
 * caller.
 *
 * @module
 */

import {
  type Address,
  type CallContext,
  type DeadlineEntry,
  deadlinesOf,
  emptyCallCounters,
  emptyCounters,
  type Handler,
  type Session,
  type SessionState,
  type ShutdownOptions,
  TransportError,
} from "../../mod.ts";
import { SessionEnd } from "../../src/session/session_end.ts";
import { callLost, unusable } from "../../src/session/session_refusals.ts";
import { type AnswersOwner, NatsAnswers } from "./answers.ts";
import type { BrokerLink, BrokerMessage, LinkOwner } from "./broker_link.ts";
import type { SentCalls } from "../../src/core/session_figures.ts";
import { type CallSettings, type Destination, NatsCalls } from "./calls.ts";

type Bytes = Uint8Array;

/** What a session goes by. */
export interface SessionSettings extends CallSettings {
  readonly closeTimeoutMs: number;
}

/** Where a caller answers calls, and where it hears that one was given up. */
const callToken = "call";
const controlToken = "control";

/** Takes what comes to the inbox of a link: replies to its calls, calls back, and word of both. */
export function receiveInbox(link: BrokerLink, calls: NatsCalls, answers: NatsAnswers): void {
  link.subscribe(`${link.inbox}>`, undefined, (message: BrokerMessage) => {
    const token = message.subject.slice(link.inbox.length);
    const code = token.charCodeAt(0);
    // Replies begin with a digit.
    if (code < 0x3a) return calls.replied(Number(token), message);
    if (token === callToken) answers.serve(message);
    else if (token === controlToken) answers.control(message);
    else answers.heardNobody(token);
  });
}

/** The way back to a caller: what handlers find as `context.peer`. */
export class NatsPeer implements Session<Bytes, Bytes> {
  onChange: (() => void) | undefined = undefined;
  readonly #owner: PeerOwner;
  readonly #destination: Destination;

  constructor(owner: PeerOwner, inbox: string) {
    this.#owner = owner;
    this.#destination = { subject: `${inbox}${callToken}`, control: `${inbox}${controlToken}` };
  }

  get local(): Address {
    return this.#owner.link.local;
  }

  get remote(): Address {
    return { ...this.#owner.link.remote, path: this.#destination.subject };
  }

  get state(): SessionState {
    return this.#owner.state;
  }

  get load(): number {
    return this.#owner.calls.inFlight;
  }

  get capacity(): number {
    return this.#owner.settings.maxInFlight;
  }

  get finished(): Promise<TransportError | undefined> {
    return this.#owner.finished;
  }

  call(request: Bytes, context?: CallContext): Promise<Bytes> {
    return this.#owner.calls.call(this.#destination, request, context);
  }

  send(request: Bytes, context?: CallContext): void | Promise<void> {
    return this.#owner.calls.send(this.#destination, request, context);
  }

  ping(): Promise<number> {
    return ping(this.#owner, this.#destination);
  }

  /** Does nothing: the caller's connection is the caller's. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Does nothing, as {@linkcode close}. */
  abort(): void {}
}

/** What calls to a caller go through. */
export interface PeerOwner {
  readonly link: BrokerLink;
  readonly calls: NatsCalls;
  readonly settings: CallSettings;
  readonly state: SessionState;
  readonly finished: Promise<TransportError | undefined>;
}

async function ping({ calls, settings }: PeerOwner, destination: Destination): Promise<number> {
  const { clock } = settings;
  const sentAt = clock.now();
  await calls.call(destination, new Uint8Array(0), undefined, "ping");
  return clock.now() - sentAt;
}

/** A connection to a broker that calls to one subject go through. */
export class NatsSession implements Session<Bytes, Bytes>, AnswersOwner, PeerOwner, LinkOwner, DeadlineEntry {
  onChange: (() => void) | undefined = undefined;
  state: SessionState = "open";
  readonly link: BrokerLink;
  readonly calls: NatsCalls;
  readonly settings: SessionSettings;
  readonly remote: Address;
  readonly #answers: NatsAnswers;
  readonly #destination: Destination;
  readonly #sent: SentCalls;
  readonly #end = new SessionEnd();
  #reason: TransportError | undefined = undefined;

  // As an entry of the deadline queue it watches over its end.
  dueAt = Infinity;
  position = -1;
  readonly holds = false;

  constructor(
    link: BrokerLink,
    destination: Destination,
    settings: SessionSettings,
    handler: Handler<Bytes, Bytes> | undefined,
    sent: SentCalls,
  ) {
    this.#sent = sent;
    this.link = link;
    this.settings = settings;
    this.remote = { ...link.remote, path: destination.subject };
    this.#destination = destination;
    this.calls = new NatsCalls(link, settings);
    const counters = { calls: emptyCallCounters(), messages: emptyCounters() };
    this.#answers = new NatsAnswers(link, settings, this, handler, counters);
    this.calls.onEnd = () => this.#callEnded();
    link.owner = this;
    receiveInbox(link, this.calls, this.#answers);
    void link.closed.then((error) => this.#closed(error));
  }

  get local(): Address {
    return this.link.local;
  }

  get load(): number {
    return this.calls.inFlight;
  }

  get capacity(): number {
    return this.settings.maxInFlight;
  }

  get finished(): Promise<TransportError | undefined> {
    return this.#end.promise;
  }

  call(request: Bytes, context?: CallContext): Promise<Bytes> {
    if (this.state !== "open") return Promise.reject(unusable(this.#destination.subject, this.state));
    this.#sent.calls++;
    return this.calls.call(this.#destination, request, context);
  }

  send(request: Bytes, context?: CallContext): void | Promise<void> {
    if (this.state !== "open") throw unusable(this.#destination.subject, this.state);
    return this.calls.send(this.#destination, request, context);
  }

  ping(): Promise<number> {
    if (this.state === "closed") return Promise.reject(unusable(this.#destination.subject, this.state));
    return ping(this, this.#destination);
  }

  close({ graceMs = this.settings.closeTimeoutMs }: ShutdownOptions = {}): Promise<void> {
    if (this.state === "open") {
      this.#setState("draining");
      this.dueAt = this.settings.clock.now() + graceMs;
      deadlinesOf(this.settings.clock).add(this);
      this.#endIfDone();
    }
    return this.finished.then(() => {});
  }

  abort(reason: TransportError): void {
    if (this.state === "closed") return;
    this.#reason = reason;
    this.calls.leave();
    this.#fail(reason);
    void this.link.close();
  }

  peerOf(inbox: string): Session<unknown, unknown> {
    return new NatsPeer(this, inbox);
  }

  answered(): void {
    this.#endIfDone();
  }

  leaving(): void {
    if (this.state === "open") void this.close();
  }

  expire(): void {
    this.abort(
      new TransportError("closed", `Connection closed: ${this.load} calls were not finished in its grace`, {
        processed: "maybe",
      }),
    );
  }

  #callEnded(): void {
    this.onChange?.();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.state === "draining" && this.calls.inFlight === 0 && this.#answers.running === 0) void this.link.close();
  }

  /** The link is gone, by our own doing or not. */
  #closed(error: Error | undefined): void {
    const ended = this.state === "draining" && this.calls.inFlight === 0 && this.#answers.running === 0;
    const lost = this.#reason ??
      (ended ? undefined : callLost(this.link.remote.hostname ?? "the broker", toError(error)));
    this.#fail(lost);
    this.#end.end(lost);
  }

  #fail(reason: TransportError | undefined): void {
    const { clock } = this.settings;
    deadlinesOf(clock).remove(this);
    const lost = reason ?? unusable(this.#destination.subject, "closed");
    this.calls.failAll(withMaybe(lost));
    this.#answers.cutOff(lost);
    this.#setState("closed");
    deadlinesOf(clock).trim();
  }

  #setState(state: SessionState): void {
    if (this.state === state) return;
    this.state = state;
    this.onChange?.();
  }
}

function toError(error: Error | undefined): TransportError | undefined {
  return error === undefined ? undefined : TransportError.from(error, "connection-lost");
}

/** Calls that were in flight: whoever ended them, somebody may have worked on them. */
function withMaybe(error: TransportError): TransportError {
  if (error.code === "connection-lost") return error;
  return new TransportError("connection-lost", error.message, { processed: "maybe", cause: error });
}
