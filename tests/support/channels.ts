/**
 * What tests of channels share: a receiver that remembers what it heard, a
 * joined pair of channels, and waiting that ends.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { Channel, ChannelTransport, Listener, Message, Receiver, TransportError } from "../../mod.ts";

const encoder = new TextEncoder();

/** How long a test waits for something that should have happened long before. */
const patienceMs = 60_000;

/** Waits for a promise, and fails where it takes far too long. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Cannot see ${what}: it did not happen in time`)), patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until a condition holds that nobody tells of, by looking or asking again and again. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const held = holds();
    if (typeof held === "boolean" ? held : await within(held, what)) return;
    if (performance.now() > deadline) throw new Error(`Cannot see ${what}: it did not happen in time`);
    await turn();
  }
}

/** Waits until a number does not change any more. */
export async function untilStill(value: () => number): Promise<number> {
  let last = value();
  for (let same = 0; same < 20; same++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (value() !== last) same = 0;
    last = value();
  }
  return last;
}

/** Lets the event loop go round once, sockets included. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Lets the event loop go round so many times: whoever waits for more is done later. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

/** A message as bytes, whichever way it came. */
export function bytesOf(message: Message): Uint8Array {
  return typeof message === "string" ? encoder.encode(message) : message;
}

/** Bytes that tell which message they are: they begin with `number`, where there is room. */
export function numbered(number: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(number * 31 + size);
  for (let i = 0; i < Math.min(4, size); i++) bytes[i] = number >>> (24 - 8 * i);
  return bytes;
}

/** Whether the bytes are the same; without a report of all of them where they are not. */
export function sameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] !== expected[i]) assert.fail(`${what}: byte ${i} is ${actual[i]}, expected ${expected[i]}`);
  }
}

/** A receiver that remembers what it heard, and in which order. */
export class Recorder implements Receiver {
  /** The messages so far. */
  readonly messages: Message[] = [];
  /** How often the peer's end was told. */
  ends = 0;
  /** How often the channel's end was told. */
  closes = 0;
  /** What the channel's end came with. */
  error: TransportError | undefined = undefined;
  /** What was told although the channel was over, or after the peer's end. */
  readonly faults: string[] = [];
  readonly #onMessage: ((message: Message) => void | Promise<void>) | undefined;
  readonly #waiting = new Set<() => void>();

  /** `onMessage` may answer a message or return a promise, as any receiver may. */
  constructor(onMessage?: (message: Message) => void | Promise<void>) {
    this.#onMessage = onMessage;
  }

  message(message: Message): void | Promise<void> {
    if (this.closes > 0) this.faults.push("message after closed");
    if (this.ends > 0) this.faults.push("message after end");
    this.messages.push(message);
    this.#tell();
    return this.#onMessage?.(message);
  }

  end(): void {
    if (this.closes > 0) this.faults.push("end after closed");
    this.ends++;
    this.#tell();
  }

  closed(error: TransportError | undefined): void {
    this.closes++;
    this.error = error;
    this.#tell();
  }

  /** Waits until so many messages have come. */
  count(messages: number): Promise<void> {
    return this.until(() => this.messages.length >= messages, `${messages} messages`);
  }

  /** Waits until the channel is over; gives the error that came with it. */
  async over(): Promise<TransportError | undefined> {
    await this.until(() => this.closes > 0, "the channel's end");
    return this.error;
  }

  /** Waits until something holds, looking whenever something is heard. */
  until(holds: () => boolean, what: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (!holds()) return;
      this.#waiting.delete(look);
      resolve();
    };
    this.#waiting.add(look);
    look();
    return within(promise, `${what} (${this.messages.length} messages, ${this.ends} ends, ${this.closes} closes)`);
  }

  /** Checks that the channel's end was told exactly once and last. */
  checkOver(): void {
    assert.equal(this.closes, 1, "closed() is called exactly once");
    assert.ok(this.ends <= 1, "end() is called once at most");
    assert.deepEqual(this.faults, []);
  }

  #tell(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** The two ends of a connection. */
export interface Pair {
  /** The end that dialled. */
  readonly near: Channel;
  /** The end that was accepted. */
  readonly far: Channel;
  readonly listener: Listener;
}

/** Listens, dials, and gives both ends, neither of them receiving yet. */
export async function join(transport: ChannelTransport): Promise<Pair> {
  const accepted = Promise.withResolvers<Channel>();
  const listener = await transport.listen((channel) => accepted.resolve(channel));
  try {
    const near = await transport.dial();
    return { near, far: await within(accepted.promise, "the accepted channel"), listener };
  } catch (error) {
    await listener.close();
    throw error;
  }
}

/** Closes both ends and the listener, and checks that nothing stays open. */
export async function part({ near, far, listener }: Pair, ...recorders: Recorder[]): Promise<void> {
  await within(Promise.all([near.close(), far.close(), listener.close()]), "the end of both channels");
  await until(() => listener.counters.connectionsOpen === 0, "no connection left open");
  for (const recorder of recorders) recorder.checkOver();
}
