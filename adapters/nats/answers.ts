/**
 * The calls that come in over one link, and their handlers.
 *
 * @module
 */

import type { MsgHdrs } from "@nats-io/transport-node";
import {
  CallContext,
  type CallCounters,
  Cancellation,
  type ChannelCounters,
  type DeadlineEntry,
  deadlinesOf,
  type Handler,
  type Session,
  TransportError,
} from "../../mod.ts";
import { tooLarge, tooManyCalls } from "../../src/session/mux_refusals.ts";
import { noBytes } from "../../src/session/refuse_stream.ts";
import { type BrokerLink, type BrokerMessage, plainBytes } from "./broker_link.ts";
import { errorReply, kindHeaders, kindOf, readCallHeaders } from "./call_headers.ts";
import type { CallSettings } from "./calls.ts";

/** What is needed of the end that calls come in on. */
export interface AnswersOwner {
  /** The session back to the caller whose inbox it is. */
  peerOf(inbox: string): Session<unknown, unknown>;
  /** A handler has ended. */
  answered(): void;
}

/** A call that its handler works on. */
interface Running {
  readonly cancellation: Cancellation;
  /** The last heartbeat before it came. */
  readonly since: number;
}

/** Where the broker answers that a caller is gone: behind our inbox, and before the caller's own subject. */
const goneToken = "gone.";

const nothing = new Uint8Array(0);
const cancelled = (): TransportError => new TransportError("cancelled", "Call cancelled by the caller");

/** What can be counted of messages that come by way of a broker. */
export type MessageCounters = Pick<ChannelCounters, "messagesIn" | "messagesOut" | "bytesIn" | "bytesOut">;

/** See the module. */
export class NatsAnswers implements DeadlineEntry {
  /** Handlers that are at work, of one-way sends too. */
  running = 0;
  readonly #link: BrokerLink;
  readonly #settings: CallSettings;
  readonly #owner: AnswersOwner;
  readonly #handler: Handler<Uint8Array, Uint8Array> | undefined;
  readonly #calls: CallCounters;
  readonly #messages: MessageCounters;
  /** By the subject of their replies, and a number behind a blank where another call has the same. */
  readonly #served = new Map<string, Running>();
  readonly #sends = new Set<Cancellation>();
  #heartbeat = 0;
  /** Calls whose replies go where that of another one goes. */
  #repeats = 0;

  // As an entry of the deadline queue it tells callers that their calls are being worked on.
  dueAt = Infinity;
  position = -1;
  readonly holds = false;

  constructor(
    link: BrokerLink,
    settings: CallSettings,
    owner: AnswersOwner,
    handler: Handler<Uint8Array, Uint8Array> | undefined,
    counters: { calls: CallCounters; messages: MessageCounters },
  ) {
    this.#link = link;
    this.#settings = settings;
    this.#owner = owner;
    this.#handler = handler;
    this.#calls = counters.calls;
    this.#messages = counters.messages;
  }

  /** A call, a send or a ping has come in. */
  serve(message: BrokerMessage): void {
    const { reply: place = "", headers } = message;
    const data = plainBytes(message.data);
    this.#messages.messagesIn++;
    this.#messages.bytesIn += data.length;
    if (headers !== undefined && kindOf(headers) === "ping") return this.#publish(place, nothing);
    const isCall = place !== "";
    const reply = this.#served.has(place) ? `${place} ${++this.#repeats}` : place;
    const cancellation = new Cancellation();
    let context: CallContext;
    try {
      context = this.#accept(data, headers, cancellation, place);
    } catch (error) {
      this.#calls.refused++;
      if (isCall) this.#sendError(reply, error as TransportError);
      return;
    }
    this.running++;
    this.#calls.started++;
    this.#calls.inFlight++;
    if (isCall) {
      this.#served.set(reply, { cancellation, since: this.#heartbeat });
      if (this.position < 0) this.#beat();
    } else {
      this.#sends.add(cancellation);
    }
    let result: Uint8Array | Promise<Uint8Array>;
    try {
      result = this.#handler!(data, context);
    } catch (error) {
      return this.#failed(reply, cancellation, error);
    }
    if (result instanceof Uint8Array) return this.#replied(reply, cancellation, result);
    Promise.resolve(result).then(
      (value) => this.#replied(reply, cancellation, value),
      (error) => this.#failed(reply, cancellation, error),
    );
  }

  /** Word of a caller: that it has given up a call, or that it is gone with all of them. */
  control({ reply = "", headers }: BrokerMessage): void {
    const kind = kindOf(headers);
    if (kind === "cancel") this.#cancel(reply);
    // An inbox ends with a dot: anything else would mean others, too.
    else if (kind === "gone" && reply.endsWith(".")) {
      for (const [whose] of this.#served) if (whose.startsWith(reply)) this.#cancel(whose);
    }
  }

  /** The broker's word on a subject of our inbox: that there is no caller any more. Says whether it was that. */
  heardNobody(token: string): boolean {
    if (!token.startsWith(goneToken)) return false;
    this.#cancel(token.slice(goneToken.length));
    return true;
  }

  /** Ends all that is at work: callers are told so. */
  cutOff(reason: TransportError): void {
    for (const [reply, { cancellation }] of [...this.#served]) {
      this.#served.delete(reply);
      this.#sendError(reply, reason);
      cancellation.cancel(reason);
    }
    for (const cancellation of [...this.#sends]) cancellation.cancel(reason);
    deadlinesOf(this.#settings.clock).remove(this);
  }

  expire(): void {
    for (const [reply, { since }] of this.#served) {
      if (since < this.#heartbeat) {
        this.#publish(reply, nothing, kindHeaders("working"), `${this.#link.inbox}${goneToken}${subjectOf(reply)}`);
      }
    }
    this.#heartbeat++;
    if (this.#served.size > 0) this.#beat();
  }

  #beat(): void {
    const { clock, heartbeatMs } = this.#settings;
    if (heartbeatMs === Infinity) return;
    this.dueAt = clock.now() + heartbeatMs;
    deadlinesOf(clock).add(this);
  }

  /** The context of a call. Throws why it is not handed to the handler. */
  #accept(data: Uint8Array, headers: MsgHdrs | undefined, cancellation: Cancellation, reply: string): CallContext {
    const { maxInFlight, maxMessageBytes = Infinity, clock } = this.#settings;
    if (this.#handler === undefined) {
      throw new TransportError("unsupported", "Call refused: this end answers no calls");
    }
    const { timeLeftMs, priority, metadata } = readCallHeaders(headers);
    if (timeLeftMs === 0) {
      throw new TransportError("deadline-exceeded", "Call refused: its deadline has passed", { processed: "no" });
    }
    if (this.running >= maxInFlight) throw tooManyCalls(this.running, maxInFlight);
    if (data.length > maxMessageBytes) throw tooLarge(data.length, maxMessageBytes);
    if (this.#link.isFull) throw new TransportError("overloaded", "Call refused: too many replies wait to be sent");
    const deadline = timeLeftMs === undefined ? Infinity : clock.now() + timeLeftMs;
    const peer = reply === "" ? undefined : this.#owner.peerOf(reply.slice(0, reply.lastIndexOf(".") + 1));
    return new CallContext(deadline, false, priority, peer, cancellation, metadata);
  }

  #cancel(reply: string): void {
    if (this.#repeats > 0) {
      for (const whose of [...this.#served.keys()]) if (whose.startsWith(`${reply} `)) this.#cancel(whose);
    }
    const running = this.#served.get(reply);
    // The reply may have crossed the word on its way, or it is another server's call.
    if (running === undefined) return;
    this.#served.delete(reply);
    running.cancellation.cancel(cancelled());
  }

  #replied(reply: string | undefined, cancellation: Cancellation, result: Uint8Array): void {
    if (reply === undefined || reply === "") return this.#ended(reply, cancellation);
    if (!(result instanceof Uint8Array)) {
      return this.#failed(reply, cancellation, noBytes(result, "nats()"));
    }
    const { maxMessageBytes = Infinity } = this.#settings;
    const limit = Math.min(maxMessageBytes, this.#link.maxPayloadBytes);
    if (result.length > limit) {
      const why = `Reply not sent: it has ${result.length} bytes, ${limit} are allowed`;
      return this.#failed(reply, cancellation, new TransportError("message-too-large", why, { processed: "yes" }));
    }
    if (this.#served.delete(reply)) this.#publish(reply, result);
    this.#ended(reply, cancellation);
  }

  #failed(reply: string | undefined, cancellation: Cancellation, error: unknown): void {
    this.#calls.failed++;
    if (reply !== undefined && this.#served.delete(reply)) {
      this.#sendError(reply, TransportError.from(error, "remote"));
    }
    this.#ended(reply, cancellation);
  }

  #ended(reply: string | undefined, cancellation: Cancellation): void {
    if (reply === undefined || reply === "") this.#sends.delete(cancellation);
    this.running--;
    this.#calls.inFlight--;
    this.#owner.answered();
  }

  #sendError(reply: string, error: TransportError): void {
    const { headers, data } = errorReply(error, this.#link.maxPayloadBytes);
    this.#publish(reply, data, headers);
  }

  #publish(subject: string, data: Uint8Array, headers?: MsgHdrs, reply?: string): void {
    try {
      this.#link.publish(this.#repeats > 0 ? subjectOf(subject) : subject, data, reply, headers);
      this.#messages.messagesOut++;
      this.#messages.bytesOut += data.length;
    } catch {
      // The connection is over: nobody can be told any more.
    }
  }
}

/** The subject of a reply, without what tells it from others to the same. */
function subjectOf(reply: string): string {
  const end = reply.indexOf(" ");
  return end < 0 ? reply : reply.slice(0, end);
}
