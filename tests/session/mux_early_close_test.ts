/**
 * A mux() session that is closed before the peer's hello has come: the peer may
 * have ours already, and send calls that must not be lost.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  chain,
  type Channel,
  type ChannelTransport,
  deadlinesOf,
  type DialOptions,
  ManualClock,
  type Message,
  type Receiver,
} from "../../src/core/mod.ts";
import { mux } from "../../src/session/mux.ts";
import { memory } from "../../src/transport/memory/memory.ts";
import { acceptFake } from "./_fake_peer.ts";
import { callFrame, goawayFrame, helloFrame } from "./_frames.ts";
import { bytes } from "./_joined.ts";
import { isPending, resolution, settle } from "./_settle.ts";

/** Lets nothing that is dialled with it arrive at the far side before `release()`. */
class SlowLink implements ChannelTransport {
  readonly #inner: ChannelTransport;
  readonly #released = Promise.withResolvers<void>();
  release: () => void = this.#released.resolve;

  constructor(inner: ChannelTransport) {
    this.#inner = inner;
  }

  dial(options?: DialOptions): Promise<Channel> {
    return this.#inner.dial(options);
  }

  listen(accept: (channel: Channel) => void): ReturnType<ChannelTransport["listen"]> {
    return this.#inner.listen((channel) => {
      const receive = channel.receive.bind(channel);
      channel.receive = (receiver: Receiver) =>
        receive({
          message: async (message: Message) => {
            await this.#released.promise;
            return receiver.message(message);
          },
          end: () => receiver.end(),
          closed: (error) => receiver.closed(error),
        });
      accept(channel);
    });
  }
}

Deno.test("a server that ends while a client's hello is on its way answers the calls behind it, and takes no more", async () => {
  const clock = new ManualClock();
  const link = new SlowLink(memory({ clock }));
  const wire = chain(link, mux({ clock }));
  const server = await wire.listen((request) => request);
  const session = await wire.dial();
  const calls = Array.from({ length: 16 }, (_, n) => session.call(bytes(n)));
  const ending = server.shutdown();
  await settle();
  await isPending(ending, "the shutdown");
  link.release();
  assert.deepEqual(await resolution(Promise.all(calls)), calls.map((_, n) => bytes(n)));
  const late = await session.call(bytes(99)).catch((error) => error);
  assert.equal(late.processed, "no");
  await resolution(ending);
  assert.equal(session.state, "closed");
  assert.equal(await session.finished, undefined, "in order");
  assert.equal(deadlinesOf(clock).size, 0);
  assert.equal(clock.pending, 0, "no timer is left");
});

Deno.test("a session that is closed before the peer's hello says GOAWAY once that has come, and waits for the peer's", async () => {
  const { channel, listener } = await acceptFake((request) => request, { hello: false });
  channel.taken();
  const ending = listener.shutdown();
  await settle();
  assert.equal(channel.closes, 0, "the peer has our hello and may have sent calls");
  assert.deepEqual(channel.taken(), [], "nothing but its hello goes out before the peer's has come");
  channel.deliver(helloFrame());
  assert.deepEqual(channel.taken().map((frame) => frame.slice(0, 2)), ["08"]);
  channel.deliver(callFrame(0, [7]));
  assert.deepEqual(channel.taken(), ["030000000007"]);
  assert.equal(channel.closes, 0);
  channel.deliver(goawayFrame());
  assert.ok(channel.closes > 0);
  channel.finish();
  await resolution(ending);
});

Deno.test("a client that connects as the server ends is told so, and not cut off", async () => {
  const { channel, listener } = await acceptFake((request) => request, { hello: false });
  channel.deliver(helloFrame());
  channel.taken();
  void listener.shutdown();
  await settle();
  assert.match(channel.taken()[0], /^08/);
  channel.deliver(goawayFrame());
  channel.finish();
});

Deno.test("a peer that never says hello holds up the end no longer than its hello may take", async () => {
  const { channel, clock, listener } = await acceptFake((request) => request, { hello: false, helloTimeoutMs: 700 });
  await clock.advance(500);
  const ending = listener.shutdown({ graceMs: 10_000 });
  await clock.advance(199);
  await isPending(ending);
  await clock.advance(1);
  assert.ok(channel.closes > 0);
  channel.finish();
  await resolution(ending);
  assert.equal(clock.pending, 0);
});

Deno.test("a peer that never says hello holds up the end no longer than the grace", async () => {
  const { channel, clock, listener } = await acceptFake((request) => request, { hello: false, helloTimeoutMs: 700 });
  const ending = listener.shutdown({ graceMs: 50 });
  await clock.advance(49);
  await isPending(ending);
  await clock.advance(1);
  assert.ok(channel.over);
  await resolution(ending);
  assert.equal(clock.pending, 0);
});

Deno.test("a peer that is gone before its hello holds up nothing", async () => {
  const { channel, clock, listener } = await acceptFake((request) => request, { hello: false });
  const ending = listener.shutdown();
  await settle();
  channel.end();
  await resolution(ending);
  assert.equal(clock.pending, 0);
});
