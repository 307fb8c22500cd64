/**
 * Batches as lines, for peers that know nothing of batch().
 *
 * @module
 */

import type { Message } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { GatheringChannel } from "./batch_channel.ts";

const lineFeed = 10;
const encoder = new TextEncoder();

/** A batch is its messages joined by line feeds: text where all of them are. There is no hello and no marker. */
export class LineBatchChannel extends GatheringChannel {
  override begin(): this {
    this.agreed = true;
    this.inner.receive(this);
    return this;
  }

  override get maxMessageBytes(): number {
    return this.inner.maxMessageBytes;
  }

  override message(message: Message): void | Promise<void> {
    return this.receiver === undefined ? this.gate().then(() => this.#lines(message)) : this.#lines(message);
  }

  protected override check(message: Message): void {
    const at = typeof message === "string" ? message.indexOf("\n") : message.indexOf(lineFeed);
    if (at < 0) return;
    throw new TransportError("invalid-request", `Cannot send message as a line: it has a line feed at ${at}`);
  }

  protected override put(messages: readonly Message[], _bytes: number, priority: number): void | Promise<void> {
    if (messages.length === 1) return this.inner.send(messages[0], priority);
    if (messages.every((message) => typeof message === "string")) return this.inner.send(messages.join("\n"), priority);
    const lines = messages.map((message) => typeof message === "string" ? encoder.encode(message) : message);
    const joined = new Uint8Array(lines.reduce((sum, line) => sum + line.length + 1, -1));
    let at = 0;
    for (const line of lines) {
      joined.set(line, at);
      at += line.length;
      if (at < joined.length) joined[at++] = lineFeed;
    }
    return this.inner.send(joined, priority);
  }

  #lines(message: Message, from = 0): void | Promise<void> {
    for (let start = from; start <= message.length && !this.over;) {
      const found = typeof message === "string" ? message.indexOf("\n", start) : message.indexOf(lineFeed, start);
      const end = found < 0 ? message.length : found;
      const pause = this.deliver(
        typeof message === "string" ? message.slice(start, end) : message.subarray(start, end),
      );
      start = end + 1;
      if (pause !== undefined) return start > message.length ? pause : this.#linesAfter(pause, message, start);
    }
  }

  async #linesAfter(pause: Promise<void>, message: Message, from: number): Promise<void> {
    await pause;
    await this.#lines(message, from);
  }
}
