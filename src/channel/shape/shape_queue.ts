/**
 * Messages in classes, handed out in pieces by deficit round robin.
 *
 * M. Shreedhar and G. Varghese, "Efficient Fair Queueing Using Deficit Round
 * Robin", 1995.
 *
 * @module
 */

import { lastPriority, type Message } from "../../core/channel.ts";

/** A message that waits, and how much of it has gone. */
export interface Waiting {
  readonly message: Message;
  /** Its bytes, where it goes in fragments. */
  bytes: Uint8Array | undefined;
  readonly size: number;
  sent: number;
}

/** What a message counts beside its own bytes: what keeps a flood of empty ones bounded. */
export const waitingBytes = 16;

const classes = lastPriority + 1;

/** See the module. Class 0 goes before all others, class 8 after them; those between share by their weights. */
export class ShapeQueue {
  /** How many messages wait, and what they count. */
  size = 0;
  bytes = 0;
  readonly #lines: Waiting[][] = Array.from({ length: classes }, () => []);
  readonly #quanta: readonly number[];
  readonly #deficits: number[] = new Array(classes).fill(0);
  readonly #pieceBytes: number;
  #turn = 1;

  /** `weights` are those of the classes 1 to 7. */
  constructor(weights: readonly number[], pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
    const least = Math.min(...weights);
    // Each visit is worth a piece at the least, so that a round always hands one out.
    this.#quanta = [0, ...weights.map((weight) => Math.ceil(weight / least * pieceBytes)), 0];
  }

  add(message: Message, size: number, className: number): void {
    const line = this.#lines[className];
    line.push({ message, bytes: undefined, size, sent: 0 });
    this.size++;
    this.bytes += size + waitingBytes;
  }

  /**
   * The class whose turn it is; its first message is the next. Where that one
   * may not begin yet, it is that of a message that has. To be called while
   * something waits.
   */
  next(mayBegin: (waiting: Waiting) => boolean): number {
    const className = this.#next();
    const [first] = this.#lines[className];
    if (first.sent > 0 || mayBegin(first)) return className;
    const begun = this.#lines.findIndex((line) => line.length > 0 && line[0].sent > 0);
    return begun < 0 ? className : begun;
  }

  #next(): number {
    const lines = this.#lines;
    if (lines[0].length > 0) return 0;
    let idle = 0;
    while (idle < classes) {
      const line = lines[this.#turn];
      if (line.length > 0) {
        idle = 0;
        const piece = Math.min(this.#pieceBytes, line[0].size - line[0].sent);
        if (this.#deficits[this.#turn] >= piece) return this.#turn;
      } else {
        idle++;
        this.#deficits[this.#turn] = 0;
      }
      this.#turn = this.#turn === lastPriority - 1 ? 1 : this.#turn + 1;
      if (lines[this.#turn].length > 0) this.#deficits[this.#turn] += this.#quanta[this.#turn];
    }
    return lastPriority;
  }

  first(className: number): Waiting {
    return this.#lines[className][0];
  }

  /** So much of the first message of a class has gone. */
  taken(className: number, bytes: number): void {
    const line = this.#lines[className];
    const first = line[0];
    first.sent += bytes;
    this.bytes -= bytes;
    this.#deficits[className] -= bytes;
    if (first.sent < first.size) return;
    this.bytes -= waitingBytes;
    this.size--;
    line.shift();
    if (line.length === 0) this.#deficits[className] = 0;
  }
}
