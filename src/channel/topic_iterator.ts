/**
 * Iterates over the messages of a topic.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import type { TopicSubscription } from "./topic_options.ts";

/** A reader that takes one message at a time. One more waits in it; all others wait in the topic. */
export class TopicIterator<T> implements AsyncIterableIterator<T> {
  #subscription: TopicSubscription | undefined = undefined;
  #message: { readonly value: T } | undefined = undefined;
  /** Resolved when the message that waits has been taken. */
  #taken: PromiseWithResolvers<void> | undefined = undefined;
  #next: PromiseWithResolvers<IteratorResult<T, undefined>> | undefined = undefined;
  #over = false;
  #error: TransportError | undefined = undefined;

  /** `subscribe` is given the sink, and what to call at the end. */
  constructor(
    subscribe: (
      sink: (message: T) => void | Promise<void>,
      closed: (error: TransportError | undefined) => void,
    ) => TopicSubscription,
  ) {
    this.#subscription = subscribe((message) => this.#take(message), (error) => this.#end(error));
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#next !== undefined) {
      return Promise.reject(new TransportError("unsupported", "Cannot take two messages of a topic at once"));
    }
    const message = this.#message;
    if (message !== undefined) {
      this.#message = undefined;
      this.#taken?.resolve();
      this.#taken = undefined;
      return Promise.resolve({ done: false, value: message.value });
    }
    if (this.#over) {
      const error = this.#error;
      this.#error = undefined;
      return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
    }
    this.#next = Promise.withResolvers();
    return this.#next.promise;
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#message = undefined;
    this.#subscription?.close();
    // Whoever leaves does not want to know why it would have ended.
    this.#error = undefined;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(message: T): void | Promise<void> {
    const next = this.#next;
    if (next !== undefined) {
      this.#next = undefined;
      next.resolve({ done: false, value: message });
      return;
    }
    this.#message = { value: message };
    this.#taken = Promise.withResolvers();
    return this.#taken.promise;
  }

  #end(error: TransportError | undefined): void {
    this.#over = true;
    const next = this.#next;
    this.#next = undefined;
    if (next === undefined) this.#error = error;
    else if (error === undefined) next.resolve({ done: true, value: undefined });
    else next.reject(error);
  }
}
