/**
 * Gathers requests into batches: those of one turn, or of a short time.
 *
 * @module
 */

import type { Timer } from "../../core/clock.ts";
import { TransportError } from "../../core/errors.ts";
import type { JsonRpcLink } from "./json_rpc_link.ts";

/** Who made the calls of a batch that could not be sent. */
export interface GatherOwner {
  /** None of these calls has been sent. */
  notSent(ids: readonly number[], error: TransportError): void;
}

/** See the module. */
export class JsonRpcGather {
  readonly #link: JsonRpcLink;
  readonly #owner: GatherOwner;
  #texts: string[] = [];
  #ids: number[] = [];
  #chars = 0;
  #scheduled = false;
  #timer: Timer | undefined = undefined;

  constructor(link: JsonRpcLink, owner: GatherOwner) {
    this.#link = link;
    this.#owner = owner;
  }

  /** Whether requests wait for others. */
  get holding(): boolean {
    return this.#texts.length > 0;
  }

  /** Puts a request, or a notification without an id, into the next batch. */
  add(text: string, id: number | undefined): void {
    const { maxBatchCalls, batchLingerMs, clock } = this.#link.settings;
    const { maxMessageBytes } = this.#link;
    // A character has three bytes at the most: near enough for what is a batch of small ones.
    if (this.#texts.length > 0 && 3 * (this.#chars + text.length) > maxMessageBytes) this.flush();
    this.#texts.push(text);
    if (id !== undefined) this.#ids.push(id);
    this.#chars += text.length + 2;
    if (this.#texts.length >= maxBatchCalls) return this.flush();
    if (batchLingerMs > 0) {
      this.#timer ??= clock.schedule(() => this.flush(), batchLingerMs);
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
  }

  /** Sends what was gathered; a single request goes by itself. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const texts = this.#texts;
    if (texts.length === 0) return;
    const ids = this.#ids;
    this.#texts = [];
    this.#ids = [];
    this.#chars = 0;
    try {
      void this.#link.send(texts.length === 1 ? texts[0] : `[${texts.join(",")}]`, false);
    } catch (error) {
      this.#owner.notSent(ids, TransportError.from(error, "connection-lost"));
    }
  }

  /** The connection is gone. */
  drop(): void {
    this.#timer?.cancel();
    this.#texts = [];
    this.#ids = [];
  }
}
