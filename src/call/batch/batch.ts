/**
 * A batch: the list of requests that is sent, and who gets which of the answers.
 *
 * @module
 */

import { Cancellation } from "../../core/cancellation.ts";
import { discardReply } from "../../core/completion.ts";
import { CallContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import { noMetadata } from "../../core/metadata.ts";
import { WaitingCaller } from "../limits/waiting_caller.ts";

/** A call in a batch, or on its way into one. */
export class Item<Req, Res> extends WaitingCaller<Req, Res> {
  /** The one it went with. */
  batch: Batch<Req, Res, unknown> | undefined = undefined;
  key: string | undefined = undefined;
  bytes = 0;

  override get sent(): boolean {
    return this.batch !== undefined;
  }
}

/** One list of requests, and those who wait for its answers. */
export class Batch<Req, Res, Answer> {
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
