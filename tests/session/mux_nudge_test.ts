/**
 * mux() over channels whose peer holds back what it sends until all before it
 * is acknowledged.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, mux, tcp } from "../../mod.ts";
import { testCert, testKey } from "../support/certs.ts";
import { within } from "../support/channels.ts";
import { dialFake, type Dialled, FakeChannel } from "./_fake_peer.ts";
import { helloFrame, replyFrame } from "./_frames.ts";
import { bytes } from "./_joined.ts";

const nudge = "0700000000";

async function dialHolding(peerHoldsBack = true): Promise<Dialled> {
  const channel = new FakeChannel();
  channel.peerHoldsBack = peerHoldsBack;
  return await dialFake({ channel });
}

Deno.test("an end that waits for more, and has nothing to say, says so a millisecond after what came last", async () => {
  const { channel, clock, session } = await dialHolding();
  const calls = [session.call(bytes(1)), session.call(bytes(2))];
  channel.taken();
  channel.deliver(replyFrame(0));
  await clock.advance(0.9);
  assert.deepEqual(channel.taken(), []);
  await clock.advance(0.2);
  assert.deepEqual(channel.taken(), [nudge]);
  await clock.advance(1000);
  assert.deepEqual(channel.taken(), [], "once is enough");
  channel.deliver(replyFrame(1));
  await Promise.all(calls);
  await clock.advance(1000);
  assert.deepEqual(channel.taken(), [], "nothing is waited for");
  void session.call(bytes(3)).catch(() => {});
  void session.call(bytes(4)).catch(() => {});
  channel.taken();
  for (const id of [0, 1]) channel.deliver(replyFrame(id));
  assert.equal(session.load, 0);
  await clock.advance(1000);
  assert.deepEqual(channel.taken(), [], "nor when the last one came along");
  channel.finish();
});

Deno.test("an end that has sent something meanwhile need not say more, nor one whose peer holds nothing back", async () => {
  for (const holds of [true, false]) {
    const { channel, clock, session } = await dialHolding(holds);
    void session.call(bytes(1)).catch(() => {});
    void session.call(bytes(2)).catch(() => {});
    channel.deliver(replyFrame(0));
    if (holds) void session.call(bytes(3)).catch(() => {});
    channel.taken();
    await clock.advance(1000);
    if (!holds) channel.begin();
    assert.deepEqual(channel.taken(), []);
    channel.finish();
  }
});

Deno.test("the first part of a frame is answered at once, further parts after a millisecond", async () => {
  const { channel, clock, session } = await dialHolding();
  void session.call(bytes(1)).catch(() => {});
  channel.taken();
  channel.begin();
  assert.deepEqual(channel.taken(), [nudge]);
  channel.begin();
  assert.deepEqual(channel.taken(), []);
  await clock.advance(1);
  assert.deepEqual(channel.taken(), [nudge]);
  channel.deliver(replyFrame(0));
  channel.begin();
  assert.deepEqual(channel.taken(), [nudge], "another frame");
  channel.finish();
  await clock.advance(1000);
  assert.deepEqual(channel.taken(), []);
  assert.equal(clock.pending, 0);
});

Deno.test("parts of a frame disturb neither what is on its way, nor an end that closes", async () => {
  const { channel, session } = await dialHolding();
  channel.taken();
  channel.bufferedBytes = 1;
  channel.begin();
  assert.deepEqual(channel.taken(), []);
  channel.bufferedBytes = 0;
  channel.closes = 1;
  channel.begin();
  assert.equal(channel.aborted, undefined);
  assert.equal(session.state, "open");
  channel.finish();
});

Deno.test("over TLS the rest of a reply comes from a peer that waits for a sign of life", async () => {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: testCert, key: testKey });
  const seen: string[] = [];
  const serving = (async () => {
    using conn = await listener.accept();
    const next = async (): Promise<string> => {
      const head = new Uint8Array(4);
      for (let have = 0; have < 4;) have += await conn.read(head.subarray(have)) ?? assert.fail("it ended");
      const message = new Uint8Array(new DataView(head.buffer).getUint32(0));
      for (let have = 0; have < message.length;) {
        have += await conn.read(message.subarray(have)) ?? assert.fail("it ended");
      }
      return message.toHex();
    };
    const framed = (message: Uint8Array): Uint8Array => {
      const frame = new Uint8Array(4 + message.length);
      new DataView(frame.buffer).setUint32(0, message.length);
      frame.set(message, 4);
      return frame;
    };
    await next();
    await conn.write(framed(helloFrame()));
    seen.push(await next());
    const reply = framed(replyFrame(0, [1, 2, 3]));
    await conn.write(reply.subarray(0, 6));
    seen.push(await next());
    await conn.write(reply.subarray(6));
    await next().catch(() => {});
  })();
  const wire = chain(tcp({ port: listener.addr.port, tls: { caCerts: [testCert] } }), mux());
  const session = await wire.dial();
  assert.deepEqual(await within(session.call(bytes(9)), "the reply"), bytes(1, 2, 3));
  assert.deepEqual(seen, ["010000000009", nudge]);
  const closing = session.close({ graceMs: 0 });
  await serving;
  await closing.catch(() => {});
  listener.close();
});
