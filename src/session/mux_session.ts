/**
 * One connection of mux(): many calls at once, in both directions.
 *
 * @module
 */

import { Cancellation } from "../core/cancellation.ts";
import { type Address, type Channel, formatAddress, type Message, type Receiver } from "../core/channel.ts";
import type { Clock } from "../core/clock.ts";
import { background, CallContext } from "../core/context.ts";
import { type DeadlineEntry, deadlinesOf } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import { noMetadata } from "../core/metadata.ts";
import { notify, type Observer } from "../core/observer.ts";
import type { Handler } from "../core/service.ts";
import type { CallCounters, Session, SessionState } from "../core/session.ts";
import { type CallOwner, MuxCall } from "./mux_call.ts";
import * as wire from "./mux_wire.ts";

const { Kind } = wire;

/** Settings of a session. */
export interface MuxSettings {
  readonly maxInFlight: number;
  readonly maxMessageBytes: number | undefined;
  readonly helloTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly pingTimeoutMs: number;
  readonly clock: Clock;
  readonly observer: Observer | undefined;
}

/** Heads of frames are written here and copied by the channel before `sendParts()` returns. */
const head = new Uint8Array(wire.maxHeadBytes);

/** See the module. */
export class MuxSession implements Session<Uint8Array, Uint8Array>, Receiver, CallOwner, DeadlineEntry {
  readonly finished: Promise<TransportError | undefined>;
  /** Resolves when the peer's hello has come; rejects where it does not. */
  readonly ready: Promise<void>;
  onChange: (() => void) | undefined = undefined;
  state: SessionState = "open";
  /** Calls in flight that this end has made. */
  load = 0;
  readonly #channel: Channel;
  readonly #settings: MuxSettings;
  readonly #handler: Handler<Uint8Array, Uint8Array> | undefined;
  readonly #counters: CallCounters;
  readonly #ready = Promise.withResolvers<void>();
  readonly #finished = Promise.withResolvers<TransportError | undefined>();
  readonly #maxTakenBytes: number;
  #peer: wire.Hello | undefined = undefined;
  /** Calls made, by number; undefined where a number is free. */
  readonly #calls: (MuxCall | undefined)[] = [];
  readonly #freeIds: number[] = [];
  /** Calls being answered, by the peer's number. */
  readonly #served: (Cancellation | undefined)[] = [];
  /** Handlers at work, those of cancelled calls too. */
  #serving = 0;
  #pings: Map<number, { sentAt: number; settle: (error?: TransportError) => void }> | undefined = undefined;
  #nextPing = 1;
  #goawaySent = false;
  #goawayReceived = false;
  #peerEnded = false;
  #backpressure: Promise<void> | undefined = undefined;

  // As an entry of the deadline queue the session watches over its hello, and later over its end.
  dueAt = Infinity;
  position = -1;
  readonly holds = false;

  constructor(
    channel: Channel,
    settings: MuxSettings,
    handler: Handler<Uint8Array, Uint8Array> | undefined,
    counters: CallCounters,
  ) {
    this.#channel = channel;
    this.#settings = settings;
    this.#handler = handler;
    this.#counters = counters;
    this.ready = this.#ready.promise;
    this.ready.catch(() => {});
    this.finished = this.#finished.promise;
    const room = channel.maxMessageBytes - wire.callHeadBytes;
    this.#maxTakenBytes = Math.min(settings.maxMessageBytes ?? room, room);
    channel.receive(this);
    if (this.state === "closed") return;
    this.#send(wire.encodeHello({
      version: wire.version,
      oldestVersion: wire.oldestVersion,
      maxMessageBytes: this.#maxTakenBytes,
      maxInFlight: settings.maxInFlight,
    }));
    this.#watch(settings.helloTimeoutMs);
  }

  get local(): Address {
    return this.#channel.local;
  }

  get remote(): Address {
    return this.#channel.remote;
  }

  get capacity(): number {
    return this.#peer === undefined ? 0 : Math.min(this.#settings.maxInFlight, this.#peer.maxInFlight);
  }

  call(request: Uint8Array, context: CallContext = background): Promise<Uint8Array> {
    const peer = this.#peer;
    if (this.state !== "open" || peer === undefined) return Promise.reject(this.#unusable());
    if (this.load >= peer.maxInFlight || this.load >= this.#settings.maxInFlight) {
      return Promise.reject(tooManyCalls(this.load, this.capacity));
    }
    const reason = context.cancellation?.reason;
    if (reason !== undefined) return Promise.reject(notSent(reason));
    const id = this.#freeIds.length > 0 ? this.#freeIds.pop()! : this.#calls.length;
    head[0] = Kind.call;
    wire.writeU32(head, 1, id);
    try {
      const headLength = this.#writeContext(wire.callHeadBytes, request, context);
      this.#sendParts(headLength, request);
    } catch (error) {
      if (id < this.#calls.length) this.#freeIds.push(id);
      return Promise.reject(error);
    }
    const call = new MuxCall(id);
    this.#calls[id] = call;
    this.load++;
    if (context.cancellation !== undefined || (context.deadline !== Infinity && !context.deadlineEnforced)) {
      const dueAt = context.deadlineEnforced ? Infinity : context.deadline;
      call.watch(this, context.cancellation, dueAt, deadlinesOf(this.#settings.clock));
    }
    return call.promise;
  }

  send(request: Uint8Array, context: CallContext = background): void | Promise<void> {
    if (this.state !== "open" || this.#peer === undefined) throw this.#unusable();
    head[0] = Kind.send;
    return this.#sendParts(this.#writeContext(1, request, context), request);
  }

  ping(): Promise<number> {
    if (this.state === "closed") return Promise.reject(this.#unusable());
    const { clock, pingTimeoutMs } = this.#settings;
    const number = this.#nextPing++ >>> 0;
    const frame = new Uint8Array(5);
    frame[0] = Kind.ping;
    wire.writeU32(frame, 1, number);
    return new Promise((resolve, reject) => {
      const sentAt = clock.now();
      const entry: DeadlineEntry = {
        dueAt: sentAt + pingTimeoutMs,
        position: -1,
        holds: true,
        expire: () =>
          settle(
            new TransportError(
              "deadline-exceeded",
              `Ping lost: ${this.#where} did not answer within ${pingTimeoutMs} ms`,
            ),
          ),
      };
      const settle = (error?: TransportError): void => {
        this.#pings!.delete(number);
        deadlinesOf(clock).remove(entry);
        if (error === undefined) resolve(clock.now() - sentAt);
        else reject(error);
      };
      (this.#pings ??= new Map()).set(number, { sentAt, settle });
      deadlinesOf(clock).add(entry);
      try {
        this.#send(frame);
      } catch (error) {
        settle(TransportError.from(error, "connection-lost"));
      }
    });
  }

  close(): Promise<void> {
    if (this.state !== "closed") {
      this.#drain("local", "the connection is being closed");
      this.#watch(this.#settings.closeTimeoutMs);
      this.#endIfDone();
    }
    return this.finished.then(() => {});
  }

  abort(reason: TransportError): void {
    this.#channel.abort(reason);
  }

  // Receiver

  message(frame: Message): void | Promise<void> {
    if (typeof frame === "string") {
      throw new TransportError("protocol", "Frame refused: mux speaks bytes, this is text");
    }
    if (this.#peer === undefined) return this.#welcome(frame);
    switch (frame[0] & 0x0f) {
      case Kind.reply:
        this.#taken(frame)?.resolve(frame.subarray(wire.callHeadBytes));
        this.#callEnded();
        break;
      case Kind.call:
        this.#serve(frame);
        break;
      case Kind.send:
        this.#serveOneWay(frame);
        break;
      case Kind.error: {
        const call = this.#taken(frame);
        call?.reject(wire.decodeError(frame));
        this.#callEnded();
        break;
      }
      case Kind.cancel:
        this.#cancelServed(frame);
        break;
      case Kind.ping: {
        const pong = frame.slice(0, 5);
        pong[0] = Kind.pong;
        this.#send(pong);
        break;
      }
      case Kind.pong:
        if (frame.length >= 5) this.#pings?.get(wire.readU32(frame, 1))?.settle();
        break;
      case Kind.goaway:
        this.#goawayReceived = true;
        this.#drain("remote", wire.decodeGoaway(frame));
        this.#endIfDone();
        break;
      default:
        throw new TransportError(
          "protocol",
          `Frame refused: its kind is ${frame.length === 0 ? "missing" : frame[0] & 0x0f}`,
        );
    }
    // A peer that does not read our replies is not read from either.
    return this.#backpressure;
  }

  end(): void {
    this.#peerEnded = true;
    if (this.#peer === undefined) {
      this.abort(
        new TransportError("connection-lost", `Connection lost: ${this.#where} ended it before its hello`, {
          processed: "no",
        }),
      );
      return;
    }
    // What we wait for can't come any more; what the peer waits for still can.
    this.#failCalls(this.#lostError(undefined));
    this.#setState("draining");
    this.#endIfDone();
  }

  closed(error: TransportError | undefined): void {
    deadlinesOf(this.#settings.clock).remove(this);
    const lost = this.#lostError(error);
    this.#ready.reject(error ?? lost);
    this.#failCalls(lost);
    for (const cancellation of this.#served) {
      cancellation?.cancel(
        new TransportError("cancelled", `Call cancelled: the connection to ${this.#where} is gone`, { cause: error }),
      );
    }
    for (const { settle } of this.#pings?.values() ?? []) settle(lost);
    this.#setState("closed");
    this.#finished.resolve(error);
  }

  // DeadlineEntry

  expire(): void {
    if (this.#peer === undefined) {
      const why = `Cannot speak mux with ${this.#where}: no hello came within ${this.#settings.helloTimeoutMs} ms`;
      return this.abort(new TransportError("connect-timeout", why));
    }
    const why = `Connection closed: ${
      this.load + this.#serving
    } calls were not finished within ${this.#settings.closeTimeoutMs} ms`;
    this.abort(new TransportError("closed", why, { processed: "maybe" }));
  }

  // CallOwner

  gaveUp(id: number): void {
    const frame = new Uint8Array(5);
    frame[0] = Kind.cancel;
    wire.writeU32(frame, 1, id);
    try {
      this.#send(frame);
    } catch {
      // The connection is gone, and the call with it.
    }
  }

  get #where(): string {
    return formatAddress(this.remote);
  }

  #watch(inMs: number): void {
    const deadlines = deadlinesOf(this.#settings.clock);
    deadlines.remove(this);
    this.dueAt = this.#settings.clock.now() + inMs;
    deadlines.add(this);
  }

  // Calls made

  #writeContext(offset: number, request: Uint8Array, context: CallContext): number {
    const { maxMessageBytes } = this.#peer!;
    if (request.length > maxMessageBytes) throw tooLarge(request.length, maxMessageBytes);
    if (context === background) return offset;
    let timeLeftMs: number | undefined;
    if (context.deadline !== Infinity) {
      timeLeftMs = context.deadline - this.#settings.clock.now();
      if (timeLeftMs <= 0) {
        throw new TransportError("deadline-exceeded", "Call not sent: its deadline has passed", { processed: "no" });
      }
    }
    const priority = context.priority === background.priority ? undefined : context.priority;
    return wire.writeCallHead(head, offset, timeLeftMs, priority, context.metadata);
  }

  /** Takes the final frame of a call: its number is free again. */
  #taken(frame: Uint8Array): MuxCall | undefined {
    const id = frame.length < 5 ? -1 : wire.readU32(frame, 1);
    const call = this.#calls[id];
    if (call === undefined) {
      throw new TransportError("protocol", `Frame refused: it ends call ${id}, which is not in flight`);
    }
    this.#calls[id] = undefined;
    this.#freeIds.push(id);
    return call;
  }

  #callEnded(): void {
    this.load--;
    if (this.onChange !== undefined) this.onChange();
    if (this.state !== "open") this.#endIfDone();
  }

  #failCalls(error: TransportError): void {
    for (let id = 0; id < this.#calls.length; id++) {
      const call = this.#calls[id];
      if (call === undefined) continue;
      this.#calls[id] = undefined;
      this.load--;
      call.reject(error);
    }
  }

  // Calls answered

  #serve(frame: Uint8Array): void {
    if (frame.length < wire.callHeadBytes) throw new TransportError("protocol", "Frame refused: a call cut short");
    const id = wire.readU32(frame, 1);
    const served = this.#served;
    if (id >= this.#settings.maxInFlight) {
      // Numbers are reused, so a peer within the limit never needs one beyond it.
      throw new TransportError(
        "protocol",
        `Frame refused: call number ${id}, the limit is ${this.#settings.maxInFlight}`,
      );
    }
    if (served[id] !== undefined) {
      throw new TransportError("protocol", `Frame refused: call ${id} is in flight already`);
    }
    const counters = this.#counters;
    if (this.#handler === undefined) {
      counters.refused++;
      return this.#sendError(id, new TransportError("unsupported", "Call refused: this end answers no calls"));
    }
    if (this.#serving >= this.#settings.maxInFlight) {
      counters.refused++;
      return this.#sendError(id, tooManyCalls(this.#serving, this.#settings.maxInFlight));
    }
    const cancellation = new Cancellation();
    const context = this.#contextOf(frame, wire.callHeadBytes, cancellation);
    const payloadBytes = frame.length - payloadStart;
    if (context === undefined) {
      counters.refused++;
      return this.#sendError(
        id,
        new TransportError("deadline-exceeded", "Call refused: its deadline has passed", { processed: "no" }),
      );
    }
    if (payloadBytes > this.#maxTakenBytes) {
      counters.refused++;
      return this.#sendError(id, tooLarge(payloadBytes, this.#maxTakenBytes));
    }
    served[id] = cancellation;
    this.#serving++;
    counters.started++;
    counters.inFlight++;
    let result: Uint8Array | Promise<Uint8Array>;
    try {
      result = this.#handler(frame.subarray(payloadStart), context);
    } catch (error) {
      return this.#failed(id, cancellation, error);
    }
    if (result instanceof Uint8Array) {
      this.#answered(id, cancellation, result);
    } else {
      // A thenable that is no promise, or a value that is no reply, is sorted out when it settles.
      Promise.resolve(result).then(
        (reply) => this.#answered(id, cancellation, reply),
        (error) => this.#failed(id, cancellation, error),
      );
    }
  }

  #answered(id: number, cancellation: Cancellation, reply: Uint8Array): void {
    if (!(reply instanceof Uint8Array)) {
      return this.#failed(id, cancellation, new TypeError(`The handler's reply is ${typeof reply}, not Uint8Array`));
    }
    this.#servingEnded();
    // A call that was cancelled has been ended on the wire already.
    if (this.#served[id] === cancellation) {
      this.#served[id] = undefined;
      const limit = this.#peer!.maxMessageBytes;
      if (reply.length > limit) {
        this.#counters.failed++;
        this.#sendError(
          id,
          new TransportError(
            "message-too-large",
            `Reply not sent: it has ${reply.length} bytes, the caller takes ${limit}`,
            { processed: "yes" },
          ),
        );
      } else {
        head[0] = Kind.reply;
        wire.writeU32(head, 1, id);
        this.#sendOrAbort(wire.callHeadBytes, reply);
      }
    }
    if (this.state !== "open") this.#endIfDone();
  }

  #failed(id: number, cancellation: Cancellation, error: unknown): void {
    this.#counters.failed++;
    this.#servingEnded();
    if (this.#served[id] === cancellation) {
      this.#served[id] = undefined;
      this.#sendError(id, TransportError.from(error, "remote"));
    }
    if (this.state !== "open") this.#endIfDone();
  }

  #servingEnded(): void {
    this.#serving--;
    this.#counters.inFlight--;
  }

  #serveOneWay(frame: Uint8Array): void {
    const counters = this.#counters;
    const cancellation = new Cancellation();
    const context = this.#contextOf(frame, 1, cancellation);
    if (this.#handler === undefined || context === undefined || this.#serving >= this.#settings.maxInFlight) {
      counters.refused++;
      return;
    }
    counters.started++;
    this.#serving++;
    counters.inFlight++;
    const ended = (): void => {
      this.#servingEnded();
      if (this.state !== "open") this.#endIfDone();
    };
    try {
      const result = this.#handler(frame.subarray(payloadStart), context);
      if (result instanceof Promise) {
        result.then(ended, () => {
          counters.failed++;
          ended();
        });
        return;
      }
    } catch {
      counters.failed++;
    }
    ended();
  }

  /** The context of a call that came in; undefined where its deadline has passed. Sets {@linkcode payloadStart}. */
  #contextOf(frame: Uint8Array, offset: number, cancellation: Cancellation): CallContext | undefined {
    if (frame[0] < 0x10) {
      payloadStart = offset;
      return new CallContext(Infinity, false, background.priority, this, cancellation, noMetadata);
    }
    if (frame[0] >= 0x80) {
      throw new TransportError("protocol", "Frame refused: it has a flag that this version does not know");
    }
    const parts = wire.readCallHead(frame, offset);
    payloadStart = parts.payloadStart;
    if (parts.timeLeftMs === 0) return undefined;
    const deadline = parts.timeLeftMs === undefined ? Infinity : this.#settings.clock.now() + parts.timeLeftMs;
    return new CallContext(deadline, false, parts.priority ?? background.priority, this, cancellation, parts.metadata);
  }

  #cancelServed(frame: Uint8Array): void {
    if (frame.length < 5) throw new TransportError("protocol", "Frame refused: a cancel cut short");
    const id = wire.readU32(frame, 1);
    const cancellation = this.#served[id];
    // The reply may have crossed the cancel on the wire.
    if (cancellation === undefined) return;
    this.#served[id] = undefined;
    const reason = new TransportError("cancelled", "Call cancelled by the caller", { processed: "maybe" });
    this.#sendError(id, reason);
    cancellation.cancel(reason);
  }

  // Sending

  #sendParts(headLength: number, body: Uint8Array): void | Promise<void> {
    const channel = this.#channel;
    const full = channel.sendParts === undefined
      ? channel.send(join(head, headLength, body))
      : channel.sendParts(head, headLength, body);
    if (full !== undefined) this.#congested(full);
    return full;
  }

  #send(frame: Uint8Array): void {
    const full = this.#channel.send(frame);
    if (full !== undefined) this.#congested(full);
  }

  #congested(full: Promise<void>): void {
    if (this.#backpressure !== undefined) return;
    this.#backpressure = full;
    full.then(() => {
      this.#backpressure = undefined;
    }, () => {});
  }

  /** Sends what nobody waits for: where that is impossible the connection is of no use. */
  #sendOrAbort(headLength: number, body: Uint8Array): void {
    if (this.state === "closed") return;
    try {
      this.#sendParts(headLength, body);
    } catch (error) {
      this.abort(TransportError.from(error, "connection-lost"));
    }
  }

  #sendError(id: number, error: TransportError): void {
    const frame = wire.encodeError(id, error, Math.min(this.#channel.maxMessageBytes, this.#peer!.maxMessageBytes));
    head.set(frame.subarray(0, wire.callHeadBytes));
    this.#sendOrAbort(wire.callHeadBytes, frame.subarray(wire.callHeadBytes));
  }

  // Beginning and end

  #welcome(frame: Uint8Array): void {
    try {
      this.#peer = wire.decodeHello(frame);
    } catch (error) {
      return this.#farewell(TransportError.from(error, "protocol"));
    }
    deadlinesOf(this.#settings.clock).remove(this);
    this.#ready.resolve();
  }

  /** Ends after what was sent has gone out: the peer must get our hello to see why it is refused. */
  #farewell(error: TransportError): void {
    this.#ready.reject(error);
    this.#setState("draining");
    void this.#channel.close();
  }

  #drain(by: "local" | "remote", reason: string): void {
    this.#setState("draining");
    if (this.#goawaySent) return;
    this.#goawaySent = true;
    if (this.#peer !== undefined && !this.#peerEnded) {
      try {
        this.#send(wire.encodeGoaway(reason));
      } catch {
        // The connection is ending already.
      }
    }
    const { observer } = this.#settings;
    if (observer !== undefined) notify(observer, { type: "session-draining", remote: this.remote, by, reason });
  }

  /** Closes once nothing is in flight and both ends have said that they make no new calls. */
  #endIfDone(): void {
    if (this.load > 0 || this.#serving > 0) return;
    if (this.#peer !== undefined && !(this.#goawaySent && this.#goawayReceived) && !this.#peerEnded) return;
    void this.#channel.close();
  }

  #setState(state: SessionState): void {
    if (this.state === state || this.state === "closed") return;
    this.state = state;
    this.onChange?.();
  }

  #unusable(): TransportError {
    if (this.state === "closed") {
      return new TransportError("closed", `Cannot call ${this.#where}: the connection is closed`);
    }
    return new TransportError("draining", `Cannot call ${this.#where}: the connection takes no new calls`);
  }

  #lostError(error: TransportError | undefined): TransportError {
    const why = error === undefined ? "the peer ended it" : error.message;
    return new TransportError("connection-lost", `Call lost: the connection to ${this.#where} is gone: ${why}`, {
      processed: "maybe",
      cause: error,
    });
  }
}

/** Where the payload of the frame at hand begins; a second result of `#contextOf()` that costs no object. */
let payloadStart = 0;

function join(head: Uint8Array, headLength: number, body: Uint8Array): Uint8Array {
  const message = new Uint8Array(headLength + body.length);
  message.set(head.subarray(0, headLength));
  message.set(body, headLength);
  return message;
}

function tooManyCalls(inFlight: number, allowed: number): TransportError {
  return new TransportError("too-many-calls", `Call refused: ${inFlight} are in flight, ${allowed} are allowed`, {
    details: { inFlight, allowed },
  });
}

function tooLarge(bytes: number, allowed: number): TransportError {
  return new TransportError("message-too-large", `Message refused: it has ${bytes} bytes, ${allowed} are allowed`, {
    details: { bytes, allowed },
  });
}

/** The reason for which a call was cancelled before it was sent. */
function notSent(reason: TransportError): TransportError {
  return new TransportError(reason.code, reason.message, { processed: "no", cause: reason });
}
