/**
 * Conformance of channel transports: listening, dialling, and counting.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, type ChannelTransport, TransportError } from "../../mod.ts";
import { join, numbered, part, Recorder, until, within } from "../support/channels.ts";
import type { ConformanceTest } from "./channel_suite.ts";

const refused = (code: string) => (error: unknown): boolean => {
  assert.ok(error instanceof TransportError, String(error));
  assert.equal(error.code, code);
  assert.equal(error.processed, "no");
  return true;
};

/** Dials and sends a message: true where it was taken, false where the connection was turned away. */
async function isServed(transport: ChannelTransport, channels: Channel[]): Promise<boolean> {
  let channel: Channel;
  try {
    channel = await transport.dial();
  } catch (error) {
    return !refused("connect-failed")(error);
  }
  const recorder = new Recorder();
  channel.receive(recorder);
  try {
    await channel.send("hello");
  } catch (error) {
    // It may be over before it could be used.
    assert.ok(error instanceof TransportError);
  }
  await recorder.until(() => recorder.messages.length + recorder.ends + recorder.closes > 0, "an answer or the end");
  if (recorder.messages.length > 0) channels.push(channel);
  else await channel.close();
  return recorder.messages.length > 0;
}

/** Registers them. */
export function listenerTests(test: ConformanceTest): void {
  test("does not dial for a signal that is aborted already", {}, async (transport) => {
    const listener = await transport.listen((channel) => channel.receive(new Recorder()));
    await assert.rejects(transport.dial({ signal: AbortSignal.abort() }), refused("cancelled"));
    const why = new TransportError("deadline-exceeded", "Test: too late", { processed: "no" });
    await assert.rejects(transport.dial({ signal: AbortSignal.abort(why) }), (error) => error === why);
    await listener.close();
  });

  test("says that nobody listens, and listens again after a close", {}, async (transport) => {
    const first = await transport.listen((channel) => void channel.close());
    await first.close();
    await first.close();
    await first.finished;
    await assert.rejects(transport.dial(), refused("connect-failed"));
    const pair = await join(transport);
    await part(pair);
    await assert.rejects(transport.dial(), refused("connect-failed"));
  });

  test("refuses to listen twice on one address", {}, async (transport) => {
    const listener = await transport.listen((channel) => void channel.close());
    await assert.rejects(transport.listen(() => {}), refused("address-in-use"));
    await listener.close();
  });

  test("turns away who is over maxConnections, and takes the next when one has gone", {
    maxConnections: 2,
  }, async (transport) => {
    const listener = await transport.listen((channel) => {
      channel.receive({ message: (text) => channel.send(text), end: () => void channel.close(), closed: () => {} });
    });
    const open: Channel[] = [];
    assert.equal(await isServed(transport, open), true);
    assert.equal(await isServed(transport, open), true);
    assert.equal(await isServed(transport, open), false);
    assert.equal(await isServed(transport, open), false);
    assert.equal(listener.counters.connectionsRefused, 2);
    assert.equal(listener.counters.connectionsAccepted, 2);
    assert.equal(listener.counters.connectionsOpen, 2);
    await open.pop()!.close();
    await until(() => listener.counters.connectionsOpen === 1, "a free place");
    assert.equal(await isServed(transport, open), true);
    await Promise.all(open.map((channel) => channel.close()));
    await until(() => listener.counters.connectionsOpen === 0, "all places free");
    assert.equal(listener.counters.connectionsRefused, 2);
    await listener.close();
  });

  test("lets accepted channels live on when the listener closes", {}, async (transport) => {
    const pair = await join(transport);
    const [near, far] = [new Recorder(), new Recorder((message) => pair.far.send(message))];
    pair.near.receive(near);
    pair.far.receive(far);
    await within(pair.listener.close(), "the listener's end");
    await pair.listener.finished;
    for (let i = 0; i < 50; i++) await pair.near.send(numbered(i, 3000));
    await near.count(50);
    assert.equal(pair.listener.counters.connectionsOpen, 1);
    await part(pair, near, far);
  });

  test("ends only the connection at which accept() throws", {}, async (transport) => {
    let accepted = 0;
    const listener = await transport.listen((channel) => {
      if (++accepted === 1) throw new Error("Test: cannot take this one");
      channel.receive({ message: (text) => channel.send(text), end: () => void channel.close(), closed: () => {} });
    });
    const open: Channel[] = [];
    assert.equal(await isServed(transport, open), false);
    assert.equal(await isServed(transport, open), true);
    assert.equal(listener.counters.connectionsFailed, 1);
    await open[0].close();
    await until(() => listener.counters.connectionsOpen === 0, "no connection left open");
    await listener.close();
  });

  test("counts connections, messages and bytes", { countsBytes: true }, async (transport) => {
    const pair = await join(transport);
    const { counters } = pair.listener;
    const [near, far] = [new Recorder(), new Recorder((message) => pair.far.send(message))];
    pair.near.receive(near);
    pair.far.receive(far);
    for (let i = 0; i < 100; i++) await pair.near.send(numbered(i, 1000));
    await near.count(100);
    assert.equal(counters.connectionsOpen, 1);
    assert.equal(counters.connectionsAccepted, 1);
    assert.equal(counters.messagesIn, 100);
    assert.equal(counters.messagesOut, 100);
    // Up to 20 bytes a message for its frame and the end of the connection, on any transport.
    for (const bytes of [counters.bytesIn, counters.bytesOut]) {
      assert.ok(bytes >= 100_000 && bytes <= 102_000, `${bytes} bytes were counted`);
    }
    // The two directions may frame differently: a WebSocket client masks what it sends.
    assert.ok(
      Math.abs(counters.bytesIn - counters.bytesOut) <= 500,
      `${counters.bytesIn} in, ${counters.bytesOut} out`,
    );
    await part(pair, near, far);
    const { connectionsOpen, connectionsAccepted, connectionsFailed, connectionsRefused } = counters;
    assert.deepEqual([connectionsOpen, connectionsAccepted, connectionsFailed, connectionsRefused], [0, 1, 0, 0]);
  });

  test("counts a connection that ended with an error as failed, once", {}, async (transport) => {
    const pair = await join(transport);
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    pair.far.receive(far);
    pair.far.abort(new TransportError("cancelled", "Test: pulled the plug"));
    pair.far.abort(new TransportError("cancelled", "Test: pulled the plug again"));
    await near.until(() => near.ends + near.closes > 0, "the peer's end");
    assert.equal(pair.listener.counters.connectionsFailed, 1);
    assert.equal(pair.listener.counters.connectionsOpen, 0);
    await part(pair, near, far);
    assert.equal(pair.listener.counters.connectionsFailed, 1);
  });
}
