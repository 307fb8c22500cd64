/**
 * A channel whose messages go by class, at a rate, and in pieces.
 *
 * @module
 */

import { type Channel, formatAddress, lastPriority, type Message } from "../../core/channel.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import { AgreedChannel, type Agreement, firstKind, markBytes } from "../agreed_channel.ts";
import { byteLengthOf } from "../../util/byte_length.ts";
import { DrainWatch } from "../drain_watch.ts";
import { sayBytes, ShapeArrivals } from "./shape_arrivals.ts";
import { fragmentOf, ShapeAssembly } from "./shape_assembly.ts";
import { leastWindowBytes, type ShapeSettings, type ShapeUse } from "./shape_options.ts";
import { ByteMeter } from "../../util/byte_meter.ts";
import { ShapeRate } from "./shape_rate.ts";
import { ShapeQueue, waitingBytes } from "./shape_queue.ts";
import { ShapeWindow } from "./shape_window.ts";
import type { MessageCounts } from "../wrapped_channel.ts";

const agreement: Agreement = { name: "shape", marker: 0xfc, version: 1, oldestVersion: 1 };
const Kind = { fragment: firstKind, arrived: firstKind + 1 } as const;
const fragmentHeadBytes = markBytes + 1;

const usualPriority = 3;

/** See the module. */
export class ShapeChannel extends AgreedChannel implements DeadlineEntry {
  // As an entry of the deadline queue it waits until the rate allows more.
  dueAt = Infinity;
  position = -1;
  readonly holds = true;
  readonly #settings: ShapeSettings;
  readonly #queue: ShapeQueue;
  readonly #window: ShapeWindow;
  readonly #assembly: ShapeAssembly;
  readonly #rate: ShapeRate;
  /** The peer acknowledges what arrives: until it has ended. */
  #acknowledges = true;
  /** The receiver holds the reading back, and with it what the peer acknowledges. */
  #paused = false;
  #peerAssemblyBytes = Infinity;
  /** The sizes of messages of which a part has gone: the peer keeps those parts. */
  #begunBytes = 0;
  #full = false;
  #scheduled = false;
  #room: PromiseWithResolvers<void> | undefined = undefined;
  #drain: DrainWatch | undefined = undefined;
  readonly #arrivals = new ShapeArrivals();
  readonly #meter = new ByteMeter();

  constructor(inner: Channel, settings: ShapeSettings, counts: MessageCounts, side: "client" | "server") {
    super(inner, agreement, counts);
    this.sendParts = undefined;
    this.#settings = settings;
    this.#rate = new ShapeRate(settings, side);
    const { fragmentBytes } = settings;
    this.#queue = new ShapeQueue(settings.weights, fragmentBytes);
    this.#window = new ShapeWindow(
      Math.max(leastWindowBytes, 2 * fragmentBytes),
      settings.maxWindowBytes,
      fragmentBytes,
    );
    this.#assembly = new ShapeAssembly(this.maxMessageBytes, this.#assemblyBytes);
  }

  /** Says how fast this end wants to be sent to, and how much it puts together at a time. */
  override begin(): this {
    const hello = new DataView(new ArrayBuffer(8));
    hello.setUint32(0, this.#rate.wish);
    hello.setUint32(4, this.#assemblyBytes);
    super.begin(new Uint8Array(hello.buffer));
    if (!this.over) {
      this.#settings.stats.note(this, true);
      this.#settings.channels.add(this);
    }
    return this;
  }

  /** The rate of the settings has changed: sends by that from now on. What the peer asked for holds. */
  changed(): void {
    this.#rate.changed();
    deadlinesOf(this.#settings.clock).remove(this);
    this.#pump();
  }

  override get bufferedBytes(): number {
    return this.#queue.bytes + this.innerBytes;
  }

  /** What goes on now. */
  use(): ShapeUse {
    return {
      queuedBytes: this.#queue.bytes,
      inFlightBytes: this.#window.inFlight,
      windowBytes: this.#window.bytes,
      roundTripMs: this.#window.roundTripMs,
      bytesSent: this.#meter.total,
      bytesPerSecond: this.#meter.lately(this.#settings.clock.now()),
    };
  }

  override send(message: Message, priority = usualPriority): void | Promise<void> {
    const size = byteLengthOf(message);
    this.admit(size);
    const { classOf, maxBufferedBytes, highWaterBytes } = this.#settings;
    const buffered = this.bufferedBytes;
    if (buffered > 0 && buffered + size > maxBufferedBytes) {
      const why =
        `Cannot send message: ${buffered} bytes wait for a peer that does not read, ${maxBufferedBytes} are allowed`;
      throw new TransportError("overloaded", why);
    }
    const asked = classOf === undefined ? priority : classOf(message, priority);
    this.#queue.add(message, size, Math.max(0, Math.min(lastPriority, Math.trunc(asked) || 0)));
    this.counts.messagesOut++;
    if (!this.#scheduled) {
      this.#scheduled = true;
      // What is sent in one turn is put in order before any of it goes.
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#pump();
      });
    }
    if (buffered + size + waitingBytes > highWaterBytes) return (this.#room ??= Promise.withResolvers<void>()).promise;
  }

  override message(message: Message): void | Promise<void> {
    const isWord = message[0] === agreement.marker && message[1] === Kind.arrived;
    if (this.agreed && !isWord && this.#arrivals.add(message.length)) this.#sayArrived();
    const pause = super.message(message);
    if (pause !== undefined) this.#pause(pause);
    return pause;
  }

  override end(): void {
    this.#acknowledges = false;
    this.#pump();
    super.end();
  }

  expire(): void {
    this.#pump();
  }

  protected override welcomed(hello: Uint8Array): void {
    if (hello.length < 8) throw new TransportError("protocol", "Cannot use shape(): the peer's hello is cut short");
    const view = new DataView(hello.buffer, hello.byteOffset);
    this.#peerAssemblyBytes = view.getUint32(4);
    this.#rate.asked(view.getUint32(0));
  }

  protected override own(kind: number, message: Uint8Array): void | Promise<void> {
    if (kind === Kind.arrived) {
      if (message.length < markBytes + 4) {
        throw new TransportError("protocol", "Acknowledgement refused: it is cut short");
      }
      const count = new DataView(message.buffer, message.byteOffset).getUint32(markBytes);
      if (!this.#window.acknowledged(count, this.#settings.clock.now())) {
        throw new TransportError("protocol", `Acknowledgement refused: ${count} messages were not sent`);
      }
      return this.#pump();
    }
    if (kind !== Kind.fragment) throw new TransportError("protocol", `Message of shape() refused: its kind is ${kind}`);
    if (message.length < fragmentHeadBytes) throw new TransportError("protocol", "Fragment refused: it is cut short");
    const whole = this.#assembly.add(message[markBytes], message.subarray(fragmentHeadBytes));
    return whole === undefined ? undefined : this.take(whole);
  }

  protected override finish(): void {
    this.#pump();
    if (this.over || this.#queue.size === 0) return;
    const { clock, drainTimeoutMs } = this.#settings;
    this.#drain = new DrainWatch(clock, drainTimeoutMs, () => this.bufferedBytes + this.#window.inFlight, () => {
      if (this.position >= 0) return this.#drain!.begin();
      const why = `Connection lost: ${
        formatAddress(this.remote)
      } took none of the last ${this.bufferedBytes} bytes within ${drainTimeoutMs} ms`;
      this.inner.abort(new TransportError("connection-lost", why));
    });
    this.#drain.begin();
  }

  protected override lost(): void {
    deadlinesOf(this.#settings.clock).remove(this);
    this.#drain?.stop();
    deadlinesOf(this.#settings.clock).trim();
    this.#settings.stats.note(this, false);
    this.#settings.channels.delete(this);
    // A sender that waits for room must not wait forever; its next send says what happened.
    this.#room?.resolve();
  }

  get #mayGo(): boolean {
    return !this.#acknowledges || this.#paused || this.#window.open;
  }

  get #assemblyBytes(): number {
    return Math.max(this.#settings.maxAssemblyBytes, this.maxMessageBytes);
  }

  /**
   * A receiver that holds the reading back may do so for its own sending, and
   * that must not wait for what can't be read: as long as it does, there is no
   * window but the bounds of the channel below.
   */
  #pause(pause: Promise<void>): void {
    this.#paused = true;
    this.#window.forgetProbe();
    const resume = (): void => {
      this.#paused = false;
    };
    pause.then(resume, resume);
    this.#pump();
  }

  /** Sends pieces as long as the rate, the window and the channel below have room. */
  #pump(): void {
    if (this.over) return;
    const { clock } = this.#settings;
    while (this.#queue.size > 0 && !this.#full && this.#mayGo) {
      const now = clock.now();
      const waitMs = this.#rate.waitMs(now);
      if (waitMs > 0) {
        if (this.position < 0) {
          this.dueAt = now + waitMs;
          deadlinesOf(clock).add(this);
        }
        break;
      }
      try {
        this.#sendPiece(now);
      } catch (error) {
        return this.inner.abort(TransportError.from(error, "connection-lost"));
      }
      if (this.over) return;
    }
    this.#tellRoom();
    if (this.#queue.size > 0) return;
    deadlinesOf(clock).remove(this);
    if (this.closing === undefined) return;
    this.#drain?.stop();
    void this.inner.close(this.goodbye);
  }

  #sendPiece(now: number): void {
    const { fragmentBytes } = this.#settings;
    const className = this.#queue.next(({ size }) =>
      size <= fragmentBytes || this.#begunBytes === 0 || this.#begunBytes + size <= this.#peerAssemblyBytes
    );
    const waiting = this.#queue.first(className);
    const { size, sent } = waiting;
    const bytes = Math.min(fragmentBytes, size - sent);
    let full: void | Promise<void>;
    if (size <= fragmentBytes) {
      full = this.pass(waiting.message, undefined);
    } else {
      if (sent === 0) this.#begunBytes += size;
      if (sent + bytes === size) this.#begunBytes -= size;
      full = this.inner.send(fragmentOf([agreement.marker, Kind.fragment], waiting, className, bytes));
    }
    this.#queue.taken(className, bytes);
    this.#rate.take(bytes);
    if (this.#acknowledges) this.#window.sent(bytes, bytes >= sayBytes && !this.#paused, now);
    this.#meter.add(bytes, now);
    this.#settings.stats.bytesByClass[className] += bytes;
    if (full === undefined) return;
    this.#full = true;
    const again = (): void => {
      this.#full = false;
      this.#pump();
    };
    full.then(again, again);
  }

  #sayArrived(): void {
    // Once this end has closed, the peer sees its end and asks for nothing more.
    if (this.closing !== undefined && this.#queue.size === 0) return;
    const ack = new Uint8Array(markBytes + 4);
    ack[0] = agreement.marker;
    ack[1] = Kind.arrived;
    new DataView(ack.buffer).setUint32(markBytes, this.#arrivals.count);
    this.control(ack);
  }

  #tellRoom(): void {
    if (this.#room === undefined) return;
    if (this.#queue.size === 0 ? this.#full : this.bufferedBytes > this.#settings.highWaterBytes >> 1) return;
    this.#room.resolve();
    this.#room = undefined;
  }
}
