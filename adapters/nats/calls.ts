/**
 * The calls that are made over one link, to whatever subject.
 *
 * @module
 */

import type { MsgHdrs } from "@nats-io/transport-node";
import {
  background,
  type CallContext,
  type Clock,
  type DeadlineEntry,
  deadlinesOf,
  Streamed,
  TransportError,
} from "../../mod.ts";
import { PendingCall } from "../../src/session/pending_call.ts";
import { refuseStream } from "../../src/session/refuse_stream.ts";
import { tooLarge, tooManyCalls } from "../../src/session/mux_refusals.ts";
import { type BrokerLink, type BrokerMessage, plainBytes, saysNobody } from "./broker_link.ts";
import { callHeaders, kindHeaders, kindOf, readErrorReply } from "./call_headers.ts";

/** What both ends go by. */
export interface CallSettings {
  readonly maxInFlight: number;
  readonly maxMessageBytes: number | undefined;
  readonly heartbeatMs: number;
  readonly clock: Clock;
}

/** Whom a call goes to. */
export interface Destination {
  /** Where calls are answered. */
  readonly subject: string;
  /** Where those who answer hear that a call was given up. */
  readonly control: string;
}

/** For how many heartbeats nobody may say that he works on a call, before it counts as lost. */
const maxSilence = 3;

const nothing = new Uint8Array(0);

/** A call that waits for its reply. */
class NatsCall extends PendingCall {
  readonly destination: Destination;
  /** The last heartbeat before which something was heard of it. */
  heardAt: number;

  constructor(id: number, destination: Destination, heartbeat: number) {
    super(id);
    this.destination = destination;
    this.heardAt = heartbeat;
  }
}

/** See the module. */
export class NatsCalls implements DeadlineEntry {
  /** Called when a call has ended. */
  onEnd: (() => void) | undefined = undefined;
  readonly #link: BrokerLink;
  readonly #settings: CallSettings;
  readonly #calls = new Map<number, NatsCall>();
  #next = 0;
  #heartbeat = 0;

  // As an entry of the deadline queue it looks after calls that nobody works on any more.
  dueAt = Infinity;
  position = -1;
  readonly holds = false;

  constructor(link: BrokerLink, settings: CallSettings) {
    this.#link = link;
    this.#settings = settings;
  }

  /** How many are in flight. */
  get inFlight(): number {
    return this.#calls.size;
  }

  /** The largest request, in bytes. */
  get maxBytes(): number {
    return Math.min(this.#settings.maxMessageBytes ?? Infinity, this.#link.maxPayloadBytes);
  }

  /** Makes a call; settles with its reply. `kind` is for pings. */
  call(destination: Destination, request: Uint8Array, context = background, kind?: "ping"): Promise<Uint8Array> {
    const { maxInFlight, clock } = this.#settings;
    const { cancellation } = context;
    try {
      if (this.#calls.size >= maxInFlight) throw tooManyCalls(this.#calls.size, maxInFlight);
      const reason = cancellation?.reason;
      if (reason !== undefined) {
        throw new TransportError(reason.code, reason.message, { processed: "no", cause: reason });
      }
      const id = this.#next++;
      this.#publish(destination.subject, request, kind ? kindHeaders(kind) : callHeaders(context, clock), id);
      const call = new NatsCall(id, destination, this.#heartbeat);
      this.#calls.set(id, call);
      if (this.position < 0) this.#beat();
      if (cancellation !== undefined || (context.deadline !== Infinity && !context.deadlineEnforced)) {
        call.watch(this, cancellation, context.deadlineEnforced ? Infinity : context.deadline, deadlinesOf(clock));
      }
      return call.promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Sends what has no reply. A promise is backpressure. */
  send(destination: Destination, request: Uint8Array, context: CallContext = background): void | Promise<void> {
    this.#publish(destination.subject, request, callHeaders(context, this.#settings.clock), undefined);
    return this.#link.backpressure();
  }

  /** Something has come for the call with this number. */
  replied(id: number, message: BrokerMessage): void {
    const call = this.#calls.get(id);
    // It was given up, and the reply has crossed that on its way.
    if (call === undefined) return;
    const { headers } = message;
    if (headers !== undefined && kindOf(headers) === "working") {
      call.heardAt = this.#heartbeat;
      return;
    }
    this.#calls.delete(id);
    const error = headers === undefined ? undefined : errorOf(message, call.destination);
    if (error !== undefined) call.reject(error);
    else call.resolve(plainBytes(message.data));
    this.onEnd?.();
  }

  gaveUp(id: number): boolean {
    const call = this.#calls.get(id);
    if (call === undefined) return true;
    this.#calls.delete(id);
    this.#tell(call.destination, "cancel", `${this.#link.inbox}${id}`);
    this.onEnd?.();
    return true;
  }

  /** Tells those who may work on calls of this link that it goes away. */
  leave(): void {
    const told = new Set<string>();
    for (const { destination } of this.#calls.values()) {
      if (told.has(destination.control)) continue;
      told.add(destination.control);
      this.#tell(destination, "gone", this.#link.inbox);
    }
  }

  /** Rejects all that are in flight. */
  failAll(error: TransportError): void {
    const { clock } = this.#settings;
    deadlinesOf(clock).remove(this);
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.reject(error);
    deadlinesOf(clock).trim();
  }

  expire(): void {
    this.#heartbeat++;
    let lost = 0;
    for (const [id, call] of this.#calls) {
      if (this.#heartbeat - call.heardAt <= maxSilence) continue;
      this.#calls.delete(id);
      lost++;
      const silentMs = maxSilence * this.#settings.heartbeatMs;
      const why = `Call lost: nobody on ${call.destination.subject} said within ${silentMs} ms that he works on it`;
      call.reject(new TransportError("connection-lost", why, { processed: "maybe" }));
    }
    if (this.#calls.size > 0) this.#beat();
    if (lost > 0) this.onEnd?.();
  }

  #beat(): void {
    const { clock, heartbeatMs } = this.#settings;
    if (heartbeatMs === Infinity) return;
    this.dueAt = clock.now() + heartbeatMs;
    deadlinesOf(clock).add(this);
  }

  #publish(subject: string, request: Uint8Array, headers: MsgHdrs | undefined, id: number | undefined): void {
    const link = this.#link;
    if ((request as unknown) instanceof Streamed) {
      throw refuseStream(request as unknown as Streamed<unknown>, "nats()", "no");
    }
    if (request.length > this.maxBytes) throw tooLarge(request.length, this.maxBytes);
    if (link.isFull) throw new TransportError("overloaded", "Call refused: too much waits for the broker to take it");
    try {
      link.publish(subject, request, id === undefined ? undefined : `${link.inbox}${id}`, headers);
    } catch (error) {
      if (error instanceof TransportError) throw error;
      // Headers count, too, and only the client knows how many bytes they make.
      const tooLarge = (error as Error).message.includes("max_payload");
      throw TransportError.from(error, tooLarge ? "message-too-large" : "closed", { processed: "no" });
    }
  }

  #tell({ control }: Destination, kind: "cancel" | "gone", whose: string): void {
    try {
      this.#link.publish(control, nothing, whose, kindHeaders(kind));
    } catch {
      // The connection is over: they hear of it by asking for the caller.
    }
  }
}

/** The error that a reply with headers stands for, if it is one. */
function errorOf(message: BrokerMessage, { subject }: Destination): TransportError | undefined {
  if (!saysNobody(message)) return readErrorReply(message);
  return new TransportError("connect-failed", `Call not delivered: nobody listens on ${subject}`, { processed: "no" });
}
