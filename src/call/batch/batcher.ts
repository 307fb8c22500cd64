/**
 * Gathers calls, cuts them into batches and hands out the answers.
 *
 * @module
 */

import { background, CallContext } from "../../core/context.ts";
import { Cancellation } from "../../core/cancellation.ts";
import { discardReply } from "../../core/completion.ts";
import type { DeadlineEntry, DeadlineQueue } from "../../core/deadline_queue.ts";
import type { Clock } from "../../core/clock.ts";
import { TransportError } from "../../core/errors.ts";
import { counted, current, type Figures } from "../../core/figures.ts";
import { noMetadata } from "../../core/metadata.ts";
import type { Closable, Service } from "../../core/service.ts";
import { sizeOf } from "../../util/size_of.ts";
import { overBefore, WaitingCaller } from "../limits/waiting_caller.ts";

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

/** A call in a batch, or on its way into one. */
class Item<Req, Res> extends WaitingCaller<Req, Res> {
  /** The one it went with. */
  batch: Batch<Req, Res, unknown> | undefined = undefined;
  key: string | undefined = undefined;
  bytes = 0;

  override get sent(): boolean {
    return this.batch !== undefined;
  }
}

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

  /** Sends what waits, waits for all answers, closes what is inside. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.flush();
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle = resolve);
    if ("close" in this.#inner) await (this.#inner as unknown as Closable).close();
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

/** One list of requests, and those who wait for its answers. */
class Batch<Req, Res, Answer> {
  readonly requests: Req[] = [];
  readonly #items: Item<Req, Res>[] = [];
  readonly #cancellation = new Cancellation();
  /** Where the request of each key stands, and for each item where its request stands: nothing where there are no keys. */
  #slots: Map<string, number> | undefined = undefined;
  #slotOf: number[] | undefined = undefined;
  #bytes = 0;
  #live = 0;

  takes(item: Item<Req, Res>, maxBatch: number, maxBytes: number | undefined): boolean {
    if (this.requests.length === 0 || (item.key !== undefined && this.#slots?.has(item.key) === true)) return true;
    if (this.requests.length >= maxBatch) return false;
    return maxBytes === undefined || this.#bytes + item.bytes <= maxBytes;
  }

  add(item: Item<Req, Res>): void {
    item.batch = this as Batch<Req, Res, unknown>;
    this.#live++;
    this.#items.push(item);
    if (item.key !== undefined) {
      this.#slots ??= new Map();
      const slot = this.#slots.get(item.key);
      (this.#slotOf ??= []).push(slot ?? this.requests.length);
      if (slot !== undefined) return;
      this.#slots.set(item.key, this.requests.length);
    }
    this.requests.push(item.request);
    this.#bytes += item.bytes;
  }

  /** The latest deadline, the highest priority, and the metadata where all have the same. */
  context(): CallContext {
    const first = this.#items[0].context;
    let { deadline, priority } = first;
    let same = true;
    for (const { context } of this.#items) {
      if (context === first) continue;
      deadline = Math.max(deadline, context.deadline);
      priority = Math.min(priority, context.priority);
      same &&= context.metadata === first.metadata;
    }
    if (this.#items.length === 1) return first.bounded(deadline, this.#cancellation);
    const metadata = same ? first.metadata : noMetadata;
    return new CallContext(deadline, true, priority, undefined, this.#cancellation, metadata);
  }

  left(reason: TransportError): void {
    if (--this.#live === 0) this.#cancellation.cancel(reason);
  }

  resolve(answers: readonly Answer[], read: ((answer: Answer) => Res) | undefined): void {
    const { length } = this.requests;
    if (!Array.isArray(answers) || answers.length !== length) {
      const what = Array.isArray(answers) ? `a list of ${answers.length}` : typeof answers;
      const why = `Cannot read batch: its reply is ${what}, a list of ${length} is allowed`;
      discardReply(answers);
      return this.reject(new TransportError("invalid-reply", why));
    }
    this.#cancellation.release();
    const items = this.#items;
    const slotOf = this.#slotOf;
    for (let index = 0; index < items.length; index++) {
      const item = items[index];
      const answer: Answer = answers[slotOf === undefined ? index : slotOf[index]];
      if (read !== undefined) settleBy(read, item, answer);
      else if (answer instanceof Error) item.reject(answer);
      else item.resolve(answer as unknown as Res);
    }
  }

  reject(error: unknown): void {
    this.#cancellation.release();
    for (const item of this.#items) item.reject(error);
  }
}

function settleBy<Req, Res, Answer>(read: (answer: Answer) => Res, item: Item<Req, Res>, answer: Answer): void {
  try {
    item.resolve(read(answer));
  } catch (error) {
    item.reject(error);
  }
}
