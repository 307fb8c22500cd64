/**
 * The standard input and output of a program that was started, as a stream of
 * bytes.
 *
 * @module
 */

import type { Clock, Timer } from "../../core/clock.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { apartMs, type ChildEnd } from "./stdio_process.ts";

/** See the module. */
export class ChildStream implements ByteStream {
  readonly #end: ChildEnd;
  readonly #clock: Clock;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** What was read and did not fit. */
  #rest: Uint8Array | undefined = undefined;
  #reading = false;
  #timer: Timer | undefined = undefined;
  #closed = false;

  constructor(end: ChildEnd, clock: Clock) {
    this.#end = end;
    this.#clock = clock;
    this.#reader = end.child.stdout.getReader();
    this.#writer = end.child.stdin.getWriter();
    this.#writer.closed.catch(() => {});
    this.#reader.closed.catch(() => {});
    void end.exited.then(() => this.#limit());
  }

  async read(bytes: Uint8Array): Promise<number | null> {
    if (this.#rest === undefined) {
      this.#reading = true;
      this.#limit();
      try {
        const { done, value } = await this.#reader.read();
        if (done) return await this.#ended();
        this.#rest = value;
      } finally {
        this.#reading = false;
        this.#timer?.cancel();
        this.#timer = undefined;
      }
    }
    const rest = this.#rest;
    const count = Math.min(rest.length, bytes.length);
    bytes.set(count === rest.length ? rest : rest.subarray(0, count));
    this.#rest = count === rest.length ? undefined : rest.subarray(count);
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    try {
      await this.#writer.write(bytes);
      return bytes.length;
    } catch (error) {
      throw await this.#end.soon() === undefined ? error : this.#end.error;
    }
  }

  async closeWrite(): Promise<void> {
    this.#end.told();
    await this.#writer.close().catch(() => {});
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader.cancel().catch(() => {});
    this.#writer.abort().catch(() => {});
    this.#end.end();
  }

  /** The output has ended; most often because the process has. */
  async #ended(): Promise<null> {
    const exit = await this.#end.soon();
    if (exit !== undefined && (exit.exitCode !== 0 || exit.signal !== null)) throw this.#end.error;
    return null;
  }

  /** A program of its own that the program has left behind may hold the output open: nobody waits for that. */
  #limit(): void {
    if (!this.#reading || this.#end.exit === undefined || this.#timer !== undefined) return;
    this.#timer = this.#clock.schedule(() => void this.#reader.cancel().catch(() => {}), apartMs);
  }
}
