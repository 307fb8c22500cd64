/**
 * Gathers calls, cuts them into batches and sends those.
 *
 * @module
 */

import { background, type CallContext } from "../../core/context.ts";
import type { DeadlineEntry, DeadlineQueue } from "../../core/deadline_queue.ts";
import type { Clock } from "../../core/clock.ts";
import { TransportError } from "../../core/errors.ts";
import { counted, current, type Figures } from "../../core/figures.ts";
import type { Closable, Service } from "../../core/service.ts";
import type { CloseOptions } from "../../core/session.ts";
import { sizeOf } from "../../util/size_of.ts";
import { overBefore, type WaitingCaller } from "../limits/waiting_caller.ts";
import { Batch, Item } from "./batch.ts";

/** What a batcher goes by. */
export interface BatcherSettings<Req, Res, Answer> {
  readonly maxBatch: number;
  readonly maxBytes: number | undefined;
  readonly sizeOf: ((request: Req) => number) | undefined;
  readonly lingerMs: number;
  readonly key: ((request: Req) => string) | undefined;
  readonly read: ((answer: Answer) => Res) | undefined;
  readonly clock: Clock;
  readonly name: string;
}

/** How many batches' worth of calls are gathered in one turn, to have the urgent ones go first. */
const maxWaitingBatches = 16;

/** How long answers may take when it is closed, in milliseconds, where nobody says. */
const usualGraceMs = 30_000;

/** See the module. */
export class Batcher<Req, Res, Answer> implements DeadlineEntry {
  readonly #inner: Service<readonly Req[], readonly Answer[]>;
  readonly #settings: BatcherSettings<Req, Res, Answer>;
  readonly #deadlines: DeadlineQueue;
  readonly #now: () => number;
  readonly #maxWaiting: number;
  readonly #lookAgain = (): void => this.#flushIfStill();
  #waiting: Item<Req, Res>[] = [];
  /** How many of those that wait have not left. */
  #live = 0;
  #bytes = 0;
  #mixed = false;
  /** How many waited when it was looked at last. */
  #seen = 0;
  #looking = false;
  #inFlight = 0;
  #calls = 0;
  #batches = 0;
  #requests = 0;
  #closing: Promise<void> | undefined = undefined;
  #idle: (() => void) | undefined = undefined;
  dueAt = Infinity;
  position = -1;
  readonly holds = true;

  constructor(
    inner: Service<readonly Req[], readonly Answer[]>,
    settings: BatcherSettings<Req, Res, Answer>,
    deadlines: DeadlineQueue,
  ) {
    this.#inner = inner;
    this.#settings = settings;
    this.#deadlines = deadlines;
    this.#now = () => settings.clock.now();
    this.#maxWaiting = settings.lingerMs > 0 ? settings.maxBatch : settings.maxBatch * maxWaitingBatches;
  }

  /** What it has gathered, and in how many batches that went. */
  readonly figures: Figures = () => [
    counted("calls", this.#calls),
    counted("batches", this.#batches),
    current("requests a batch", this.#batches === 0 ? undefined : this.#requests / this.#batches),
    current("waiting", this.#live),
    current("batches in flight", this.#inFlight),
  ];

  /** Takes a call. */
  add(request: Req, context: CallContext): Promise<Res> {
    if (this.#closing !== undefined) {
      return Promise.reject(new TransportError("closed", `Cannot call: ${this.#settings.name} is closed`));
    }
    const { key, maxBytes, sizeOf: bytesOf = sizeOf } = this.#settings;
    const refusal = context === background ? undefined : overBefore(context, this.#now);
    if (refusal !== undefined) return Promise.reject(refusal);
    let itemKey: string | undefined;
    let bytes = 0;
    try {
      if (key !== undefined) itemKey = key(request);
      if (maxBytes !== undefined) bytes = bytesOf(request);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#calls++;
    const item = new Item<Req, Res>(request, context, this.#deadlines, this);
    item.key = itemKey;
    item.bytes = bytes;
    if (this.#live === 0) this.#waiting.length = 0;
    this.#waiting.push(item);
    this.#live++;
    this.#bytes += bytes;
    if (context.priority !== this.#waiting[0].context.priority) this.#mixed = true;
    const lingers = this.#settings.lingerMs > 0;
    if (this.#live >= this.#maxWaiting || (lingers && maxBytes !== undefined && this.#bytes >= maxBytes)) {
      this.flush();
    } else if (!lingers || context.priority === 0) {
      this.#flushSoon();
    } else if (this.#live === 1) {
      this.dueAt = this.#now() + this.#settings.lingerMs;
      this.#deadlines.add(this);
    }
    return item.promise;
  }

  /** The linger is over. */
  expire(): void {
    this.dueAt = Infinity;
    this.flush();
  }

  /** A call has given up. */
  left(item: WaitingCaller<Req, Res>, reason: TransportError): void {
    const { batch, bytes } = item as Item<Req, Res>;
    if (batch !== undefined) return batch.left(reason);
    this.#bytes -= bytes;
    if (--this.#live === 0) this.#stopLinger();
    // Those who left are taken out when they are the most.
    else if (this.#waiting.length > 2 * this.#live + 32) this.#waiting = this.#waiting.filter((one) => one.waiting);
  }

  /** Sends what waits. */
  flush(): void {
    this.#stopLinger();
    if (this.#live === 0) return;
    const items = this.#live === this.#waiting.length ? this.#waiting : this.#waiting.filter((item) => item.waiting);
    if (this.#mixed) items.sort((a, b) => a.context.priority - b.context.priority);
    this.#waiting = [];
    this.#live = this.#bytes = this.#seen = 0;
    this.#mixed = false;
    let batch = new Batch<Req, Res, Answer>();
    for (const item of items) {
      if (!batch.takes(item, this.#settings.maxBatch, this.#settings.maxBytes)) {
        this.#send(batch);
        batch = new Batch();
      }
      batch.add(item);
    }
    this.#send(batch);
  }

  /** Sends what waits, waits for the answers within a grace, closes what is inside. */
  close(options?: CloseOptions): Promise<void> {
    return this.#closing ??= this.#close(options);
  }

  async #close(options: CloseOptions = {}): Promise<void> {
    const { clock } = this.#settings;
    const { graceMs } = options;
    const closedAt = clock.now();
    this.flush();
    if (this.#inFlight > 0) await this.#answered(graceMs ?? usualGraceMs);
    if (!("close" in this.#inner)) return;
    // What is inside cuts off what is still in flight, and has what is left of the grace for that.
    const left = graceMs === undefined
      ? options
      : { ...options, graceMs: Math.max(0, closedAt + graceMs - clock.now()) };
    await (this.#inner as unknown as Closable).close(left);
  }

  /** Resolves when nothing is in flight, or the grace is over. */
  async #answered(graceMs: number): Promise<void> {
    const idle = Promise.withResolvers<void>();
    this.#idle = idle.resolve;
    const cutOff = this.#settings.clock.schedule(idle.resolve, graceMs);
    await idle.promise;
    cutOff.cancel();
  }

  /** Sends once a round of promise reactions has brought no further call. */
  #flushSoon(): void {
    if (this.#looking) return;
    this.#looking = true;
    queueMicrotask(this.#lookAgain);
  }

  #flushIfStill(): void {
    if (this.#seen === this.#waiting.length) {
      this.#looking = false;
      this.#seen = 0;
      return this.flush();
    }
    this.#seen = this.#waiting.length;
    queueMicrotask(this.#lookAgain);
  }

  #stopLinger(): void {
    if (this.dueAt === Infinity) return;
    this.#deadlines.remove(this);
    this.dueAt = Infinity;
  }

  #send(batch: Batch<Req, Res, Answer>): void {
    this.#inFlight++;
    this.#batches++;
    this.#requests += batch.requests.length;
    const ended = (): void => {
      if (--this.#inFlight === 0) this.#idle?.();
    };
    const fail = (error: unknown): void => {
      batch.reject(error);
      ended();
    };
    try {
      this.#inner(batch.requests, batch.context()).then((answers) => {
        batch.resolve(answers, this.#settings.read);
        ended();
      }, fail);
    } catch (error) {
      fail(error);
    }
  }
}
