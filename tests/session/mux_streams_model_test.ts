/**
 * Random interleavings of what can happen to streams over mux(): items, ends,
 * errors, readers that leave, callers that give up, a connection that is cut.
 * Whatever the order, each stream ends once, no source is asked for more than a
 * window, no item is lost or comes twice, and nothing is left at either end.
 *
 * `WIREWAY_MODEL_SEED` sets the first seed.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type CallContext, callContext, deadlinesOf, Streamed, TransportError } from "../../src/core/mod.ts";
import type { StreamedBytes } from "../../src/session/mux.ts";
import { Random } from "../support/random.ts";
import { bytes } from "./_joined.ts";
import { settle, standing } from "./_settle.ts";
import { type JoinedStreams, joinedStreams, Source, streamed } from "./_streams.ts";

const firstSeed = Number(Deno.env.get("WIREWAY_MODEL_SEED") ?? 1);
const runs = 400;
const itemBytes = 10;
const cost = itemBytes + 64;

/** A stream from its source to its reader. */
class Stream {
  readonly source: Source;
  readonly sent: Streamed<Uint8Array>;
  read = 0;
  /** How often the sender's and the reader's end were told of its end. */
  ends = [0, 0];
  #received: Streamed<Uint8Array> | undefined;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #reading = false;
  over = false;

  constructor(random: Random, readonly windowBytes: number) {
    const failure = random.oneIn(5) ? new TransportError("rate-limited", "Slow down") : undefined;
    this.source = new Source(random.below(40), itemBytes, failure);
    this.sent = streamed(this.source);
    this.sent.whenEnded(() => this.ends[0]++);
  }

  /** It has come to its reader. */
  arrived(received: Streamed<Uint8Array>): void {
    this.#received = received;
    received.whenEnded(() => this.ends[1]++);
  }

  get readable(): boolean {
    return this.#received !== undefined && !this.over;
  }

  /** Asks for an item. */
  async next(): Promise<void> {
    if (!this.readable || this.#reading) return;
    this.#reading = true;
    this.#iterator ??= this.#received![Symbol.asyncIterator]();
    try {
      const result = await this.#iterator.next();
      if (result.done) this.over = true;
      else assert.equal(result.value[0], this.read++, "items come in order, each once");
    } catch (error) {
      assert.ok(error instanceof TransportError, `${error}`);
      this.over = true;
    } finally {
      this.#reading = false;
    }
  }

  /** Leaves the loop. */
  async leave(): Promise<void> {
    if (!this.readable) return;
    this.over = true;
    if (this.#iterator === undefined) await this.#received!.cancel();
    else await this.#iterator.return?.();
  }

  check(): void {
    const most = this.read + Math.ceil(this.windowBytes / cost) + 1;
    assert.ok(this.source.asked <= most, `${this.source.asked} items were asked for, ${this.read} read`);
  }
}

/** One conversation. */
class Model {
  readonly streams: Stream[] = [];
  readonly settled: number[] = [];
  readonly #held: (() => void)[] = [];
  readonly #controllers: AbortController[] = [];
  readonly #requests = new Map<number, Stream>();
  #calls = 0;

  constructor(readonly random: Random, readonly windowBytes: number) {}

  readonly handler = async (request: StreamedBytes, _: CallContext): Promise<StreamedBytes> => {
    const head = request instanceof Streamed ? request.head : request;
    if (request instanceof Streamed) this.#requests.get(head[0])!.arrived(request);
    const { random } = this;
    if (random.oneIn(3)) await new Promise<void>((resolve) => this.#held.push(resolve));
    if (random.oneIn(8)) throw new TransportError("overloaded", "Full");
    return random.oneIn(2) ? bytes(1) : this.#stream(this.#replies, head[0]).sent;
  };

  readonly #replies = new Map<number, Stream>();

  #stream(map: Map<number, Stream>, call: number): Stream {
    const stream = new Stream(this.random, this.windowBytes);
    this.streams.push(stream);
    map.set(call, stream);
    return stream;
  }

  call({ session, clock }: JoinedStreams): void {
    const { random } = this;
    const call = this.#calls++;
    const controller = new AbortController();
    this.#controllers.push(controller);
    const context = random.oneIn(3)
      ? callContext({ signal: controller.signal, timeoutMs: random.below(200), clock })
      : callContext({ signal: controller.signal });
    const request = random.oneIn(2) ? bytes(call) : new Streamed(bytes(call), this.#stream(this.#requests, call).sent);
    const index = this.settled.push(0) - 1;
    session.call(request, context).then((reply) => {
      this.settled[index]++;
      if (reply instanceof Streamed) this.#replies.get(call)!.arrived(reply);
    }, () => this.settled[index]++);
  }

  async step(world: JoinedStreams): Promise<void> {
    const { random, streams } = this;
    switch (random.below(10)) {
      case 0:
      case 1:
        if (this.#calls < 200) this.call(world);
        break;
      case 2:
        if (streams.length > 0 && random.oneIn(3)) await random.pick(streams).leave();
        break;
      case 3:
        if (this.#controllers.length > 0 && random.oneIn(3)) random.pick(this.#controllers).abort();
        break;
      case 4:
        this.#held.shift()?.();
        break;
      case 5:
        if (random.oneIn(3)) await world.clock.advance(random.below(50));
        break;
      case 6:
        await settle(random.below(100));
        break;
      default:
        for (let i = random.below(8); i > 0 && streams.length > 0; i--) void random.pick(streams).next();
    }
    for (const stream of streams) stream.check();
  }

  /** Lets everything come to its end. */
  async finish(): Promise<void> {
    for (let rounds = 0; rounds < 200; rounds++) {
      while (this.#held.length > 0) this.#held.shift()!();
      for (const stream of this.streams) void stream.next();
      await settle(20);
    }
    await settle(1000);
  }
}

Deno.test(`${runs} random conversations in streams leave each stream ended once, and nothing behind`, async () => {
  let whole = 0;
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    try {
      const random = new Random(seed);
      const streamWindowBytes = random.between(1, 12 * cost);
      const model = new Model(random, streamWindowBytes);
      const world = await joinedStreams(model.handler, {
        streamWindowBytes,
        maxStreamWindowBytes: streamWindowBytes,
        allStreamsBytes: random.oneIn(2) ? undefined : 60 * streamWindowBytes,
        maxInFlight: random.between(2, 30),
      });
      for (let steps = random.between(10, 120); steps > 0; steps--) await model.step(world);
      const cut = random.oneIn(3);
      if (cut) random.pick([world.session, world.accepted]).abort(new TransportError("connection-lost", "Cut"));
      await model.finish();
      assert.ok(model.settled.every((times) => times === 1), `calls settled ${model.settled} times`);
      for (const { sent, source, ends, read, over } of model.streams) {
        assert.ok(ends.every((times) => times <= 1), `a stream ended ${ends} times`);
        if (over) assert.equal(ends[1], 1, "its reader's end was told");
        if (sent.begun) assert.ok(ends[0] === 1 && (source.ended || source.left === 1), "its source was let go");
        if (over && source.ended && source.left === 0 && read === source.asked) whole++;
      }
      assert.equal(world.server.calls.inFlight, 0);
      assert.equal(world.session.load, 0);
      const closing = world.session.close();
      await settle(500);
      assert.equal((await standing(closing)).state, "resolved", "nothing keeps the session open");
      assert.equal(deadlinesOf(world.clock).size, 0);
    } catch (error) {
      throw new Error(`Broken by seed ${seed}`, { cause: error });
    }
  }
  assert.ok(whole > runs, `${whole} streams came whole`);
});
