/**
 * The readers of a topic that get the same bytes.
 *
 * @module
 */

import type { Message } from "../core/channel.ts";
import { TransportError } from "../core/errors.ts";
import type { Encoding } from "./topic_options.ts";
import type { Reader } from "./topic_reader.ts";

/** What readers get whose topic gives them the messages as they are. */
const asTheyAre: Encoding<unknown, Message> = { encode: (message) => message as Message };

/** An encoding and its readers. */
export class ReaderGroup<T> {
  /** In no particular order, so that leaving costs nothing. */
  readonly readers: Reader<T>[] = [];
  /** Which of the encodings it is. */
  readonly index: number;
  readonly #encoding: Encoding<T, Message>;

  /** Without an encoding, messages go out as they are. */
  constructor(index: number, encoding: unknown = asTheyAre) {
    this.index = index;
    this.#encoding = typeof encoding === "function"
      ? { encode: encoding as Encoding<T, Message>["encode"] }
      : encoding as Encoding<T, Message>;
  }

  encode(message: T, id: string): Message {
    return this.#encoding.encode(message, id);
  }

  /** What says that messages are missing, where the encoding can say it. */
  gap(missed: number | undefined): Message | undefined {
    return this.#encoding.gap?.(missed);
  }

  add(reader: Reader<T>): void {
    reader.position = this.readers.length;
    this.readers.push(reader);
  }

  remove(reader: Reader<T>): void {
    const last = this.readers.pop()!;
    if (last !== reader) {
      this.readers[reader.position] = last;
      last.position = reader.position;
    }
    reader.position = -1;
  }

  /** Gives a message to those who wait for it; those who are busy read it later. */
  deliver(number: number, encoded: Message): void {
    const { readers } = this;
    // Those who come in the meantime have their place behind the end, and nobody leaves.
    for (let i = 0, { length } = readers; i < length; i++) {
      const reader = readers[i];
      if (reader.ready !== number) continue;
      reader.ready = number + 1;
      try {
        const until = reader.sink(encoded);
        if (until !== undefined) reader.wait(until);
      } catch (error) {
        reader.fail(error);
      }
    }
  }

  /** Ends all with an error. */
  fail(error: unknown): void {
    const reason = TransportError.from(error, "remote");
    for (const reader of [...this.readers]) reader.end(reason);
  }
}
