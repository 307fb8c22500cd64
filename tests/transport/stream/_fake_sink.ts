/**
 * A sink of bytes under a test's control, which notices when bytes that it was
 * given to write are changed before it has taken them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { ByteSink, WriterOwner } from "../../../src/transport/stream/byte_stream.ts";

/** One write, and what becomes of it. */
interface Write {
  readonly given: Uint8Array;
  readonly copy: Uint8Array;
  readonly settled: PromiseWithResolvers<number>;
}

/** Takes bytes when it is told to. It is the writer's owner as well. */
export class FakeSink implements ByteSink, WriterOwner {
  /** What was given to write, as it was then. */
  readonly writes: Uint8Array[] = [];
  /** The buffers that the writes were views of. */
  readonly buffers: ArrayBufferLike[] = [];
  /** Bytes of which wrote() told. */
  told = 0;
  readonly failures: unknown[] = [];
  readonly #taken: Uint8Array[] = [];
  #pending: Write | undefined = undefined;

  write(bytes: Uint8Array): Promise<number> {
    assert.equal(this.#pending, undefined, "one write at a time");
    assert.ok(bytes.length > 0, "no empty writes");
    this.#pending = { given: bytes, copy: bytes.slice(), settled: Promise.withResolvers<number>() };
    this.writes.push(this.#pending.copy);
    this.buffers.push(bytes.buffer);
    return this.#pending.settled.promise;
  }

  wrote(byteLength: number): void {
    this.told += byteLength;
  }

  writeFailed(error: unknown): void {
    this.failures.push(error);
  }

  /** Whether a write waits to be taken. */
  get writing(): boolean {
    return this.#pending !== undefined;
  }

  /** All that was taken so far, as one. */
  get taken(): Uint8Array {
    const all = new Uint8Array(this.#taken.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of this.#taken) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  /** Takes the write, or so many of its bytes, and lets the writer go on. */
  async take(limit: number = Infinity): Promise<void> {
    await turns();
    const { given, copy, settled } = this.#finish();
    assert.deepEqual(given, copy, "the bytes of a write are left alone until it is done");
    const count = Math.min(limit, given.length);
    this.#taken.push(copy.subarray(0, count));
    settled.resolve(count);
    await turns();
  }

  /** Takes all there is, at most so many bytes with each write. */
  async takeAll(limit: number = Infinity): Promise<void> {
    for (await turns(); this.writing;) await this.take(limit);
  }

  /** Fails the write. */
  async fail(error: unknown): Promise<void> {
    await turns();
    this.#finish().settled.reject(error);
    await turns();
  }

  #finish(): Write {
    const write = this.#pending;
    assert.ok(write !== undefined, "a write is under way");
    this.#pending = undefined;
    return write;
  }
}

/** Lets microtasks run. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await undefined;
}
