/**
 * The stream of a topic in Redis: writing to it, and reading it on a connection
 * of its own.
 *
 * @module
 */

import type { Redis } from "ioredis";
import { systemClock, TransportError } from "../../mod.ts";
import { sleep } from "../../src/core/sleep.ts";
import { textOf } from "../../src/core/thrown.ts";
import { tooLarge } from "../../src/session/mux_refusals.ts";
import { backoffMs } from "../../src/util/backoff.ts";
import { Publishing } from "../bridge/publishing.ts";
import type { TopicSource, TopicTarget } from "../bridge/shared_topic.ts";
import type { RedisLink } from "./redis_link.ts";

/** What a stream goes by. */
export interface StreamSettings {
  /** Its key. */
  readonly key: string;
  /** The topic, for people. */
  readonly name: string;
  readonly maxMessages: number;
  readonly maxMessageBytes: number;
  readonly publishTimeoutMs: number;
  readonly maxPublishing: number;
}

/** How long Redis knows the ids of messages, so that one that is sent twice is stored once. */
const duplicateWindowMs = 120_000;
/** How many messages are taken at once. */
const batch = 200;
/** How long a read waits for messages, and after how long more without a word the connection counts as dead. */
const blockMs = 2000;
const deadAfterMs = 5000;
const pauseMs = 100;
/** What that grows to for reads that fail again and again. */
const maxPauseMs = 5000;

/** The ids of a stream are numbers without gaps: the time, which is their first part by default, is left out. */
const publishScript = `
if not redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[3]) then return '' end
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '0-*', 'm', ARGV[1])`;

/** What tells this stream from one that was there before, and the numbers of its first and its last message. */
const beginScript = `
redis.call('SET', KEYS[2], ARGV[1], 'NX')
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
return { redis.call('GET', KEYS[2]), first[1] and first[1][1] or '0-1', last[1] and last[1][1] or '0-0' }`;

/** See the module. */
export class RedisStream implements TopicSource {
  readonly #link: RedisLink;
  readonly #makeReader: () => RedisLink;
  readonly #settings: StreamSettings;
  #run = "";
  /** The number of the message that comes next. */
  #next = 1;
  #untilThere = 0;
  readonly #publishing: Publishing;
  readonly #ending = new AbortController();
  #reader: RedisLink | undefined = undefined;
  #reading: Promise<void> | undefined = undefined;

  constructor(link: RedisLink, makeReader: () => RedisLink, settings: StreamSettings) {
    this.#link = link;
    this.#makeReader = makeReader;
    this.#settings = settings;
    this.#publishing = new Publishing(settings.maxPublishing);
  }

  /** Finds where reading begins: so many messages before the end. */
  async begin(recent: number): Promise<{ run: string; first: number }> {
    const { run, first, last } = await this.#look();
    this.#run = run;
    this.#untilThere = last;
    this.#next = Math.max(first, last - recent + 1);
    return { run, first: this.#next };
  }

  /** Begins to read. Resolves when all that was there has come. */
  async open(target: TopicTarget): Promise<void> {
    const there = Promise.withResolvers<void>();
    this.#reading = this.#read(target, there.resolve).finally(there.resolve);
    await there.promise;
  }

  publish(bytes: Uint8Array): Promise<void> {
    const { maxMessageBytes } = this.#settings;
    if (bytes.length > maxMessageBytes) return Promise.reject(tooLarge(bytes.length, maxMessageBytes));
    return this.#publishing.run(() => this.#store(bytes));
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await Promise.all([this.#reader?.close(), this.#link.close(), this.#reading]);
    await this.#publishing.ended();
  }

  /** Stores a message, in as many attempts as it takes. */
  async #store(bytes: Uint8Array): Promise<void> {
    const { key, maxMessages, publishTimeoutMs } = this.#settings;
    const giveUpAt = systemClock.now() + publishTimeoutMs;
    // The same in each attempt: what was stored is not stored again.
    const idKey = `${key}:id:${crypto.randomUUID()}`;
    const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const store = (client: Redis): Promise<unknown> =>
      client.eval(publishScript, 2, key, idKey, value, maxMessages, duplicateWindowMs);
    for (;;) {
      try {
        return void await this.#link.run(store);
      } catch (error) {
        if (systemClock.now() + pauseMs >= giveUpAt || this.#closed) {
          const why = `Message not known to be stored within ${publishTimeoutMs} ms: ${textOf(error)}`;
          throw new TransportError("connection-lost", why, { processed: "maybe", cause: error });
        }
      }
      await sleep(systemClock, pauseMs, this.#ending.signal);
    }
  }

  get #closed(): boolean {
    return this.#ending.signal.aborted;
  }

  async #look(): Promise<{ run: string; first: number; last: number }> {
    const { key } = this.#settings;
    const fresh = crypto.randomUUID().slice(0, 8);
    const found = await this.#link.run((client) => client.eval(beginScript, 2, key, `${key}:run`, fresh)) as string[];
    return { run: found[0], first: numberOf(found[1]), last: numberOf(found[2]) };
  }

  async #read(target: TopicTarget, caughtUp: () => void): Promise<void> {
    const { key } = this.#settings;
    const backoff = { initialMs: pauseMs, maxMs: maxPauseMs };
    let reader = this.#reader = this.#makeReader();
    let failures = 0;
    while (!this.#closed) {
      if (this.#next > this.#untilThere) caughtUp();
      try {
        const found = await alive(
          reader,
          (client) => client.xreadBuffer("COUNT", batch, "BLOCK", blockMs, "STREAMS", key, `0-${this.#next - 1}`),
        ) as Found;
        for (const [id, [, bytes]] of found?.[0][1] ?? []) this.#take(numberOf(id.toString()), bytes, target);
        failures = 0;
        continue;
      } catch {
        // What matters is whether it goes on.
      }
      await reader.close();
      // A read that is refused, and not only lost, would be refused again at once.
      if (failures++ > 0) await sleep(systemClock, backoffMs(failures - 1, backoff), this.#ending.signal);
      if (!await this.#isStillThere(target)) return;
      reader = this.#reader = this.#makeReader();
    }
  }

  /** Looks, after a connection was lost and as soon as that can be, whether Redis has lost its stream with it. */
  async #isStillThere(target: TopicTarget): Promise<boolean> {
    while (!this.#closed) {
      try {
        const { run, last } = await this.#look();
        if (run === this.#run && last >= this.#next - 1) return true;
        const why = `Topic ${this.#settings.name} ended: Redis has lost its stream`;
        // Closing waits for the end of reading, which this is a part of.
        queueMicrotask(() => target.failed(new TransportError("connection-lost", why)));
        return false;
      } catch {
        await sleep(systemClock, pauseMs, this.#ending.signal);
      }
    }
    return false;
  }

  #take(number: number, bytes: Buffer, target: TopicTarget): void {
    if (this.#closed || number < this.#next) return;
    if (number > this.#next) target.missed(number - this.#next);
    this.#next = number + 1;
    target.deliver(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
  }
}

/** What XREAD gives: one stream's entries, each an id and its field and value. */
type Found = [[key: Buffer, entries: [id: Buffer, fields: [Buffer, Buffer]][]]] | null;

/** Runs a read that waits, and gives a connection up that says nothing at all. */
async function alive<T>(reader: RedisLink, read: (client: Redis) => Promise<T>): Promise<T> {
  const timer = systemClock.schedule(() => void reader.close(), blockMs + deadAfterMs);
  try {
    return await reader.run(read);
  } finally {
    timer.cancel();
  }
}

function numberOf(id: string): number {
  return Number(id.slice(id.indexOf("-") + 1));
}
