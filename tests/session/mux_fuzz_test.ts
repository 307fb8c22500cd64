/**
 * Damaged frames against mux(): whatever comes, nothing but TransportErrors
 * come out, every call settles, and at most the connection ends.
 *
 * The inputs come from a seed. `WIREWAY_FUZZ_INPUTS` sets how many there are,
 * `WIREWAY_FUZZ_SEED` where they begin.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type CallContext,
  callContext,
  deadlinesOf,
  ManualClock,
  type Session,
  TransportError,
} from "../../src/core/mod.ts";
import { mux } from "../../src/session/mux.ts";
import { firstSeed, fuzzInputs as inputs } from "../support/mutation.ts";
import { Random } from "../support/random.ts";
import { FakeChannel, fakeTransport } from "./_fake_peer.ts";
import {
  callFrame,
  cancelFrame,
  creditFrame,
  errorFrame,
  field,
  frame,
  fullCallFrame,
  goawayFrame,
  helloFrame,
  pingFrame,
  pongFrame,
  replyFrame,
  sendFrame,
} from "./_frames.ts";
import { mutated } from "./_mutated.ts";
import { settle } from "./_settle.ts";

const batch = 250;

/** A frame as a good peer sends it. */
function validFrame(random: Random): Uint8Array {
  const id = random.below(6);
  switch (random.below(13)) {
    case 0:
    case 1:
      return callFrame(id, [random.below(5)]);
    case 2:
      return fullCallFrame(id, random.below(300), random.below(8), [...field("tenant", "acme"), ...field("b", "")]);
    case 3:
      return frame(0x21 + random.below(2), random.below(8), [random.below(5)]);
    case 4:
      return sendFrame([random.below(5)]);
    case 5:
      return replyFrame(id, [1, 2, 3]);
    case 6:
      return errorFrame(id, random.below(22), random.below(3), "it failed", random.oneIn(2) ? `{"a":[1]}` : "");
    case 7:
      return cancelFrame(id);
    case 8:
      return pingFrame(random.below(9));
    case 9:
      return pongFrame(random.below(9));
    case 10:
      return goawayFrame("żółw");
    case 11:
      return creditFrame(random.pick([1, 64, 66, 70, 140, 1000]));
    default:
      return random.oneIn(4) ? helloFrame() : callFrame(id, [4, 4]);
  }
}

/** The end under test. */
interface Server {
  accept(channel: FakeChannel): void;
  /** The session that the last call came in on. */
  latest: Session<Uint8Array, Uint8Array> | undefined;
}

/** What became of one input. */
class Run {
  readonly channel = new FakeChannel(4096);
  readonly settled: number[] = [];
  readonly session: Session<Uint8Array, Uint8Array> | undefined;
  readonly ended: boolean;

  constructor(readonly seed: number, server: Server, clock: ManualClock) {
    const random = new Random(seed);
    const { channel } = this;
    server.latest = undefined;
    if (random.oneIn(4)) Object.assign(channel, { receiveLimitBytes: random.between(1, 2000) });
    server.accept(channel);
    const version = random.between(1, 3);
    const hello = helloFrame({ version, windowBytes: random.between(1, 500), needsCredits: random.oneIn(2) });
    channel.deliver(random.oneIn(10) ? mutated(hello, random) : hello);
    channel.deliver(callFrame(1000, [9]));
    this.session = server.latest;
    if (this.session !== undefined) this.#makeCalls(random, clock);
    for (let frames = random.between(1, 6); frames > 0; frames--) {
      const good = validFrame(random);
      if (random.oneIn(40)) channel.deliver("text");
      else channel.deliver(random.oneIn(3) ? good : mutated(good, random));
    }
    this.ended = random.oneIn(4);
    if (this.ended) channel.end();
    channel.finish(random.oneIn(2) ? undefined : new TransportError("connection-lost", "reset"));
  }

  #makeCalls(random: Random, clock: ManualClock): void {
    for (let calls = random.below(4); calls > 0; calls--) {
      const index = this.settled.push(0) - 1;
      const context = random.oneIn(2) ? undefined : callContext({ timeoutMs: 1000, clock, metadata: { a: "b" } });
      const settle = (result: unknown): void => {
        this.settled[index]++;
        assert.ok(result instanceof Uint8Array || result instanceof TransportError, `a call gave ${result}`);
      };
      const made = random.oneIn(5) ? this.session!.ping().then(() => new Uint8Array()) : this.session!.call(
        new Uint8Array(random.below(3)),
        context,
      );
      made.then(settle, settle);
    }
  }

  check(): void {
    const allowed = ["protocol"];
    if (this.ended) allowed.push("connection-lost");
    const { aborted, closes } = this.channel;
    // A peer that goes on after the agreed end finds the channel closed.
    if (closes > 0) allowed.push("closed");
    if (aborted !== undefined) assert.ok(allowed.includes(aborted.code), `it ended with ${aborted.code}`);
    assert.ok(this.settled.every((times) => times === 1), `calls settled ${this.settled} times`);
    if (this.session !== undefined) assert.equal(this.session.state, "closed");
    assert.equal(this.channel.over, true);
  }
}

Deno.test(`${inputs} mutated conversations end at most their own connection`, async () => {
  const clock = new ManualClock();
  const transport = fakeTransport(new FakeChannel());
  const server: Server = { accept: (channel) => transport.accept(channel), latest: undefined };
  const handler = (request: Uint8Array, context: CallContext): Uint8Array | Promise<Uint8Array> => {
    server.latest = context.peer as Session<Uint8Array, Uint8Array>;
    switch (request[0]) {
      case 0:
        return Promise.resolve(request);
      case 1:
        throw new TypeError("a handler's own error");
      case 2:
        return Promise.reject(new TransportError("overloaded", "full", { retryAfterMs: 5 }));
      case 3:
        return settle(3).then(() => request);
      default:
        return request;
    }
  };
  const listener = await mux({ clock, maxInFlight: 1024 })(transport).listen(handler);
  let runs: Run[] = [];
  let protocol = 0;
  let orderly = 0;
  for (let i = 0; i < inputs; i++) {
    const seed = firstSeed + i;
    try {
      const run = new Run(seed, server, clock);
      runs.push(run);
      if (run.channel.aborted?.code === "protocol") protocol++;
      if (run.channel.aborted === undefined) orderly++;
    } catch (error) {
      throw new Error(`Broken by seed ${seed}`, { cause: error });
    }
    if (runs.length < batch && i < inputs - 1) continue;
    await settle(60);
    for (const run of runs) {
      try {
        run.check();
      } catch (error) {
        throw new Error(`Broken by seed ${run.seed}`, { cause: error });
      }
    }
    runs = [];
    assert.equal(listener.calls.inFlight, 0, `handlers have ended by seed ${seed}`);
    assert.equal(deadlinesOf(clock).size, 0, `no deadline is left by seed ${seed}`);
  }
  assert.ok(protocol > inputs / 5 && orderly > inputs / 20, `${protocol} violations and ${orderly} orderly ends`);
});
