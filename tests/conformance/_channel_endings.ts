/**
 * Conformance of channels: every way in which a connection can end.
 *
 * A wire may be unable to tell an abort from an end: Deno closes a socket with
 * a FIN, whatever is lost by it. So an abort is heard by the far side as a
 * typed error, or else as the end of what the peer sends.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, TransportError } from "../../mod.ts";
import { bytesOf, join, numbered, part, Recorder, sameBytes, within } from "../support/channels.ts";
import type { ChannelCapabilities, ConformanceTest } from "./channel_suite.ts";

function reason(): TransportError {
  return new TransportError("cancelled", "Test: pulled the plug");
}

/** Waits until the far side knows that the peer is gone; checks what it was told. */
async function heardTheEnd(channel: Channel, recorder: Recorder): Promise<void> {
  await recorder.until(() => recorder.ends + recorder.closes > 0, "the peer's end");
  await within(channel.close(), "close() after the peer's end");
  await recorder.over();
  if (recorder.ends === 0) {
    assert.ok(recorder.error instanceof TransportError, "an end out of order comes with an error");
    assert.equal(recorder.error.code, "connection-lost");
  }
  recorder.checkOver();
}

/** What the peer of an end that has closed may still do. */
function halfTests(test: ConformanceTest, halfClose: boolean): void {
  if (!halfClose) {
    return test("tells the peer of its end, which is the end of both directions", {}, async (transport) => {
      for (const closes of ["near", "far"] as const) {
        const pair = await join(transport);
        const [near, far] = [new Recorder(), new Recorder()];
        pair.near.receive(near);
        pair.far.receive(far);
        const [own, others] = closes === "near" ? [near, far] : [far, near];
        await pair[closes].send("last words");
        const closing = pair[closes].close();
        await others.until(() => others.ends === 1, "the end");
        assert.equal(others.messages.length, 1);
        await Promise.all([pair.near.close(), pair.far.close(), within(closing, "close()")]);
        assert.equal(await own.over(), undefined);
        assert.equal(await others.over(), undefined);
        await part(pair, near, far);
      }
    });
  }
  test("tells the peer of its end, and goes on taking what the peer sends", {}, async (transport) => {
    const pair = await join(transport);
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    pair.far.receive(far);
    await pair.near.send("last words");
    const closing = pair.near.close();
    await far.until(() => far.ends === 1, "the end");
    assert.equal(far.messages.length, 1);
    assert.equal(far.closes, 0, "half a connection is not over");
    for (let i = 0; i < 300; i++) await pair.far.send(numbered(i, 5000));
    await near.count(300);
    assert.equal(near.closes, 0);
    await Promise.all([pair.far.close(), within(closing, "close()")]);
    assert.equal(await near.over(), undefined);
    assert.equal(await far.over(), undefined);
    near.messages.forEach((message, i) => sameBytes(bytesOf(message), numbered(i, 5000), `message ${i}`));
    await part(pair, near, far);
  });
}

/** Registers them. */
export function endingTests(test: ConformanceTest, can: ChannelCapabilities): void {
  halfTests(test, can.halfClose);

  test("sends all that it was given before it closes", {}, async (transport) => {
    const pair = await join(transport);
    const near = new Recorder();
    const far = new Recorder((): Promise<void> => Promise.resolve());
    pair.near.receive(near);
    pair.far.receive(far);
    for (let i = 0; i < 120; i++) void pair.near.send(numbered(i, 60_000));
    const closing = pair.near.close();
    assert.throws(() => pair.near.send("too late"), { name: "TransportError", code: "closed", processed: "no" });
    await far.until(() => far.ends === 1, "the end");
    assert.equal(far.messages.length, 120);
    far.messages.forEach((message, i) => sameBytes(bytesOf(message), numbered(i, 60_000), `message ${i}`));
    await Promise.all([pair.far.close(), within(closing, "close()")]);
    await part(pair, near, far);
  });

  test("closes from both sides at once in order", {}, async (transport) => {
    const pair = await join(transport);
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    pair.far.receive(far);
    void pair.near.send("from near");
    void pair.far.send("from far");
    await within(Promise.all([pair.near.close(), pair.far.close()]), "close() on both sides");
    assert.equal(near.error, undefined);
    assert.equal(far.error, undefined);
    // What was on its way to an end that had closed may be lost where that is over at once.
    const both = [near.messages.length, far.messages.length];
    if (can.halfClose) assert.deepEqual(both, [1, 1]);
    else assert.ok(both.every((messages) => messages <= 1));
    await part(pair, near, far);
  });

  test("gives the same promise for every close(), and refuses to send from then on", {}, async (transport) => {
    const pair = await join(transport);
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    pair.far.receive(far);
    const closing = pair.near.close();
    assert.equal(pair.near.close(), closing);
    assert.throws(() => pair.near.send("x"), { code: "closed" });
    await Promise.all([closing, pair.far.close()]);
    assert.equal(pair.near.close(), closing);
    for (const channel of [pair.near, pair.far]) assert.throws(() => channel.send("x"), { code: "closed" });
    await part(pair, near, far);
  });

  test("ends at once for an abort before anybody receives", {}, async (transport) => {
    const pair = await join(transport);
    const why = reason();
    pair.near.abort(why);
    assert.throws(() => pair.near.send("x"), { code: "closed" });
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    near.checkOver();
    assert.equal(near.error, why);
    pair.far.receive(far);
    await heardTheEnd(pair.far, far);
    await part(pair, near, far);
  });

  test("loses only the rest of a burst to an abort in the midst of it", {}, async (transport) => {
    for (const burst of [0, 1, 3, 40]) {
      const pair = await join(transport);
      const [near, far] = [new Recorder(), new Recorder()];
      pair.near.receive(near);
      pair.far.receive(far);
      for (let i = 0; i < 40; i++) await pair.near.send(numbered(i, 5000));
      for (let i = 40; i < 40 + burst; i++) void pair.near.send(numbered(i, 60_000));
      const why = reason();
      pair.near.abort(why);
      assert.equal(near.error, why);
      await heardTheEnd(pair.far, far);
      assert.ok(far.messages.length <= 40 + burst);
      far.messages.forEach((message, i) => {
        sameBytes(bytesOf(message), numbered(i, i < 40 ? 5000 : 60_000), `message ${i}`);
      });
      await part(pair, near, far);
    }
  });

  test("ends for an abort while a receiver pauses, on either side", {}, async (transport) => {
    for (const aborts of ["near", "far"] as const) {
      const pair = await join(transport);
      const gate = Promise.withResolvers<void>();
      const [near, far] = [new Recorder(), new Recorder(() => gate.promise)];
      pair.near.receive(near);
      pair.far.receive(far);
      void pair.near.send("pause at this");
      await far.count(1);
      for (let i = 0; i < 30; i++) void pair.near.send(numbered(i, 5000));
      const [own, others] = aborts === "near" ? [near, far] : [far, near];
      const why = reason();
      pair[aborts].abort(why);
      assert.equal(own.error, why);
      own.checkOver();
      gate.resolve();
      await heardTheEnd(pair[aborts === "near" ? "far" : "near"], others);
      if (aborts === "far") assert.equal(far.messages.length, 1, "nothing is handed out after the end");
      await part(pair, near, far);
    }
  });

  test("resolves close() when an abort overtakes it, on either side", {}, async (transport) => {
    for (const aborts of ["near", "far"] as const) {
      const pair = await join(transport);
      const [near, far] = [new Recorder(), new Recorder()];
      pair.near.receive(near);
      pair.far.receive(far);
      for (let i = 0; i < 100; i++) void pair.near.send(numbered(i, 60_000));
      const closing = pair.near.close();
      pair[aborts].abort(reason());
      await within(closing, "close()");
      near.checkOver();
      if (aborts === "near") await heardTheEnd(pair.far, far);
      await part(pair, near, far);
    }
  });

  test("ignores an abort after the end", {}, async (transport) => {
    const pair = await join(transport);
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    pair.far.receive(far);
    await Promise.all([pair.near.close(), pair.far.close()]);
    pair.near.abort(reason());
    pair.far.abort(reason());
    assert.equal(near.error, undefined);
    await part(pair, near, far);
  });

  test("ends the connection whose receiver throws or rejects, with its error", {}, async (transport) => {
    const fail = (): never => {
      throw new Error("Test: cannot understand this");
    };
    for (const onMessage of [fail, async () => await fail()]) {
      const pair = await join(transport);
      const [near, far] = [new Recorder(), new Recorder(onMessage)];
      pair.near.receive(near);
      pair.far.receive(far);
      await pair.near.send("boo");
      const error = await far.over();
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, "protocol");
      assert.match(error.message, /cannot understand this/);
      await heardTheEnd(pair.near, near);
      await part(pair, near, far);
    }
  });

  test("ends the connection whose receiver throws at the peer's end", {}, async (transport) => {
    const pair = await join(transport);
    const [near, far] = [new Recorder(), new Recorder()];
    far.end = () => {
      throw new Error("Test: cannot bear the end");
    };
    pair.near.receive(near);
    pair.far.receive(far);
    await within(pair.near.close(), "close()");
    assert.match(String((await far.over())?.message), /cannot bear the end/);
    await part(pair, near, far);
  });

  test("is over in order for all others where a receiver throws at its end", {}, async (transport) => {
    for (const aborts of [false, true]) {
      const pair = await join(transport);
      const [near, far] = [new Recorder(), new Recorder()];
      for (const recorder of [near, far]) {
        const closed = recorder.closed;
        recorder.closed = function (error): void {
          closed.call(recorder, error);
          throw new Error("Test: cannot bear the end");
        };
      }
      pair.near.receive(near);
      pair.far.receive(far);
      if (aborts) pair.near.abort(reason());
      await within(Promise.all([pair.near.close(), pair.far.close()]), "close() on both sides");
      await part(pair, near, far);
    }
  });

  test("takes one receiver only", {}, async (transport) => {
    const pair = await join(transport);
    const [near, far] = [new Recorder(), new Recorder()];
    pair.near.receive(near);
    pair.far.receive(far);
    assert.throws(() => pair.near.receive(new Recorder()), { name: "TransportError", code: "unsupported" });
    await part(pair, near, far);
  });
}
